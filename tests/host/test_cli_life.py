"""A card's whole life through the command: personalise, challenge, respond, verify, wipe; and what may go wrong on the way.

The cards are simulated ones of this process; their owners press keys when the line says that it is time.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.host.commanding import KEY, PIN, Command, Owner, hurry

from dsc_host import CardClient
from dsc_host.cli import answering
from dsc_simulator import Flash, Profile, SimulatedCard

CARD_POLICY = ("--pin-policy", "card")
KEY_AT = slice(88, 120)
"""Where a record has its key."""
TYPED = f"{PIN}\n"


@pytest.fixture
def dscplus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    command = Command(tmp_path, monkeypatch, capsys)
    yield command
    command.assert_no_secret_was_printed()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedCard]:
    """A blank card without keys of its own."""
    with SimulatedCard() as card:
        monkeypatch.setenv("DSCPLUS_CARD", card.url)
        yield card


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedCard]:
    """A personalised card with keys of its own, in its owner's hand."""
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY), keys_on_line=False) as card:
        monkeypatch.setenv("DSCPLUS_CARD", card.url)
        yield card


def serial(card: SimulatedCard) -> str:
    with CardClient.open(card.url) as client:
        return client.info().serial


def is_blank(card: SimulatedCard) -> bool:
    return serial(card) == "" and card.press("PRESS") == "NO KEY" and card.press("PRESS") == ""


def challenge(dscplus: Command, name: str = "IB1") -> tuple[str, str]:
    issued = json.loads(dscplus("challenge", name, "--json").out)
    return issued["id"], issued["challenge"]


# ---- from blank to blank ----


@pytest.mark.parametrize("policy", [(), CARD_POLICY], ids=["ocra", "card"])
def test_a_whole_life(dscplus: Command, card: SimulatedCard, policy: tuple[str, ...]) -> None:
    dscplus.with_records()
    done = dscplus("personalize", "IB1", *policy, stdin=TYPED)
    assert (done.code, done.err) == (0, "")
    assert dscplus.enrolled() == ["IB1"]
    for _ in range(2):
        identity, question = challenge(dscplus)
        answer = dscplus("respond", question, stdin=TYPED)
        assert (answer.code, answer.err) == (0, "")
        assert re.fullmatch("[0-9]{8}\n", answer.out)
        assert card.display == answer.out.strip()
        verified = dscplus("verify", identity, stdin=answer.out)
        assert (verified.code, verified.out, verified.err) == (0, "accepted\n", "")
        again = dscplus("verify", identity, answer.out.strip())
        assert (again.code, again.out, again.error) == (4, "", "not accepted")
    card.press("OK")
    wiped = dscplus("wipe", stdin="y\n")
    assert (wiped.code, wiped.out) == (0, "")
    assert wiped.err.endswith("The card is blank.\n")
    assert serial(card) == ""
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


# ---- personalise ----


def test_a_personalised_card_keeps_its_key(dscplus: Command, card: SimulatedCard) -> None:
    dscplus.with_records()
    assert dscplus("personalize", "IB1", stdin=TYPED).code == 0
    before = list(card.flash.slots)
    done = dscplus("personalize", "IB2", stdin=TYPED)
    assert (done.code, done.out) == (1, "")
    assert done.error == "the card is personalised already, as IB1; dscplus wipe makes it blank"
    assert card.flash.slots == before
    assert dscplus.enrolled() == ["IB1"]


