"""A card's response through the command: typed by the command or by the card's owner, and the errors on the way.

The cards are simulated in this process. Their owners press keys at the right moments of the serial line.
"""

import re

import pytest
from tests.host.command_runner import KEY, PIN, TYPED, Command, Owner, stop

from dsc_host import CardClient
from dsc_host.cli import card_answers
from dsc_simulator import Flash, Profile, SimulatedCard


def test_what_is_no_challenge_or_no_pin(dscplus: Command) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        for question in ("48a913", "48291", "", "١٢٣٤٥٦", "4" * 100, "-48291", "48\n913"):
            assert dscplus.refused("respond", "--card", card.url, "--", question, stdin=TYPED) == "challenge: must be 6 digits"
        for typed in ("", "\n", "82460\n", "\N{FULLWIDTH DIGIT EIGHT}246\n", b"\xff\n"):
            assert dscplus.refused("respond", "482913", "--card", card.url, stdin=typed).startswith("pin: ")
        assert card.display == ""


def test_a_challenge_is_as_long_as_the_suite_says(dscplus: Command) -> None:
    profile = Profile(serial="IB1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:QA10-PSHA1")
    with SimulatedCard(profile=profile) as card:
        assert dscplus("respond", "482913", "--card", card.url).error == "challenge: must be 10 letters and digits"
        assert re.fullmatch("[0-9]{8}\n", dscplus("respond", "abcDE01234", "--card", card.url, stdin=TYPED).out)


def test_a_blank_card_has_no_response(dscplus: Command, blank: SimulatedCard) -> None:
    done = dscplus("respond", "482913", stdin=TYPED)
    assert (done.code, done.error) == (1, "the card holds no key: it is blank, or its record is damaged")


def test_a_wrong_pin_where_the_card_checks_it(dscplus: Command) -> None:
    profile = Profile(serial="IB1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", pin_policy="card", pin=PIN, tries=2)
    with SimulatedCard(profile=profile) as card:
        errors = []
        for _ in range(3):
            done = dscplus("respond", "482913", "--card", card.url, stdin="1111\n")
            assert (done.code, done.out) == (1, "")
            assert card.display == "", "no challenge is left on it"
            errors.append(done.error)
    assert errors == [
        "the PIN is wrong: the card shows FAIL 1",
        "the PIN is wrong: the card shows LOCKED",
        "the card is locked",
    ]


def test_a_card_that_is_broken(dscplus: Command) -> None:
    with SimulatedCard(flash=Flash((b"rubbish", b"rubbish"))) as card:
        done = dscplus("respond", "482913", "--card", card.url, stdin=TYPED)
        assert done.error == "the card holds no key: it is blank, or its record is damaged"
        assert dscplus("wipe", "--card", card.url, stdin="yes\n").code == 0
        assert card.display == "NO KEY"


def test_a_flat_battery(dscplus: Command) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        card.board.battery.flat = True
        assert dscplus.refused("respond", "482913", "--card", card.url, stdin=TYPED, code=1) == "the card shows LOBATT"
        assert card.display == ""


ASKED = r"in .* challenge q="
REFUSED = r"out .* err state"
SHOWN = r"out .*text=482913"
PIN_KEYS = (*PIN, "OK")


@pytest.mark.parametrize(
    "plan",
    [
        [(REFUSED, ("PRESS",)), (ASKED, (*PIN_KEYS, "OK"))],
        [(REFUSED, ("PRESS", *PIN_KEYS)), (SHOWN, ("OK",))],
        [(REFUSED, ("PRESS",)), (ASKED, ("PRESS",)), (REFUSED, ("PRESS",)), (ASKED, (*PIN_KEYS, "OK"))],
        [
            (REFUSED, ("PRESS", *PIN_KEYS)),
            (SHOWN, ("PRESS",)),
            (REFUSED, ("PRESS",)),
            (ASKED, (*PIN_KEYS, "OK")),
        ],
    ],
    ids=["challenge-first", "pin-first", "switched-off-before-the-pin", "switched-off-after-the-pin"],
)
def test_the_owner_answers(
    dscplus: Command, held: SimulatedCard, plan: list[tuple[str, tuple[str, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_answers, "LOOK_SECONDS", 0.02)
    with Owner(held, *plan):
        done = dscplus("respond", "482913", "--timeout", "8")
    assert done.code == 0
    assert done.out.strip() == held.display
    assert re.fullmatch("[0-9]{8}\n", done.out)
    assert done.err.startswith("On the card: hold press until PIN>")


def test_a_card_that_is_on_already(dscplus: Command, held: SimulatedCard) -> None:
    held.press("PRESS", *PIN_KEYS)
    with Owner(held, (ASKED, ("OK",))):
        done = dscplus("respond", "482913", "--timeout", "8")
    assert (done.code, done.out.strip()) == (0, held.display)


def test_a_card_that_still_shows_an_older_response(dscplus: Command, held: SimulatedCard) -> None:
    older = held.press("PRESS", *PIN_KEYS, *"111111", "OK")
    with Owner(held, (REFUSED, ("OK", "PRESS", *PIN_KEYS)), (SHOWN, ("OK",))):
        done = dscplus("respond", "482913", "--timeout", "8")
    assert done.code == 0
    assert older != done.out.strip() == held.display


@pytest.mark.parametrize(
    "keys",
    [("PRESS", "C"), ("PRESS", "C", "PRESS"), ("PRESS", "C", "PRESS", *PIN_KEYS)],
    ids=["off", "pin", "challenge"],
)
def test_an_owner_who_does_nothing(
    dscplus: Command, held: SimulatedCard, keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_answers, "LOOK_SECONDS", 0.02)
    held.press(*keys)
    asked: list[bytes] = []
    held.watch(lambda direction, data: asked.append(data) if b" challenge q=" in data else None)
    assert dscplus.refused("respond", "482913", "--timeout", "0.1", code=5) == "nobody answered on the card within 0.1 s"
    assert held.display == "", "no challenge is left on it"
    assert len(asked) == 1, "that the card was off before is no reason to ask again"


def test_an_owner_whose_card_breaks(dscplus: Command, held: SimulatedCard) -> None:
    held.board.battery.flat = True
    with Owner(held, (REFUSED, ("PRESS",))):
        done = dscplus("respond", "482913", "--timeout", "8")
    assert (done.code, done.error) == (1, "the card shows LOBATT")


def test_a_card_that_is_unplugged_while_its_owner_thinks(dscplus: Command, held: SimulatedCard) -> None:
    held.watch(lambda direction, data: held.close() if b"err state" in data else None)
    done = dscplus("respond", "482913", "--timeout", "8")
    assert done.code == 5
    assert "the line to the card was lost" in done.error


def test_ctrl_c_takes_the_challenge_back(dscplus: Command, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    held.press("PRESS", *PIN_KEYS)
    monkeypatch.setattr(CardClient, "wait_response", stop)
    assert dscplus("respond", "482913").code == 130
    assert held.display == ""


def test_a_timeout_that_is_none(dscplus: Command) -> None:
    for command in (["respond", "482913"], ["wipe"], ["demo"]):
        for seconds in ("0", "-1", "nan", "inf"):
            assert dscplus.refused(*command, "--timeout", seconds) == "timeout: must be a number of seconds greater than 0"
