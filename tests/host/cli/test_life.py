"""A card's whole life through the command, from blank to blank: personalize, challenge, respond, verify, wipe.

The cards are simulated in this process. Their owners press keys at the right moments of the serial line.
"""

import re
from typing import Any

import pytest
from tests.host.command_runner import KEY, TYPED, Command, Owner, challenge, hurry, is_blank, serial, stop

from dsc_host import CardClient
from dsc_simulator import Flash, Profile, SimulatedCard

CARD_POLICY = ("--pin-policy", "card")
KEY_AT = slice(88, 120)
"""The position of the key in a record."""


@pytest.mark.parametrize("policy", [(), CARD_POLICY], ids=["ocra", "card"])
def test_a_whole_life(dscplus: Command, blank: SimulatedCard, policy: tuple[str, ...]) -> None:
    dscplus.with_records()
    done = dscplus("personalize", "IB1", *policy, stdin=TYPED)
    assert (done.code, done.err) == (0, "")
    assert dscplus.enrolled() == ["IB1"]
    for _ in range(2):
        identity, question = challenge(dscplus)
        answer = dscplus("respond", question, stdin=TYPED)
        assert (answer.code, answer.err) == (0, "")
        assert re.fullmatch("[0-9]{8}\n", answer.out)
        assert blank.display == answer.out.strip()
        verified = dscplus("verify", identity, stdin=answer.out)
        assert (verified.code, verified.out, verified.err) == (0, "accepted\n", "")
        assert dscplus.refused("verify", identity, answer.out.strip(), code=4) == "not accepted"
    blank.press("OK")
    wiped = dscplus("wipe", stdin="y\n")
    assert (wiped.code, wiped.out) == (0, "")
    assert wiped.err.endswith("The card is blank.\n")
    assert serial(blank) == ""
    assert dscplus.enrolled() == ["IB1"]


def test_a_card_cannot_make_the_key_alone(dscplus: Command) -> None:
    dscplus.with_records()
    keys = set()
    for _ in range(2):
        with SimulatedCard(seed=1) as card:
            assert dscplus("personalize", "IB1", "--card", card.url, stdin=TYPED).code == 0
            keys.add((card.flash.slots[0] or b"")[KEY_AT])
        with dscplus.verifier() as verifier:
            verifier.remove("IB1")
    assert len(keys) == 2, "what the card gave was the same"


def test_a_personalized_card_keeps_its_key(dscplus: Command, blank: SimulatedCard) -> None:
    dscplus.with_records()
    assert dscplus("personalize", "IB1", stdin=TYPED).code == 0
    before = list(blank.flash.slots)
    assert (
        dscplus.refused("personalize", "IB2", stdin=TYPED, code=1)
        == "the card is already personalized as IB1; dscplus wipe makes it blank"
    )
    assert blank.flash.slots == before
    assert dscplus.enrolled() == ["IB1"]


def test_a_serial_is_given_once(dscplus: Command, blank: SimulatedCard) -> None:
    dscplus.with_cards("IB1")
    refusal = "card IB1: is already enrolled; use another serial, or remove the enrolled card first"
    assert dscplus.refused("personalize", "IB1", stdin="1111\n", code=1) == refusal
    assert is_blank(blank)


def test_what_may_not_be_personalized(dscplus: Command, blank: SimulatedCard) -> None:
    path = dscplus.with_records()
    refused = [
        (["ib1"], TYPED, "serial: must be 1 to 16"),
        (["IB1", "--suite", "OCRA-1"], TYPED, "suite: must have three parts"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QN06"], TYPED, "suite: must have a PIN (P)"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QN06-PSHA1", *CARD_POLICY], TYPED, "suite: must have no PIN (P)"),
        (["IB1", "--pin-policy", "none"], TYPED, "pin policy: must be ocra or card"),
        (["IB1", *CARD_POLICY, "--tries", "0"], TYPED, "tries: must be 1 to 9"),
        (["IB1", "--tries", "5"], TYPED, "tries: can be chosen only with --pin-policy card"),
        (["IB1"], "", "pin: give it on standard input"),
        (["IB1"], "82460\n", "pin: must be 4 digits"),
    ]
    for arguments, typed, words in refused:
        assert dscplus.refused("personalize", *arguments, stdin=typed).startswith(words)
    assert is_blank(blank)
    assert not path.exists() or dscplus.enrolled() == []


