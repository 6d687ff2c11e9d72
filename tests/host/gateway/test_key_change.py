"""A change of the master key while services run: texts outside the database still open, whichever key has sealed them."""

from dataclasses import replace

import pytest
from tests.host.gateway.radius_program import Program, question
from tests.host.login.scenario import SERIALS, Scenario

from dsc_host.errors import StoreError
from dsc_host.gateway.forward_auth.tickets import Tickets
from dsc_host.gateway.radius.card_logins import CardLogins
from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.packets import Code, Type
from dsc_host.gateway.radius.responder import Responder
from dsc_host.login import LoginSystem
from dsc_host.portal.notices import Notice
from dsc_host.records.keys import Keyring, MasterKey, Secret
from dsc_host.verifier import Verifier

NEW = MasterKey(b"\x5a" * 32)


@pytest.fixture
def systems(scenario: Scenario) -> tuple[LoginSystem, LoginSystem]:
    """Two services that know both keys: the first was not restarted since the promotion of the new key."""
    old = scenario.system.context.cards.keys.current
    return under(scenario, Keyring(old, NEW)), under(scenario, Keyring(NEW, old))


def under(scenario: Scenario, keys: Keyring) -> LoginSystem:
    """Return the login system as it runs with these keys."""
    known = scenario.system.verifier
    verifier = Verifier(replace(known.context, keys=keys))
    return replace(scenario.system, context=replace(scenario.system.context, cards=verifier.context), verifier=verifier)


def test_a_ticket_of_one_service_is_good_at_the_other(scenario: Scenario, systems: tuple[LoginSystem, LoginSystem]) -> None:
    session = scenario.system.visitor(scenario.session("anna")).session
    for one, other in (systems, systems[::-1]):
        visitor, _ = Tickets.of(other, "example.com").visitor(Tickets.of(one, "example.com").seal(session))
        assert visitor.name == "anna"


def test_a_form_and_a_notice_of_one_service_open_at_the_other(
    scenario: Scenario, systems: tuple[LoginSystem, LoginSystem]
) -> None:
    token, notice = scenario.session("anna"), Notice("password")
    for one, other in (systems, systems[::-1]):
        sealed = one.proofs.seal(token, "/password", {"new": "a secret"})
        assert other.proofs.unseal(token, sealed) == ("/password", {"new": "a secret"})
        keys = one.context.cards.keys
        assert Notice.opened(notice.sealed(keys.current, token), other.context.cards.keys, token) == notice


def test_a_radius_login_goes_on_at_the_other_service(scenario: Scenario, systems: tuple[LoginSystem, LoginSystem]) -> None:
    program = Program.of(scenario, "vpn", "192.0.2.7")
    one, other = (replace(program, responder=Responder(UserLogins(each), [program.client])) for each in systems)
    reply = one.ask()
    assert reply is not None
    response = scenario.respond(SERIALS["anna"], question(reply))
    assert other.answer(reply.one(Type.STATE) or b"", response) == Code.ACCESS_ACCEPT


def test_a_radius_login_by_card_goes_on_at_the_other_service(
    scenario: Scenario, systems: tuple[LoginSystem, LoginSystem]
) -> None:
    program = Program.of(scenario, "vpn", "192.0.2.7")
    judges = (CardLogins(each.verifier) for each in systems)
    one, other = (replace(program, responder=Responder(each, [program.client])) for each in judges)
    reply = one.ask("anna", "")
    assert reply is not None
    response = scenario.respond(SERIALS["anna"], question(reply))
    assert other.answer(reply.one(Type.STATE) or b"", response) == Code.ACCESS_ACCEPT


def test_a_text_under_no_key_of_the_ring_does_not_open() -> None:
    sealed = MasterKey.generate().seal(b"x", "ticket", Secret.VAULT)
    with pytest.raises(StoreError, match="secret ticket: does not open"):
        Keyring(NEW, MasterKey(bytes(32))).unseal(sealed, "ticket", Secret.VAULT)
    assert Keyring(NEW).unseal(NEW.seal(b"x", "ticket", Secret.VAULT), "ticket", Secret.VAULT) == b"x"