def test_a_serial_is_given_once(dscplus: Command, card: SimulatedCard) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    done = dscplus("personalize", "IB1", stdin="1111\n")
    assert (done.code, done.error) == (1, "card IB1: is enrolled already")
    assert is_blank(card)
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as known:
        identity, question = challenge(dscplus)
        answer = dscplus("respond", question, "--card", known.url, stdin=TYPED).out.strip()
    assert dscplus("verify", identity, answer).code == 0, "the first enrolment is as it was"


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["ib1"], TYPED, "serial: must be 1 to 16"),
        (["A" * 17], TYPED, "serial: must be 1 to 16"),
        (["IB1' OR 1"], TYPED, "serial: must be 1 to 16"),
        (["IB1\0"], TYPED, "serial: must be 1 to 16"),
        (["IB1", "--suite", "OCRA-1"], TYPED, "suite: must have three parts"),
        (["IB1", "--suite", ""], TYPED, "suite: must have three parts"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QN06"], TYPED, "suite: must have a PIN (P)"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QN06-PSHA1", *CARD_POLICY], TYPED, "suite: must have no PIN (P)"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QA06-PSHA1"], TYPED, "suite: its question must be decimal"),
        (["IB1", "--pin-policy", "none"], TYPED, "pin policy: must be ocra or card"),
        (["IB1", *CARD_POLICY, "--tries", "0"], TYPED, "tries: must be 1 to 9"),
        (["IB1", *CARD_POLICY, "--tries", "10"], TYPED, "tries: must be 1 to 9"),
        (["IB1", "--tries", "5"], TYPED, "tries: can be chosen only with --pin-policy card"),
        (["IB1"], "", "pin: give it on standard input"),
        (["IB1"], "\n", "pin: must be 4 digits"),
        (["IB1"], "824\n", "pin: must be 4 digits"),
        (["IB1"], "82460\n", "pin: must be 4 digits"),
        (["IB1", *CARD_POLICY], "abcd\n", "pin: must be 4 digits"),
        (["IB1", *CARD_POLICY], "\N{ARABIC-INDIC DIGIT ONE}234\n", "pin: must be 4 digits"),
    ],
)
def test_what_may_not_be_personalised(
    dscplus: Command, card: SimulatedCard, arguments: list[str], typed: str, words: str
) -> None:
    path = dscplus.with_records()
    done = dscplus("personalize", *arguments, stdin=typed)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(words)
    assert is_blank(card)
    assert not path.exists() or dscplus.enrolled() == []


def test_a_suite_that_only_the_card_refuses(dscplus: Command, card: SimulatedCard) -> None:
    dscplus.with_records()
    done = dscplus("personalize", "IB1", "--suite", "OCRA-1:HOTP-SHA256-10:C-QN06-PSHA256", stdin=TYPED)
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith("suite: a card shows 4 to 8 digits")
    assert is_blank(card)
    assert dscplus.enrolled() == []
    assert dscplus("personalize", "IB1", stdin=TYPED).code == 0, "the serial is free"


class DeadFlash(Flash):
    """Takes nothing."""

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        pass


def test_a_card_that_cannot_store(dscplus: Command) -> None:
    dscplus.with_records()
    with SimulatedCard(flash=DeadFlash()) as card:
        done = dscplus("personalize", "IB1", "--card", card.url, stdin=TYPED)
    assert (done.code, done.out) == (1, "")
    assert dscplus.enrolled() == []


def test_a_card_that_is_unplugged_meanwhile(dscplus: Command, card: SimulatedCard) -> None:
    dscplus.with_records()
    card.watch(lambda direction, data: card.close() if direction == "in" and b" personalize*" in data else None)
    done = dscplus("personalize", "IB1", stdin=TYPED)
    assert (done.code, done.out) == (5, "")
    assert "The enrolment was taken back." in done.err
    assert dscplus.enrolled() == []


