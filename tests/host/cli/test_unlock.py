"""A card that locks, through the command: it gets an unlock key, reports how many codes are left, and gets codes."""

import json
import re
from dataclasses import dataclass, field

import pytest
from tests.host.command_runner import KEY, PIN, SECRETS, TYPED, Command
from tests.host.link.scripted_card import Card, FakePort

from dsc_host import Suite, derive_key
from dsc_host.link import client as client_module

SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
UNLOCK_SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
UNLOCK_KEY = bytes(range(0x20, 0x40))
CARD_POLICY = ("--pin-policy", "card")
LOCKING = ("--suite", SUITE, "--with-unlock-key")
BOTH_KEYS = f"{KEY.hex()}\n{UNLOCK_KEY.hex()}\n"
BLANK = "ok serial= suite= pin= counter=0 tries= locked=0 unlock= free="
NEXT = "On the card: press OK, enter the code at UNLOCK>, press OK.\n"


@dataclass
class Attached:
    """A scripted card at any address. Each opening gives the same card."""

    answers: dict[str, str] = field(default_factory=dict)
    cards: list[Card] = field(default_factory=list)

    def open(self, _url: str) -> FakePort:
        port = FakePort()
        self.cards.append(Card(port, self.answers))
        return port

    def was_set(self) -> dict[str, str]:
        """Return the fields of the profile that it received."""
        lines = [line for card in self.cards for _, word, line in card.asked if word == "set"]
        return dict(value.split("=") for line in lines for value in line.split())


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> Attached:
    card = Attached({"info": BLANK, "personalize": "ok serial=IB1"})
    monkeypatch.setattr(client_module, "open_port", card.open)
    monkeypatch.setenv("DSCPLUS_CARD", "scripted")
    return card


@pytest.fixture
def desk(dscplus: Command) -> Command:
    """Return the command, with records of `IB1`, which has an unlock key, and `IB2`, which has none."""
    dscplus.with_records()
    assert dscplus("enroll", "IB1", *LOCKING, stdin=BOTH_KEYS).code == 0
    assert dscplus("enroll", "IB2", stdin=SECRETS).code == 0
    return dscplus


def test_a_card_that_checks_its_pin_gets_an_unlock_key(dscplus: Command, attached: Attached) -> None:
    dscplus.with_records()
    done = dscplus("personalize", "IB1", *CARD_POLICY, stdin=TYPED)
    assert (done.code, done.err) == (0, "")
    sent = attached.was_set()
    assert re.fullmatch("[0-9a-f]{64}", sent["unlock"])
    assert sent["unlock"] != sent["key"]
    assert (sent["pin"], sent["code"]) == ("card", PIN)
    code = dscplus("card", "unlock-code", "IB1", "482913")
    assert code.out.strip() == UNLOCK_SUITE.response(bytes.fromhex(sent["unlock"]), "482913"), "it went to the records too"