def test_a_suite_that_only_the_card_refuses(dscplus: Command, blank: SimulatedCard) -> None:
    dscplus.with_records()
    assert dscplus.refused(
        "personalize", "IB1", "--suite", "OCRA-1:HOTP-SHA256-10:C-QN06-PSHA256", stdin=TYPED, code=1
    ).startswith("suite: a card shows 4 to 8 digits")
    assert is_blank(blank)
    assert dscplus.enrolled() == []
    assert dscplus("personalize", "IB1", stdin=TYPED).code == 0, "the serial is free"


class DeadFlash(Flash):
    """Flash that stores nothing."""

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        pass


def test_a_card_that_cannot_store(dscplus: Command) -> None:
    dscplus.with_records()
    with SimulatedCard(flash=DeadFlash()) as card:
        done = dscplus("personalize", "IB1", "--card", card.url, stdin=TYPED)
    assert (done.code, done.out) == (1, "")
    assert dscplus.enrolled() == []


def test_a_card_that_is_unplugged_meanwhile(dscplus: Command, blank: SimulatedCard) -> None:
    dscplus.with_records()
    blank.watch(lambda direction, data: blank.close() if direction == "in" and b" personalize*" in data else None)
    done = dscplus("personalize", "IB1", stdin=TYPED)
    assert (done.code, done.out) == (5, "")
    assert "The enrollment was undone." in done.err
    assert dscplus.enrolled() == []


def test_an_answer_of_the_card_that_is_lost(dscplus: Command, blank: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    hurry(monkeypatch)

    receive = blank.receive

    def lose_the_answer(*arguments: Any) -> bytes:
        data = receive(*arguments)
        return b"" if b"ok serial=IB1*" in data else data

    monkeypatch.setattr(blank, "receive", lose_the_answer)
    done = dscplus("personalize", "IB1", stdin=TYPED)
    assert (done.code, done.err) == (0, "")
    assert dscplus.enrolled() == ["IB1"]
    assert serial(blank) == "IB1"


def test_ctrl_c_takes_the_enrollment_back(dscplus: Command, blank: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()

    monkeypatch.setattr(CardClient, "personalize", stop)
    assert dscplus.refused("personalize", "IB1", stdin=TYPED, code=130) == "stopped"
    assert dscplus.enrolled() == []


def test_what_is_wrong_is_said_before_anything_is_asked_for(dscplus: Command) -> None:
    for arguments in (["ib1"], ["IB1", "--suite", "x"], ["IB1", "--pin-policy", "x"], ["IB1", "--tries", "5"]):
        assert dscplus("personalize", *arguments).code == 2, "3 would be: no card is attached"


def test_only_yes_wipes(dscplus: Command) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        for typed, code in (("", 2), ("\n", 1), ("n\n", 1), ("sure\n", 1)):
            done = dscplus("wipe", "--card", card.url, "--json", stdin=typed)
            assert (done.code, done.out) == (code, "")
            assert done.err.startswith("This card has no keypad. Wipe IB1 for good? [y/N]\n")
            assert card.display == "", "the question is not left on it"
        assert serial(card) == "IB1"


def test_a_card_in_use_is_not_wiped_and_the_way_out_is_named(dscplus: Command, held: SimulatedCard) -> None:
    held.press("PRESS", "1")
    assert dscplus.refused("wipe", code=1) == "the card is in use: switch it off with its press button, and repeat the command"


def test_a_blank_card_is_not_wiped(dscplus: Command, blank: SimulatedCard) -> None:
    assert dscplus.refused("wipe", stdin="y\n", code=1).startswith("card is blank")


@pytest.mark.parametrize(("key", "code", "left"), [("OK", 0, ""), ("C", 1, "IB1"), ("PRESS", 1, "IB1")])
def test_the_owner_decides(dscplus: Command, held: SimulatedCard, key: str, code: int, left: str) -> None:
    with Owner(held, (r"out .*text=WIPE\?", (key,))):
        done = dscplus("wipe", "--timeout", "8")
    assert (done.code, done.out) == (code, "")
    assert "Press OK on the card to make it blank" in done.err
    assert serial(held) == left


def test_an_owner_who_does_not_decide(dscplus: Command, held: SimulatedCard) -> None:
    assert dscplus.refused("wipe", "--timeout", "0.05", code=5) == "nobody answered on the card within 0.05 s"
    assert held.display == "", "the question is not left on it"
    assert serial(held) == "IB1"


def test_ctrl_c_takes_the_question_back(dscplus: Command, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CardClient, "wait_event", stop)
    assert dscplus("wipe").code == 130
    assert held.display == ""
