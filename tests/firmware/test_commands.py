"""Tests of the requests in docs/reference/protocol.md on a whole card: profile, challenges, and arbitrary bytes.

Whatever a test sends to a card, the card's key must not come back.
"""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.firmware.fakes import CLEAR_SUITE, INTERPRETERS, KEY, FaultyFlash, ask, events, frame, lines, refused, told, values
from tests.firmware.taped_card import faulty
from tests.firmware.watched_card import CARD_PIN, PROFILE, SERIAL, SET_ALL, STATES, Watched, in_state

import dsc_firmware
from dsc_firmware import commands
from dsc_firmware.journal import SIZE
from dsc_simulator import Profile, SimulatedCard


def test_hello(make: Watched) -> None:
    answer = told(make(), "hello nonce=a%20b")
    assert answer == {
        "nonce": "a%20b",
        "protocol": "1",
        "firmware": dsc_firmware.VERSION,
        "serial": SERIAL,
        "board": "simulator",
        "state": "off",
        "caps": "keys",
    }


def test_info(make: Watched) -> None:
    answer = told(make(CARD_PIN), "info")
    free = answer.pop("free")
    assert free == "" or int(free) > 0
    expected = {"serial": SERIAL, "suite": CLEAR_SUITE, "pin": "card", "counter": "0", "tries": "2", "locked": "0"}
    assert answer == expected | {"unlock": "", "condition": "ready"}


def test_info_tells_a_blank_card_from_one_that_shows_error(make: Watched) -> None:
    assert told(make(None), "info")["condition"] == "blank"
    broken = make(PROFILE)
    broken.board.flash.slots[:] = [b"\x5a" * 209] * 2
    broken.restart()
    assert (broken.display, told(broken, "info")["condition"]) == ("ERROR", "error")
    assert told(broken, "info")["serial"] == ""


@pytest.mark.parametrize("on", [True, False])
def test_free_memory_is_measured_after_a_collection(make: Watched, monkeypatch: pytest.MonkeyPatch, on: bool) -> None:
    card, garbage = make(PROFILE), [700]
    collector = SimpleNamespace(isenabled=lambda: on, collect=garbage.clear, mem_free=lambda: 1000 - sum(garbage))
    monkeypatch.setattr(commands, "gc", collector)
    assert told(card, "info")["free"] == ("1000" if on else "300")


