"""The names and dates of devices, and the removal of an app by its owner."""

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.shares import proven
from tests.host.login.town import PASSWORD, Town

from dsc_host.errors import InputError
from dsc_host.login import DeviceView, Kind, NotFound, NotIn, NotNow, ProofNeeded

CARD = "IB3000955"


def only(town: Town, token: str, kind: Kind) -> DeviceView:
    (found,) = [each for each in town.system.devices(token) if each.kind is kind]
    return found


def test_a_device_says_when_it_was_added_and_last_used(town: Town) -> None:
    before = only(town, town.session("anna"), Kind.DSC_PLUS)
    assert (before.added_at < town.clock.now + 1, before.used_at) == (True, None)
    town.clock.advance(100)
    token = town.enter("anna")
    used = town.clock.now
    assert only(town, token, Kind.DSC_PLUS).used_at == used
    town.clock.advance(1000)
    offer = town.system.proofs.ask(token, before.id)
    assert not town.system.proofs.answer(token, "00000000")
    assert only(town, token, Kind.DSC_PLUS).used_at == used
    assert town.system.proofs.answer(token, town.respond("IB3000901", offer.shows["challenge"]))
    after = only(town, token, Kind.DSC_PLUS)
    assert (after.used_at, after.added_at) == (town.clock.now, before.added_at)


def test_each_user_of_a_device_names_it(town: Town) -> None:
    ben = town.session("ben")
    town.system.confirm_share(ben, proven(town, ben))
    anna, ben = town.session("anna"), town.enter("ben")
    card = only(town, anna, Kind.DSC_PLUS).id
    town.system.name_device(anna, card, "  on my keys ")
    assert only(town, anna, Kind.DSC_PLUS).name == "on my keys"
    assert only(town, ben, Kind.DSC_PLUS).name == ""
    assert town.system.begin("anna", PASSWORD).choices[0].name == "on my keys"
    for wrong in ("x" * 33, "two\nlines", "   ", None):
        with pytest.raises(InputError, match=r"^device name: must be one line"):
            town.system.name_device(anna, card, wrong)  # type: ignore[arg-type]
    town.system.name_device(anna, card, "")
    assert only(town, anna, Kind.DSC_PLUS).name == ""
    with pytest.raises(NotFound):
        town.system.name_device(town.session("carl"), card, "mine")


def test_the_owner_removes_an_app_with_a_fresh_answer(town: Town) -> None:
    app = activated(town)
    town.give_card("ben", CARD)
    token = town.enter("ben")
    town.clock.advance(town.system.policy.protection.proof_seconds)
    with pytest.raises(ProofNeeded):
        town.system.remove_app(token, app.device)
    for other in (only(town, token, Kind.DSC_PLUS).id, "nothing"):
        with pytest.raises(NotFound):
            town.system.remove_app(town.enter("ben"), other)
    token, elsewhere = town.enter("ben"), town.enter("ben")
    town.system.remove_app(token, app.device)
    assert [each.kind for each in town.system.devices(token)] == [Kind.DSC_PLUS]
    with pytest.raises(NotIn):
        town.system.devices(elsewhere)
    with pytest.raises(NotFound):
        town.system.phones.pushes(app.device, app.token)


def test_the_last_way_in_is_removed_only_with_a_warning(town: Town) -> None:
    app = activated(town)
    step = town.chosen("ben", Kind.PHONE_APP)
    app.approve()
    token = town.answered(step.token, "")
    with pytest.raises(NotNow, match="last device"):
        town.system.remove_app(token, app.device)
    town.system.remove_app(token, app.device, last=True)
    with pytest.raises(NotIn):
        town.system.devices(token)
    assert town.system.begin("ben", PASSWORD).choices == ()
