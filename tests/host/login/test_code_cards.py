"""Printed code cards stay valid when the policy for new ones changes."""

from dataclasses import replace

import pytest
from tests.host.login.scenario import CHEAP, PASSWORD, Scenario, looked_up

from dsc_host.errors import InputError
from dsc_host.login import Kind, LoginSystem, Policy, Status, Step, TooManyAttempts, json_column, rows
from dsc_host.login.devices.kinds.code_card import SheetData
from dsc_host.login.transaction import LoginTransaction, found


def under(scenario: Scenario, **wanted: int) -> LoginSystem:
    return LoginSystem.over(scenario.verifier, policy=Policy.of({**CHEAP, "code_card": wanted}))


def asked_for(system: LoginSystem) -> Step:
    """Begin a login with anna's code card and ask for the index numbers."""
    begun = system.begin("anna", PASSWORD)
    return system.choose(begun.token, next(each.id for each in begun.choices if each.kind is Kind.CODE_CARD))


def enters(system: LoginSystem, codes: tuple[str, ...]) -> bool:
    step = asked_for(system)
    return system.answer(step.token, looked_up(codes, step.offer)).step is not None


@pytest.mark.parametrize("wanted", [
    {"codes": 4}, {"codes": 500}, {"code_letters": 8}, {"indexes": 4}, {"codes": 20, "code_letters": 1, "indexes": 3},
])  # fmt: skip
def test_a_printed_card_keeps_its_own_codes(scenario: Scenario, wanted: dict[str, int]) -> None:
    codes, system = scenario.with_codes("anna"), under(scenario, **wanted)
    for _ in range(3):
        assert enters(system, codes)
    assert enters(scenario.system, codes)


def test_a_card_that_has_been_half_used_is_used_to_its_end(scenario: Scenario) -> None:
    """Every code is asked for once, even after the policy gives new cards fewer codes."""
    codes, asked = scenario.with_codes("anna"), []
    for system in (scenario.system, under(scenario, codes=10)):
        for _ in range(20):
            step = asked_for(system)
            assert step.offer is not None
            asked += step.offer.shows["indexes"].split()
            assert system.answer(step.token, looked_up(codes, step.offer)).step
            scenario.clock.advance(60)
    assert len(set(asked)) == len(asked) == 80
    assert max(map(int, asked)) <= len(codes)


def test_a_card_of_an_early_version_works_when_the_policy_has_fewer_codes(scenario: Scenario) -> None:
    """Such a card records which of its codes were asked for, but not how many codes it has."""
    codes = scenario.with_codes("anna")

    def age(tx: LoginTransaction) -> None:
        card = found(rows.devices.one(tx.db, rows.devices.c.kind == Kind.CODE_CARD))
        early = replace(SheetData.of(card), codes=None, letters=None, asked="f0" + 28 * "00")
        rows.devices.change(tx.db, card.id, data=json_column.write(early))

    scenario.system.change(age)
    for _ in range(3):
        assert enters(under(scenario, codes=100), codes)


def test_a_card_that_waits_to_be_activated_is_shown_as_it_was_printed(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("anna"))
    scenario.waited("anna")
    system, token = under(scenario, codes=30, code_letters=7), scenario.session("anna")
    assert system.sheet(token, card.id) == codes
    assert system.activate(token, looked_up(codes, system.ask_to_activate(token, card.id)))


@pytest.mark.parametrize("wanted", [
    {"indexes": 5, "code_letters": 16}, {"codes": 1, "indexes": 2}, {"codes": 10_001}, {"codes": 0}, {"code_letters": 0},
])  # fmt: skip
def test_a_card_that_nobody_could_answer_is_no_policy(wanted: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"^policy: \[code_card\]"):
        Policy.of({"code_card": wanted})


def test_the_longest_answer_that_is_allowed_is_taken(scenario: Scenario) -> None:
    system = under(scenario, indexes=4, code_letters=15)
    card, codes = system.staff.issue_code_card(scenario.call("anna"))
    scenario.waited("anna")
    token = scenario.session("anna")
    answer = looked_up(codes, system.ask_to_activate(token, card.id))
    assert len(answer) == 63
    assert system.activate(token, answer)


# ---- an attacker cannot wait for known codes ----


def indexes(step: Step) -> str:
    assert step.offer is not None
    return step.offer.shows["indexes"]


def test_the_same_numbers_are_asked_to_activate_a_card(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("anna"))
    scenario.waited("anna")
    token, other = scenario.session("anna"), scenario.session("anna")
    offers = [scenario.system.ask_to_activate(each, card.id) for each in (token, other, token)]
    assert len({offer.shows["indexes"] for offer in offers}) == 1
    assert scenario.system.activate(token, looked_up(codes, offers[0]))


def test_three_wrong_answers_bring_other_numbers_and_are_counted(scenario: Scenario) -> None:
    scenario.with_codes("anna")
    seen, refused = set[str](), 0
    while len(seen) < 20:
        try:
            step = asked_for(scenario.system)
        except TooManyAttempts:
            break
        seen.add(indexes(step))
        assert scenario.system.answer(step.token, "2222 2222").status is Status.REFUSED
        refused += 1
    assert (len(seen), refused) == (4, 10)


def test_what_was_typed_into_one_login_is_good_for_no_other(scenario: Scenario) -> None:
    codes, system = scenario.with_codes("anna"), scenario.system
    thieves, owner = [asked_for(system) for _ in range(12)], asked_for(system)
    answer = looked_up(codes, owner.offer)
    assert system.answer(owner.token, answer).step
    for thief in thieves:
        assert system.answer(thief.token, answer).status is Status.REFUSED
    # Nothing was compared, so nothing is counted: a second window of her own does not lock her card.
    assert enters(system, codes)
