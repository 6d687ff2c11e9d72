"""Cards of codes that are printed already stay good, whatever the policy wants of those that come."""

import pytest
from tests.login.town import CHEAP, PASSWORD, Town, looked_up

from dsc_host.errors import InputError
from dsc_host.login import Kind, LoginSystem, Policy


def printed(town: Town) -> tuple[str, ...]:
    """The codes of anna's card, in use."""
    card, codes = town.system.staff.issue_code_card(town.call("anna"))
    token = town.enter("anna")
    assert town.system.activate(token, looked_up(codes, town.system.ask_to_activate(token, card.id)))
    return codes


def under(town: Town, **wanted: int) -> LoginSystem:
    return LoginSystem.over(town.verifier, policy=Policy.of({**CHEAP, "code_card": wanted}))


def enters(system: LoginSystem, codes: tuple[str, ...]) -> bool:
    begun = system.begin("anna", PASSWORD)
    device = next(each.id for each in begun.choices if each.kind is Kind.CODE_CARD)
    step = system.choose(begun.token, device)
    return system.answer(step.token, looked_up(codes, step.offer)).step is not None


@pytest.mark.parametrize("wanted", [
    {"codes": 50}, {"codes": 4}, {"codes": 500}, {"code_letters": 8}, {"code_letters": 1}, {"indexes": 4},
    {"codes": 20, "code_letters": 6, "indexes": 3},
])  # fmt: skip
def test_a_printed_card_keeps_its_own_codes(town: Town, wanted: dict[str, int]) -> None:
    codes, system = printed(town), under(town, **wanted)
    for _ in range(12):
        assert enters(system, codes)
    assert enters(town.system, codes)


def test_a_card_that_has_been_half_used_is_used_to_its_end(town: Town) -> None:
    """Every code is asked for once, also after there are fewer on those that come."""
    codes, asked = printed(town), []
    for system in (town.system, under(town, codes=10)):
        for _ in range(20):
            begun = system.begin("anna", PASSWORD)
            device = next(each.id for each in begun.choices if each.kind is Kind.CODE_CARD)
            offer = system.choose(begun.token, device).offer
            assert offer is not None
            asked += offer.shows["indexes"].split()
            town.clock.advance(60)
    assert len(set(asked)) == len(asked) == 80
    assert max(map(int, asked)) <= len(codes)


def test_a_card_that_waits_to_be_activated_is_shown_as_it_was_printed(town: Town) -> None:
    card, codes = town.system.staff.issue_code_card(town.call("anna"))
    system, token = under(town, codes=30, code_letters=7), town.enter("anna")
    assert system.sheet(token, card.id) == codes
    assert system.activate(token, looked_up(codes, system.ask_to_activate(token, card.id)))


@pytest.mark.parametrize("wanted", [
    {"indexes": 5, "code_letters": 16}, {"codes": 1, "indexes": 2}, {"codes": 10_001}, {"codes": 0}, {"code_letters": 0},
])  # fmt: skip
def test_a_card_that_nobody_could_answer_is_no_policy(wanted: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"^policy: \[code_card\]"):
        Policy.of({"code_card": wanted})


def test_the_longest_answer_that_is_allowed_is_taken(town: Town) -> None:
    system = under(town, indexes=4, code_letters=15)
    card, codes = system.staff.issue_code_card(town.call("anna"))
    token = town.enter("anna")
    answer = looked_up(codes, system.ask_to_activate(token, card.id))
    assert len(answer) == 63
    assert system.activate(token, answer)