def test_a_computer_collects_no_garbage_for_a_card(make: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no free memory to tell, and a test suite around the card has much garbage to look through."""
    collected: list[None] = []
    monkeypatch.setattr(commands, "gc", SimpleNamespace(isenabled=lambda: True, collect=lambda: collected.append(None)))
    assert told(make(), "info")["free"] == ""
    assert collected == []


def test_every_request_has_one_reply_also_on_a_card_with_nothing_right(make: Watched) -> None:
    for word in ("hello", "info", "display", "entropy", "set", "personalize", "challenge", "cancel", "wipe", "key", "selftest"):
        assert ask(make(None), word).split(" ")[0] in ("ok", "err")


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_largest_replies_fit_and_are_whole(make: Watched, interpreter: str) -> None:
    suite = "OCRA-1:HOTP-SHA256-8:C-QN64-PSHA256"
    card = in_state(make(Profile("-" * 16, bytes(64), suite=suite, counter=2**64 - 2), engine=interpreter), "challenge")

    def answer(request: str) -> dict[str, str]:
        card.receive()
        card.send(frame(f">65535 {request}"))
        return values(lines(card.receive())[-1])

    for nonce in ("%2a" * 32, "%00" * 32, "%ff" * 32):
        said = answer(f"hello nonce={nonce}")
        assert (said["nonce"], said["state"], said["caps"]) == (nonce, "challenge", "keys")
    said = answer("info")
    assert (said["suite"], said["counter"], said["locked"]) == (suite, str(2**64 - 2), "0")
    assert "free" in said
    assert len(answer("entropy n=64")["bytes"]) == 128


def test_selftest_finds_a_damaged_journal_and_the_card_stays_broken(make: Watched) -> None:
    card = make()
    card.flash.slots = [b"", b""]
    assert ask(card, "selftest").startswith("err fault journal")
    assert card.display == "ERROR"
    card.press("PRESS")
    assert card.press("PRESS") == "ERROR"


def test_selftest_of_a_card_that_could_not_store_does_not_pass(make: Watched) -> None:
    flash = faulty(PROFILE)
    card = in_state(make(flash=flash), "challenge")
    flash.fault = refused
    assert card.enter("482913") == "ERROR"
    flash.repair()
    assert ask(card, "selftest").startswith("err fault journal")


REQUESTS = (
    "hello nonce|info|display|entropy n|set serial suite key pin code tries counter|personalize|challenge q|cancel|wipe|key k"
)
WORDS = {word: names for word, *names in map(str.split, [*REQUESTS.split("|"), "selftest", "x"])}
SAMPLES = ("1", "OK", "PRESS", "482913", "1234", "card", "ocra", "A", KEY.hex(), CLEAR_SUITE, "64", "", "9" * 20)
WHATEVER = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=12)
ENCODED = st.one_of(st.sampled_from(SAMPLES), WHATEVER).map(
    lambda text: "".join(c if (c.isalnum() and c.isascii()) or c in ":-" else f"%{ord(c):02x}" for c in text)
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    word = draw(st.sampled_from(sorted(WORDS)))
    names = draw(st.lists(st.sampled_from((*WORDS[word], "other")), max_size=4, unique=True))
    return frame(f">3 {word}" + "".join(f" {name}={draw(ENCODED)}" for name in names))


KEYPRESSES = st.sampled_from([frame(f">3 key k={key}") for key in (*"1234", "OK", "C", "PRESS")])
NOISE = st.one_of(st.binary(max_size=40), st.text(">*=% 07ahelo\n\r", max_size=40).map(str.encode))


@pytest.mark.parametrize("profile", [None, PROFILE, CARD_PIN], ids=["blank", "ocra", "card"])
@settings(max_examples=100, deadline=None)
@given(data=st.lists(st.one_of(requests(), KEYPRESSES, NOISE), max_size=25), split=st.integers(1, 97))
def test_no_bytes_stop_the_card(profile: Profile | None, data: list[bytes], split: int) -> None:
    with SimulatedCard(profile=profile, seed=1) as card:
        stream = b"".join(data)
        for at in range(0, len(stream), split):
            card.send(stream[at : at + split])
        heard = card.receive()
        assert KEY.hex() not in heard.decode().lower()
        for line in lines(heard):
            assert line[0] in "<!"
        card.send(b"\n")
        assert ask(card, "hello nonce=still").startswith("ok nonce=still")


def test_challenge_before_the_pin_waits_for_it(make: Watched) -> None:
    card = in_state(make(), "pin")
    assert ask(card, "challenge q=482913") == "ok"
    assert card.display == "PIN>"
    assert card.enter("1234") == "482913"
    assert ask(card, "challenge q=111111") == "ok"
    assert card.display == "111111"


def test_challenge_does_not_replace_what_the_owner_types(make: Watched) -> None:
    card = in_state(make(), "challenge")
    card.press("4", "8")
    assert ask(card, "challenge q=111111").startswith("err busy")
    assert card.display == "48"
    card.press("C", "C")
    assert ask(card, "challenge q=111111") == "ok"


@pytest.mark.parametrize("state", ["off", "response", "wipe"])
def test_challenge_in_another_state(make: Watched, state: str) -> None:
    assert ask(in_state(make(), state), "challenge q=482913") == f"err state card is {state}"


@pytest.mark.parametrize(("form", "good", "bad"), [("QA08", "SIG1aZ09", "SIG10-00"), ("QH08", "09afAF09", "0000000g")])
def test_challenge_of_letters(make: Watched, form: str, good: str, bad: str) -> None:
    card = in_state(make(Profile("A", KEY, suite=f"OCRA-1:HOTP-SHA256-6:{form}-PSHA1")), "challenge")
    assert ask(card, f"challenge q={bad}").startswith("err bad-arg q: 8 ")
    assert ask(card, f"challenge q={good}") == "ok"
    assert card.display == good
    assert len(card.press("OK")) == 6


def test_longest_challenge(make: Watched) -> None:
    card = in_state(make(Profile("A", KEY, suite="OCRA-1:HOTP-SHA256-8:QA64-PSHA1")), "challenge")
    assert ask(card, "challenge q=" + "%41" * 63 + "Z") == "ok"
    assert card.display == "AAAAAAAZ"
    assert len(card.press("OK")) == 8


def test_longest_set_fits_one_line(make: Watched) -> None:
    card = make(None)
    assert ask(card, f"set serial={SERIAL} key={'ab' * 64} counter={2**64 - 2} pin=ocra") == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"


@pytest.mark.parametrize("suite", ["%ff", "%c3%a9", "%e2%82%ac" * 5])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_suite_that_is_not_text_is_refused_in_the_same_words_everywhere(make: Watched, suite: str, interpreter: str) -> None:
    assert ask(make(None, engine=interpreter), f"set suite={suite}") == "err bad-arg suite: only ASCII"


def test_refusal_that_names_a_very_long_field_still_fits(make: Watched) -> None:
    assert ask(make(None), "set " + "x" * 220 + "=1").startswith("err bad-arg xxx")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("text", [SET_ALL, "personalize", "set xyz=1", "set"])
def test_card_with_a_key_takes_no_other(make: Watched, state: str, text: str) -> None:
    card = in_state(make(CARD_PIN), state)
    before = list(card.flash.slots)
    assert ask(card, text).startswith("err denied")
    assert card.flash.slots == before


def test_blank_card_takes_a_profile_also_while_it_shows_no_key(make: Watched) -> None:
    card = make(None)
    assert card.press("PRESS") == "NO KEY"
    assert ask(card, SET_ALL) == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"
    assert (card.display, card.press("PRESS")) == ("", "PIN>")


def test_staged_fields_are_gone_after_cancel_and_restart(make: Watched) -> None:
    card = make(None)
    for forget in (lambda: ask(card, "cancel"), card.restart):
        ask(card, SET_ALL)
        forget()
        assert ask(card, "personalize").startswith("err bad-arg serial:")


def test_profile_that_cannot_be_stored_is_a_fault(make: Watched) -> None:
    flash = FaultyFlash()
    card = make(flash=flash)
    ask(card, SET_ALL)
    flash.fault = refused
    assert ask(card, "personalize").startswith("err fault")
    assert card.display == "ERROR"
    flash.repair()
    card.restart()
    assert told(card, "hello")["serial"] == ""


def test_damaged_card_takes_no_profile_until_it_is_wiped(make: Watched) -> None:
    card = make(flash=FaultyFlash((b"\0" * SIZE, b"\0" * SIZE)))
    assert card.display == "ERROR"
    assert ask(card, SET_ALL).startswith("err fault")
    assert ask(card, "personalize").startswith("err fault")
    assert ask(card, "wipe") == "ok"
    assert card.press("OK") == "NO KEY"
    assert ask(card, SET_ALL) == "ok"


@pytest.mark.parametrize("state", STATES)
def test_cancel_turns_off_from_anywhere(make: Watched, state: str) -> None:
    card = in_state(make(CARD_PIN), state)
    assert ask(card, "cancel") == "ok"
    assert card.display == ""
    assert told(card, "hello")["state"] == "off"


def test_wipe_that_fails_says_so_and_keeps_the_key(make: Watched) -> None:
    flash = faulty(PROFILE)
    card = in_state(make(flash=flash), "wipe")
    flash.fault = refused
    card.receive()
    assert card.press("OK") == "ERROR"
    assert events(card) == ["display text=ERROR", "wipe done=0"]
    flash.repair()
    card.restart()
    assert told(card, "hello")["serial"] == SERIAL
