"""The records of the login system: a backup restores them into either database, and a new master key can open them."""

import io
from pathlib import Path

import pytest
from tests.host import databases
from tests.host.databases import new_database
from tests.host.login.scenario import CHEAP, PASSWORD, Scenario
from tests.host.login.wrong_passwords import tried
from tests.host.verifier_samples import MASTER, Clock
from tests.pentest.target import Phone, Target

from dsc_host.errors import DscError
from dsc_host.login import Kind, LoginSystem, NotIn, Policy, Stage, TooManyAttempts
from dsc_host.records import tables
from dsc_host.schema import login_tables
from dsc_host.verifier import Keyring, MasterKey, Verifier
from dsc_host.verifier.backup import backup, restore

NEW = MasterKey(b"\x5a" * 32)
HELD = (Kind.DSC_PLUS, Kind.CODE_CARD, Kind.TEMPORARY_CODE, Kind.PHONE_APP)


def equipped(scenario: Scenario) -> Target:
    """Give anna one device of each kind that stores a secret."""
    at = Target(scenario, lambda *_: pytest.fail("no pages here"))
    # A lasting device ends temporary devices, so these are given last.
    for kind in (Kind.PHONE_APP, Kind.CODE_CARD, Kind.TEMPORARY_CODE):
        at.give(kind)
    return at


def comes_in(system: LoginSystem, at: Target, kind: Kind) -> bool:
    begun = system.begin("anna", PASSWORD)
    device = next(each.id for each in begun.choices if each.kind is kind)
    step = system.choose(begun.token, device, manual=True)
    assert step.offer is not None
    done = system.answer(step.token, at.right(kind, next(iter(step.offer.shows.values()), ""))).step
    return done is not None and done.stage is Stage.IN


def opened(url: str, clock: Clock, *keys: MasterKey) -> Verifier:
    return Verifier.open(url, master_key=Keyring(*keys), clock=clock)


def over(verifier: Verifier) -> LoginSystem:
    return LoginSystem.over(verifier, policy=Policy.of(CHEAP))


@pytest.mark.parametrize("to", databases.parameters())
def test_everybody_comes_in_after_a_restore_and_nobody_is_in(scenario: Scenario, clock: Clock, tmp_path: Path, to: str) -> None:
    at, session, file = equipped(scenario), scenario.session("anna"), io.BytesIO()
    backup(scenario.verifier, file)
    file.seek(0)
    (tmp_path / "restored").mkdir()
    with new_database(to, tmp_path / "restored") as database:
        restore(database.url, MASTER, file, clock=clock)
        with opened(database.url, clock, MASTER) as verifier:
            system = over(verifier)
            with pytest.raises(NotIn):
                system.visitor(session)
            assert all(comes_in(system, at, kind) for kind in HELD)
            assert verifier.audit.check().sound


def test_every_table_is_in_a_backup_but_the_sessions(scenario: Scenario, clock: Clock, tmp_path: Path) -> None:
    equipped(scenario)
    scenario.system.withdraw(scenario.session("anna"), scenario.system.policy.request.rates["USD"])
    file = io.BytesIO()
    backup(scenario.verifier, file)
    file.seek(0)
    (tmp_path / "restored").mkdir()
    with new_database("sqlite", tmp_path / "restored") as database:
        restore(database.url, MASTER, file, clock=clock)
        with opened(database.url, clock, MASTER) as verifier, verifier.context.store.read() as db:
            after = {table.name: db.execute(table.select().order_by(*table.primary_key)).all() for table in login_tables.ALL}
    with scenario.verifier.context.store.read() as db:
        before = {table.name: db.execute(table.select().order_by(*table.primary_key)).all() for table in login_tables.ALL}
    assert before.pop("sessions")
    assert after.pop("sessions") == []
    assert sum(map(bool, before.values())) >= 9
    assert {name: list(map(tuple, rows)) for name, rows in after.items()} == {
        name: list(map(tuple, rows)) for name, rows in before.items()
    }


@pytest.mark.every_database
def test_the_master_key_is_changed_and_everybody_comes_in_but_who_has_guessed(scenario: Scenario, clock: Clock) -> None:
    at, url = equipped(scenario), scenario.url
    while tried(scenario, "carl", "192.0.2.66"):
        pass
    with opened(url, clock, NEW, MASTER) as verifier:
        with pytest.raises(TooManyAttempts):
            over(verifier).begin("carl", PASSWORD, "192.0.2.66")
        assert all(comes_in(over(verifier), at, each) for each in HELD)
        verifier.rekey()
        assert set(verifier.keys_in_use()) == {NEW.id}
        assert all(comes_in(over(verifier), at, each) for each in HELD)
    with opened(url, clock, NEW) as verifier:
        assert all(comes_in(over(verifier), at, each) for each in HELD)
        with pytest.raises(TooManyAttempts):
            over(verifier).begin("carl", PASSWORD, "192.0.2.66")
    with pytest.raises(DscError), opened(url, clock, MASTER) as verifier:
        comes_in(over(verifier), at, Kind.CODE_CARD)


def test_a_secret_that_was_tampered_with_opens_nothing(scenario: Scenario) -> None:
    at = equipped(scenario)
    scenario.system.change(lambda tx: tx.db.execute(tables.vault.update().values(sealed=bytes(60))))
    for kind in (Kind.CODE_CARD, Kind.TEMPORARY_CODE):
        begun = scenario.system.begin("anna", PASSWORD)
        device = next(each.id for each in begun.choices if each.kind is kind)
        step = scenario.system.choose(begun.token, device)
        with pytest.raises(DscError, match=r"^secret .*: does not open: it was changed"):
            scenario.system.answer(step.token, at.temporary if kind is Kind.TEMPORARY_CODE else "2222 2222")
    assert isinstance(at.phone, Phone)