def test_an_answer_of_the_card_that_is_lost(dscplus: Command, card: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    hurry(monkeypatch)

    receive = card.receive

    def lose_the_answer(*arguments: Any) -> bytes:
        data = receive(*arguments)
        return b"" if b"ok serial=IB1*" in data else data

    monkeypatch.setattr(card, "receive", lose_the_answer)
    done = dscplus("personalize", "IB1", stdin=TYPED)
    assert (done.code, done.err) == (0, "")
    assert dscplus.enrolled() == ["IB1"]
    assert serial(card) == "IB1"


def test_ctrl_c_takes_the_enrolment_back(dscplus: Command, card: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CardClient, "personalize", stop)
    done = dscplus("personalize", "IB1", stdin=TYPED)
    assert (done.code, done.out, done.error) == (130, "", "stopped")
    assert dscplus.enrolled() == []


def test_what_is_wrong_is_said_before_anything_is_asked_for(dscplus: Command) -> None:
    for arguments in (["ib1"], ["IB1", "--suite", "x"], ["IB1", "--pin-policy", "x"], ["IB1", "--tries", "5"]):
        assert dscplus("personalize", *arguments).code == 2, "3 would be: no card is attached"


# ---- records of one's own ----


def test_records_and_a_key_are_made_the_first_time(dscplus: Command, card: SimulatedCard) -> None:
    done = dscplus("personalize", "IB1", stdin=TYPED)
    database, key = dscplus.folder / "data/dscplus/dsc.db", dscplus.folder / "config/dscplus/master.key"
    assert done.code == 0
    assert done.err == f"Made a master key in {key}. Keep a copy: without it the records can't be read.\n"
    assert re.fullmatch("[0-9a-f]{64}\n", key.read_text())
    if sys.platform != "win32":
        modes = [path.stat().st_mode & 0o777 for path in (database, key, database.parent, key.parent)]
        assert modes == [0o600, 0o600, 0o700, 0o700]
    made = key.read_bytes()
    identity, question = challenge(dscplus)
    answer = dscplus("respond", question, stdin=TYPED).out.strip()
    verified = dscplus("verify", identity, answer)
    assert (verified.code, verified.err) == (0, "")
    assert key.read_bytes() == made


def test_a_master_key_that_was_lost_is_not_replaced(dscplus: Command) -> None:
    dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    key = dscplus.folder / "config/dscplus/master.key"
    key.unlink()
    for command in (["challenge", "IB1"], ["enroll", "IB2"]):
        done = dscplus(*command, stdin=f"{KEY.hex()}\n{PIN}\n")
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith(f"master key: there is none in {key}; name its file with --master-key")
        assert not key.exists()


def test_a_master_key_is_not_made_for_a_database_that_was_named(dscplus: Command) -> None:
    done = dscplus("enroll", "IB1", "--db", f"sqlite:///{dscplus.folder}/x.db", stdin=f"{KEY.hex()}\n{PIN}\n")
    assert (done.code, done.error.partition(";")[0]) == (
        2,
        f"master key: there is none in {dscplus.folder}/config/dscplus/master.key",
    )
    assert list(dscplus.folder.iterdir()) == []


def test_a_master_key_may_be_in_a_file(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dscplus.folder / "my.key"
    path.touch(0o600)
    path.write_text(bytes(range(32)).hex())
    for arguments in (["--master-key", str(path)], []):
        assert dscplus("enroll", f"IB{len(arguments)}", *arguments, stdin=f"{KEY.hex()}\n{PIN}\n").code == 0
        monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", str(path))
        monkeypatch.setenv("DSCPLUS_MASTER_KEY", "cd" * 32)


def test_a_folder_that_cannot_be_made(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (dscplus.folder / "data").write_text("a file")
    done = dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(f"folder: {dscplus.folder}/data/dscplus cannot be made: ")


# ---- respond, typed from here ----


@pytest.mark.parametrize("question", ["48a913", "48291", "4829130", "", "١٢٣٤٥٦", "482 13", "4" * 100, "-48291", "48\n913"])
def test_what_is_no_challenge(dscplus: Command, question: str) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        done = dscplus("respond", "--card", card.url, "--", question, stdin=TYPED)
        assert (done.code, done.out, done.error) == (2, "", "challenge: must be 6 digits")
        assert card.display == ""


def test_a_challenge_is_as_long_as_the_suite_says(dscplus: Command) -> None:
    profile = Profile(serial="IB1", key=KEY, suite="OCRA-1:HOTP-SHA256-8:QA10-PSHA1")
    with SimulatedCard(profile=profile) as card:
        assert dscplus("respond", "482913", "--card", card.url).error == "challenge: must be 10 letters and digits"
        assert re.fullmatch("[0-9]{8}\n", dscplus("respond", "abcDE01234", "--card", card.url, stdin=TYPED).out)


@pytest.mark.parametrize("typed", ["", "\n", "824\n", "82460\n", "abcd\n", "\N{FULLWIDTH DIGIT EIGHT}246\n", b"\xff\n"])
def test_what_is_no_pin(dscplus: Command, typed: str | bytes) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        done = dscplus("respond", "482913", "--card", card.url, stdin=typed)
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith("pin: ")
        assert card.display == ""


def test_a_blank_card_has_no_response(dscplus: Command, card: SimulatedCard) -> None:
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
        done = dscplus("respond", "482913", "--card", card.url, stdin=TYPED)
        assert (done.code, done.error) == (1, "the card shows LOBATT")
        assert card.display == ""


# ---- respond, by the card's owner ----

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
    monkeypatch.setattr(answering, "LOOK_SECONDS", 0.02)
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
    monkeypatch.setattr(answering, "LOOK_SECONDS", 0.02)
    held.press(*keys)
    asked: list[bytes] = []
    held.watch(lambda direction, data: asked.append(data) if b" challenge q=" in data else None)
    done = dscplus("respond", "482913", "--timeout", "0.1")
    assert (done.code, done.out, done.error) == (5, "", "nobody answered on the card within 0.1 s")
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
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    held.press("PRESS", *PIN_KEYS)
    monkeypatch.setattr(CardClient, "wait_response", stop)
    assert dscplus("respond", "482913").code == 130
    assert held.display == ""


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
@pytest.mark.parametrize("command", [["respond", "482913"], ["wipe"], ["demo"]], ids=lambda words: words[0])
def test_a_timeout_that_is_none(dscplus: Command, command: list[str], seconds: str) -> None:
    done = dscplus(*command, "--timeout", seconds)
    assert (done.code, done.out) == (2, "")
    assert done.error == "timeout: must be a number of seconds, more than 0"


# ---- wipe ----


@pytest.mark.parametrize(("typed", "code"), [("", 2), ("\n", 1), ("n\n", 1), ("sure\n", 1)])
def test_only_yes_wipes(dscplus: Command, typed: str, code: int) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        done = dscplus("wipe", "--card", card.url, "--json", stdin=typed)
        assert (done.code, done.out) == (code, "")
        assert done.err.startswith("This card has no keys of its own. Wipe IB1 for good? [y/N]\n")
        assert card.display == "", "the question is not left on it"
        assert serial(card) == "IB1"


def test_a_blank_card_is_not_wiped(dscplus: Command, card: SimulatedCard) -> None:
    done = dscplus("wipe", stdin="y\n")
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith("card is blank")


@pytest.mark.parametrize(("key", "code", "left"), [("OK", 0, ""), ("C", 1, "IB1"), ("PRESS", 1, "IB1")])
def test_the_owner_decides(dscplus: Command, held: SimulatedCard, key: str, code: int, left: str) -> None:
    with Owner(held, (r"out .*text=WIPE\?", (key,))):
        done = dscplus("wipe", "--timeout", "8")
    assert (done.code, done.out) == (code, "")
    assert "OK on the card makes it blank" in done.err
    assert serial(held) == left


def test_an_owner_who_does_not_decide(dscplus: Command, held: SimulatedCard) -> None:
    done = dscplus("wipe", "--timeout", "0.05")
    assert (done.code, done.error) == (5, "nobody answered on the card within 0.05 s")
    assert held.display == "", "the question is not left on it"
    assert serial(held) == "IB1"


def test_ctrl_c_takes_the_question_back(dscplus: Command, held: SimulatedCard, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CardClient, "wait_event", stop)
    assert dscplus("wipe").code == 130
    assert held.display == ""
