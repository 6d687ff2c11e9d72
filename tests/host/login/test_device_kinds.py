"""A kind of device is one class and one line in the table `KINDS`: nothing else knows a kind by name."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.login import Kind, NotNow, Scope, Status
from dsc_host.login.devices import kinds, registry
from dsc_host.login.devices.kinds import Attempt, DeviceKind, Offered, Outcome
from dsc_host.login.devices.kinds.base import ACCEPTED, REFUSED
from dsc_host.login.messages import notices
from dsc_host.login.transaction import LoginTransaction, user_named


class Platinum(DeviceKind):
    """A card that answers a word with the word spelled backwards. It takes the place of the kind with its name."""

    name = Kind.PLATINUM
    lasting = True

    def offer(self, attempt: Attempt, *, manual: bool) -> Offered:
        """Show a word."""
        return Offered({"challenge": "harbour"}, {"word": "harbour"})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Compare the answer."""
        return ACCEPTED if answer == kept["word"][::-1] else REFUSED


def test_a_new_kind_is_a_class_and_a_line(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Platinum()
    monkeypatch.setitem(kinds.KINDS, kind.name, kind)

    def given(tx: LoginTransaction) -> str:
        return registry.add(tx, user_named(tx.db, "carl"), kind, notified=notices.new_user(), serial="P-1").id

    device = scenario.system.change(given)
    begun = scenario.system.begin("carl", PASSWORD)
    assert [(each.kind, each.label) for each in begun.choices if each.id == device] == [("platinum", "P-1")]
    asked = scenario.system.choose(begun.token, device)
    assert asked.offer is not None
    assert asked.offer.shows == {"challenge": "harbour"}
    assert scenario.system.answer(asked.token, "harbour").status is Status.REFUSED
    token = scenario.answered(asked.token, "ruobrah")
    assert scenario.system.visitor(token).scope is Scope.FULL
    assert scenario.system.protection(token).level.kind == "platinum"
    with pytest.raises(NotNow, match="you have a device in use"):
        scenario.system.request_online_card(token)
