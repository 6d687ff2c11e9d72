"""The work of a refused login: it is the same for every name, and a lack of memory is refused clearly."""

import sys
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.host.login.scenario import CHEAP, PASSWORD, Scenario, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.cli.main import run
from dsc_host.errors import OutOfMemory
from dsc_host.login import LoginSystem, Policy, WrongCredentials, passwords, rows
from dsc_host.login.passwords import HashCost, Passwords
from dsc_host.login.transaction import LoginTransaction

WRONG = "a wrong one, surely"
OLD = HashCost(8, 1, 1)
POLICIES = {"dearer": HashCost(16, 2, 1), "cheaper": HashCost(8, 1, 1), "wider": HashCost(32, 1, 2)}


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with new_scenario(Clock()) as made:
        yield made


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[HashCost]:
    """Return a list of the hashes that are computed from now on."""
    done: list[HashCost] = []

    class Recorded:
        def __init__(self, *, salt: bytes, length: int, iterations: int, lanes: int, memory_cost: int) -> None:
            self._work = HashCost(memory_cost, iterations, lanes)
            self._kdf = Argon2id(salt=salt, length=length, iterations=iterations, lanes=lanes, memory_cost=memory_cost)

        def derive(self, data: bytes) -> bytes:
            done.append(self._work)
            return self._kdf.derive(data)

        def derive_phc_encoded(self, data: bytes) -> str:
            done.append(self._work)
            return self._kdf.derive_phc_encoded(data)

        @staticmethod
        def verify_phc_encoded(data: bytes, kept: str) -> None:
            found = HashCost.of(kept)
            assert found is not None
            done.append(found)
            Argon2id.verify_phc_encoded(data, kept)

    monkeypatch.setattr(passwords, "Argon2id", Recorded)
    return done


def under(scenario: Scenario, cost: HashCost) -> LoginSystem:
    """Return the same system under a policy with another cost."""
    changed = {"memory_kib": cost.memory_kib, "iterations": cost.iterations, "lanes": cost.lanes}
    return LoginSystem.over(scenario.verifier, policy=Policy.of({"passwords": changed}))


def refused(system: LoginSystem, name: str, work: list[HashCost]) -> list[HashCost]:
    work.clear()
    with pytest.raises(WrongCredentials):
        system.begin(name, WRONG, "192.0.2.9")
    return [*work]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_refusal_is_the_same_work_whatever_cost_a_hash_has(scenario: Scenario, work: list[HashCost], policy: str) -> None:
    new = POLICIES[policy]
    system = under(scenario, new)
    system.operator.add_user(scenario.accounts["carl"], "newcomer", PASSWORD, email="n@example.com")
    by_name = {name: refused(system, name, work) for name in ("anna", "newcomer", "nobody")}
    assert by_name["anna"] == by_name["newcomer"] == by_name["nobody"] == sorted({OLD, new})


def test_a_cost_that_turns_up_later_is_paid_by_all(scenario: Scenario, work: list[HashCost]) -> None:
    system = under(scenario, POLICIES["dearer"])
    refused(system, "nobody", work)
    elsewhere = under(scenario, POLICIES["wider"])
    elsewhere.operator.add_user(scenario.accounts["carl"], "newcomer", PASSWORD, email="n@example.com")
    assert refused(system, "newcomer", work) == refused(system, "nobody", work) == refused(system, "anna", work)


def test_a_cost_that_nobody_has_any_more_is_not_paid(scenario: Scenario, work: list[HashCost]) -> None:
    system = under(scenario, POLICIES["dearer"])
    for name in ("anna", "ben", "carl", "sue", "ivo", "cleo"):
        refused(system, name, work)
        system.begin(name, PASSWORD, "192.0.2.8")
    scenario.clock.advance(3600)
    assert refused(system, "nobody", work) == refused(system, "anna", work) == [POLICIES["dearer"]]


def test_the_right_password_is_found_among_the_others(scenario: Scenario) -> None:
    system = under(scenario, POLICIES["dearer"])
    assert system.begin("anna", PASSWORD).user == "anna"
    assert system.begin("anna", PASSWORD).user == "anna"
    made = Passwords(Policy.of(CHEAP).passwords)
    made.stored_costs.add(POLICIES["wider"])
    assert made.matches(PASSWORD, made.hashed(PASSWORD))
    assert not made.matches(WRONG, made.hashed(PASSWORD))
    assert not made.matches(PASSWORD, "$argon2i$v=19$m=8,t=1,p=1$x$y")


# ---- lack of memory ----


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let every hash run out of memory."""

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(HashCost, "kdf", fail)
        patch.setattr(Passwords, "_compared", staticmethod(fail))
        yield patch


def counted(scenario: Scenario) -> list[int]:
    return sorted(each.failures for each in scenario.system.context.read(lambda tx: rows.attempts.all(tx.db)))


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_without_memory_nobody_is_let_in_and_no_attempt_is_counted(
    scenario: Scenario, full: pytest.MonkeyPatch, name: str
) -> None:
    before = counted(scenario)
    for password in (PASSWORD, WRONG):
        for _ in range(12):
            with pytest.raises(OutOfMemory, match="try again"):
                scenario.system.begin(name, password, "192.0.2.9")
    assert not any(counted(scenario)[len(before) :]), "what was not looked at was no attempt"
    full.undo()
    scenario.clock.advance(60)
    assert scenario.system.begin("anna", PASSWORD, "192.0.2.9").user == "anna"


def test_without_memory_a_password_stays_as_it_was(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    token = scenario.session("anna")
    with monkeypatch.context() as patch:
        patch.setattr(HashCost, "kdf", fail)
        for change in (
            lambda: scenario.system.change_password(token, PASSWORD, "another quiet harbour"),
            lambda: scenario.system.operator.set_password("anna", "another quiet harbour"),
        ):
            with pytest.raises(OutOfMemory):
                change()
    scenario.clock.advance(60)
    assert scenario.system.begin("anna", PASSWORD).user == "anna"


def test_without_a_thread_it_is_the_same(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", fail)
    with pytest.raises(OutOfMemory):
        Passwords(Policy.of(CHEAP).passwords).hashed(PASSWORD)


def test_without_memory_a_transaction_is_undone(scenario: Scenario) -> None:
    def fail(tx: LoginTransaction) -> None:
        rows.attempts.remove(tx.db)
        raise MemoryError

    before = counted(scenario)
    with pytest.raises(OutOfMemory):
        scenario.system.context.change(fail)
    assert counted(scenario) == before


def test_without_memory_a_command_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise MemoryError

    monkeypatch.setattr(sys.modules["dsc_host.cli.main"], "command", fail)
    assert run([]) == 1
    assert capsys.readouterr().err == f"Error: {OutOfMemory()}\n"


def test_a_password_is_changed_although_its_hash_is_renewed_on_the_way(scenario: Scenario) -> None:
    token = scenario.session("anna")
    dearer = Policy.of({**CHEAP, "passwords": {"memory_kib": 16, "iterations": 1}})
    LoginSystem.over(scenario.verifier, policy=dearer).change_password(token, PASSWORD, "another harbour at dusk")
    assert scenario.system.begin("anna", "another harbour at dusk").choices