def test_the_card_has_a_part_in_the_unlock_key(dscplus: Command, attached: Attached, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    monkeypatch.setattr("secrets.token_bytes", bytes)
    host, card = bytes(32), b"\xa5" * 32
    attached.answers["entropy"] = f"ok bytes={card.hex()}"
    assert dscplus("personalize", "IB1", *CARD_POLICY, stdin=TYPED).code == 0
    sent = attached.was_set()
    assert sent["unlock"] == derive_key(host, card, "IB1", purpose="unlocking").hex()
    assert sent["key"] == derive_key(host, card, "IB1").hex()


def test_a_card_that_does_not_know_its_pin_gets_none(dscplus: Command, attached: Attached) -> None:
    dscplus.with_records()
    assert dscplus("personalize", "IB1", stdin=TYPED).code == 0
    assert "unlock" not in attached.was_set()
    with dscplus.verifier() as verifier:
        assert not verifier.card("IB1").has_unlock_key


def test_info_says_how_many_codes_are_left(dscplus: Command, attached: Attached) -> None:
    for said, words, value in ((" unlock=7", "7", 7), (" unlock=0", "0", 0), (" unlock=", "-", None), ("", "-", None)):
        attached.answers["info"] = f"ok serial=IB1 suite={SUITE} pin=card counter=0 tries=0 locked=1 free={said}"
        assert re.search(rf"^unlock tries left  {words}$", dscplus("info").out, re.MULTILINE)
        assert json.loads(dscplus("info", "--json").out)["unlock_tries_left"] == value


def test_a_locked_card_says_what_helps(dscplus: Command, attached: Attached) -> None:
    locked = "the card is locked"
    for left, error in (("3", f"{locked}; unlock it with dscplus card unlock-code"), ("0", locked), ("", locked)):
        attached.answers["info"] = f"ok serial=IB1 suite={SUITE} pin=card counter=0 tries=0 locked=1 unlock={left} free="
        assert dscplus.refused("respond", "482913", stdin=TYPED, code=1) == error


def test_both_keys_are_read_from_standard_input(desk: Command) -> None:
    with desk.verifier() as verifier:
        assert [(card.serial, card.has_unlock_key) for card in verifier.cards()] == [("IB1", True), ("IB2", False)]
        assert verifier.unlock_code("IB1", "482913") == UNLOCK_SUITE.response(UNLOCK_KEY, "482913")


def test_a_wrong_unlock_key(dscplus: Command) -> None:
    path = dscplus.with_records()
    for typed, words in {
        "": "key: give it on standard input",
        f"{KEY.hex()}\n": "unlock key: give it on standard input",
        f"{KEY.hex()}\n\n": "unlock key: must be 32 bytes in hex",
        f"{KEY.hex()}\n{'xy' * 32}\n": "unlock key: must be 32 bytes in hex",
        f"{KEY.hex()}\n{KEY.hex()}\n": "unlock key: must differ from the card's key",
    }.items():
        assert dscplus.refused("enroll", "IB1", *LOCKING, stdin=typed).startswith(words)
    assert not path.exists()


def test_a_suite_with_a_pin_has_no_unlock_key(dscplus: Command) -> None:
    path = dscplus.with_records()
    assert dscplus.refused("enroll", "IB1", "--with-unlock-key").startswith(
        "unlock key: is only for a card that checks its PIN itself"
    )
    assert not path.exists(), "and nothing was asked for"


def test_a_code_is_the_only_result(desk: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    right = UNLOCK_SUITE.response(UNLOCK_KEY, "482913")
    for arguments, typed in ((["482913"], ""), ([], "482913\n"), ([], " 482913 \r\n"), ([], "482913")):
        done = desk("card", "unlock-code", "IB1", *arguments, stdin=typed)
        assert (done.code, done.out, done.err) == (0, f"{right}\n", NEXT)
    done = desk("card", "unlock-code", "IB1", "482913", "--json")
    assert (done.code, done.err, json.loads(done.out)) == (0, NEXT, {"serial": "IB1", "unlock_code": right})
    monkeypatch.setattr("dsc_host.cli.prompts._at_terminal", lambda: True)
    done = desk("card", "unlock-code", "IB1", stdin="482913\n")
    assert (done.code, done.out, done.err) == (0, f"{right}\n", f"Challenge: {NEXT}")


def test_what_has_no_code(desk: Command) -> None:
    for arguments, typed, code, words in (
        (["IB1", "48291"], "", 2, "challenge: must be the 6 digits"),
        (["IB1"], "", 2, "challenge: give it on standard input, one line"),
        (["IB1"], "\n", 2, "challenge: must be the 6 digits"),
        (["IB9", "482913"], "", 1, "card IB9: is not enrolled"),
        (["IB2", "482913"], "", 1, "card IB2: was enrolled without an unlock key; if it is locked, it can only be wiped"),
    ):
        done = desk("card", "unlock-code", *arguments, stdin=typed)
        assert (done.code, done.out) == (code, "")
        assert done.error.startswith(words)
        assert "UNLOCK>" not in done.err, "nothing is to be typed"
    with desk.verifier() as verifier:
        assert [card.unlock_codes for card in verifier.cards()] == [0, 0]
