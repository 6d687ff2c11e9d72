"""Every request of docs/protocol.md on a whole card: what it answers, what it refuses and with which code.

Whatever a test says to a card, the card's key must not come back.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.firmware.fakes import CLEAR_SUITE, INTERPRETERS, KEY, FaultyFlash, ask, events, frame, lines, refused, told, values

import dsc_firmware
from dsc_simulator import Profile, SimulatedCard

SERIAL = "IB3-000123456789"
PROFILE = Profile(SERIAL, KEY)
CARD_PIN = Profile(SERIAL, KEY, suite=CLEAR_SUITE, pin_policy="card", pin="1234", tries=2)
SET_ALL = f"set serial={SERIAL} key={KEY.hex()}"


class Watched:
    """Makes cards and hears all that they say."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.cards: list[SimulatedCard] = []

    def __call__(self, profile: Profile | None = PROFILE, **options: Any) -> SimulatedCard:
        if "flash" not in options:
            options["profile"] = profile
        card = SimulatedCard(seed=1, **options)
        card.watch(lambda direction, data: self.heard.extend(data) if direction == "out" else None)
        self.cards.append(card)
        return card


@pytest.fixture
def make() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    for card in watched.cards:
        card.close()
    assert KEY.hex() not in watched.heard.decode().lower()
    assert KEY not in watched.heard


def in_state(card: SimulatedCard, state: str) -> SimulatedCard:
    """Bring a card with a key to where `hello` calls it `state`."""
    if state in ("pin", "challenge", "response"):
        card.press("PRESS")
    if state in ("challenge", "response"):
        card.enter("1234")
    if state == "response":
        card.enter("482913")
    if state == "wipe":
        ask(card, "wipe")
    if state == "locked":
        card.press("PRESS")
        card.enter("0000")
        card.enter("0000")
    assert told(card, "hello")["state"] == state
    return card


STATES = ("off", "pin", "challenge", "response", "wipe", "locked")


# ---- hello, info, display ----


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


def test_hello_of_a_blank_card_without_keys(make: Watched) -> None:
    answer = ask(make(None, keys_on_line=False), "hello")
    assert "serial= " in answer
    assert answer.endswith("caps=")
    assert "nonce" not in answer


@pytest.mark.parametrize("nonce", ["%2a" * 33, "x" * 33, "x" * 200])
def test_hello_refuses_a_nonce_too_long(make: Watched, nonce: str) -> None:
    assert ask(make(), f"hello nonce={nonce}").startswith("err bad-arg nonce:")


def test_info(make: Watched) -> None:
    answer = told(make(CARD_PIN), "info")
    free = answer.pop("free")
    assert free == "" or int(free) > 0
    expected = {"serial": SERIAL, "suite": CLEAR_SUITE, "pin": "card", "counter": "0", "tries": "2", "locked": "0"}
    assert answer == expected


def test_info_of_a_blank_card(make: Watched) -> None:
    answer = told(make(None), "info")
    assert (answer["serial"], answer["suite"], answer["pin"], answer["locked"]) == ("", "", "", "0")


def test_info_counts_tries_and_responses(make: Watched) -> None:
    card = make(CARD_PIN)
    card.press("PRESS")
    card.enter("0000")
    assert told(card, "info")["tries"] == "1"
    card.enter("1234")
    card.enter("482913")
    answer = told(card, "info")
    assert (answer["tries"], answer["counter"]) == ("2", "1")


def test_display_masks_the_pin(make: Watched) -> None:
    card = make()
    assert ask(card, "display") == "ok text="
    card.press("PRESS", "1", "2")
    assert ask(card, "display") == "ok text=PIN>%2a%2a"


@pytest.mark.parametrize("word", ["hello", "info", "display"])
def test_a_person_may_leave_the_check_off(make: Watched, word: str) -> None:
    card = make()
    card.receive()
    card.send(f">9 {word}\r".encode())
    assert lines(card.receive())[0].startswith("<9 ok")


@pytest.mark.parametrize(
    "text",
    ["entropy", "set serial=A", "personalize", "challenge q=482913", "cancel", "wipe", "key k=PRESS", "selftest", "nonsense"],
)
def test_nothing_else_is_heard_without_its_check(make: Watched, text: str) -> None:
    card = in_state(make(), "pin")
    card.receive()
    card.send(f">9 {text}\n".encode())
    assert card.receive() == b""
    assert card.display == "PIN>"


def test_every_request_has_one_reply_also_on_a_card_with_nothing_right(make: Watched) -> None:
    for word in ("hello", "info", "display", "entropy", "set", "personalize", "challenge", "cancel", "wipe", "key", "selftest"):
        assert ask(make(None), word).split(" ")[0] in ("ok", "err")


@pytest.mark.parametrize("word", ["hell", "helloo", "a", "z" * 200])
def test_unknown_request(make: Watched, word: str) -> None:
    assert ask(make(), word) == "err unknown no such request"


# ---- the largest replies ----


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_largest_hello_fits_and_is_whole(make: Watched, interpreter: str) -> None:
    card = in_state(make(engine=interpreter), "challenge")
    for nonce in ("%2a" * 32, "%00" * 32, "%ff" * 32):
        card.receive()
        card.send(frame(f">65535 hello nonce={nonce}"))
        answer = values(lines(card.receive())[-1])
        assert (answer["nonce"], answer["state"], answer["caps"]) == (nonce, "challenge", "keys")


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_largest_info_fits_and_is_whole(make: Watched, interpreter: str) -> None:
    suite = "OCRA-1:HOTP-SHA256-8:C-QN64-PSHA256"
    profile = Profile("-" * 16, bytes(64), suite=suite, counter=2**64 - 2)
    card = make(profile, engine=interpreter)
    card.receive()
    card.send(frame(">65535 info"))
    answer = values(lines(card.receive())[-1])
    assert (answer["suite"], answer["counter"], answer["locked"]) == (suite, str(2**64 - 2), "0")
    assert "free" in answer


def test_largest_entropy_fits_and_is_whole(make: Watched) -> None:
    card = make()
    card.receive()
    card.send(frame(">65535 entropy n=64"))
    assert len(values(lines(card.receive())[-1])["bytes"]) == 128


# ---- entropy ----


@pytest.mark.parametrize(("text", "size"), [("entropy", 32), ("entropy n=1", 1), ("entropy n=64", 64)])
def test_entropy(make: Watched, text: str, size: int) -> None:
    card = make()
    first, second = (bytes.fromhex(told(card, text)["bytes"]) for _ in range(2))
    assert len(first) == size
    assert size == 1 or first != second


@pytest.mark.parametrize(
    "n", ["", "0", "65", "64.0", "-1", "+1", "1e1", "99999999999999999999", "a", "%ff", "%00", "%20", "640", "/", ":"]
)
def test_entropy_refuses(make: Watched, n: str) -> None:
    assert ask(make(), f"entropy n={n}") == "err bad-arg n: 1 to 64"


# ---- set, personalize ----


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_personalising_in_one_go_and_line_by_line(make: Watched, interpreter: str) -> None:
    card = make(None, engine=interpreter)
    for field in (f"serial={SERIAL}", f"key={KEY.hex()}", f"suite={CLEAR_SUITE}", "pin=card code=9999", "code=1234 tries=1"):
        assert ask(card, "set " + field) == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"
    card.press("PRESS")
    assert card.enter("1234") == "CHALLNG>"
    assert ask(card, "personalize").startswith("err denied")


def test_longest_set_fits_one_line(make: Watched) -> None:
    card = make(None)
    assert ask(card, f"set serial={SERIAL} key={'ab' * 64} counter={2**64 - 2} pin=ocra") == "ok"
    assert ask(card, "personalize") == f"ok serial={SERIAL}"


@pytest.mark.parametrize(
    "fields",
    ["serial=a", "key=00", "suite=%ff", "suite=%c3%a9", "suite=", "pin=", "code=", "tries=", "counter=", "xyz=1", "k=%00"],
)
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_set_refuses_a_bad_field_by_its_name(make: Watched, fields: str, interpreter: str) -> None:
    name = fields.partition("=")[0]
    code, found, words = ask(make(None, engine=interpreter), "set " + fields).removeprefix("err ").split(" ", 2)
    assert (code, found) == ("bad-arg", name + ":")
    assert words


@pytest.mark.parametrize("suite", ["%ff", "%c3%a9", "%e2%82%ac" * 5])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_suite_that_is_not_text_is_refused_in_the_same_words_everywhere(make: Watched, suite: str, interpreter: str) -> None:
    assert ask(make(None, engine=interpreter), f"set suite={suite}") == "err bad-arg suite: only ASCII"


def test_set_wants_a_field(make: Watched) -> None:
    assert ask(make(None), "set").startswith("err bad-arg")


def test_refusal_that_names_a_very_long_field_still_fits(make: Watched) -> None:
    assert ask(make(None), "set " + "x" * 220 + "=1").startswith("err bad-arg xxx")


@pytest.mark.parametrize(
    ("fields", "name"), [("", "serial"), ("serial=A", "key"), (f"serial=A key={KEY.hex()} pin=card", "suite")]
)
def test_personalize_says_which_field(make: Watched, fields: str, name: str) -> None:
    card = make(None)
    if fields:
        ask(card, "set " + fields)
    assert ask(card, "personalize").startswith(f"err bad-arg {name}:")
    assert told(card, "info")["serial"] == ""


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
    card = make(flash=FaultyFlash((b"\0" * 176, b"\0" * 176)))
    assert card.display == "ERROR"
    assert ask(card, SET_ALL).startswith("err fault")
    assert ask(card, "personalize").startswith("err fault")
    assert ask(card, "wipe") == "ok"
    assert card.press("OK") == "NO KEY"
    assert ask(card, SET_ALL) == "ok"


# ---- challenge ----


def test_challenge_answered_by_the_owner_comes_back_as_an_event(make: Watched) -> None:
    card = in_state(make(), "challenge")
    assert ask(card, "challenge q=482913") == "ok"
    card.receive()
    response = card.press("OK")
    assert events(card) == [f"display text={response}", f"response text={response}"]


def test_challenge_that_the_owner_edits_brings_no_response_event(make: Watched) -> None:
    card = in_state(make(), "challenge")
    ask(card, "challenge q=482913")
    card.press("C", "3")
    card.receive()
    response = card.press("OK")
    assert events(card) == [f"display text={response}"]


def test_challenge_typed_by_hand_brings_no_response_event(make: Watched) -> None:
    card = in_state(make(), "challenge")
    card.receive()
    card.enter("482913")
    assert not any(event.startswith("response") for event in events(card))


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


def test_challenge_on_a_locked_card(make: Watched) -> None:
    assert ask(in_state(make(CARD_PIN), "locked"), "challenge q=482913").startswith("err locked")


def test_challenge_on_a_blank_card(make: Watched) -> None:
    card = make(None)
    card.press("PRESS")
    assert ask(card, "challenge q=482913").startswith("err state")


@pytest.mark.parametrize(
    "q", ["", "=", "q=", "q=48291", "q=4829133", "q=48291a", "q=48291%20", "q=48291%00", "q=48291%ff", "x=482913"]
)
@pytest.mark.parametrize("state", ["pin", "challenge"])
def test_challenge_refuses_a_bad_question(make: Watched, state: str, q: str) -> None:
    card = in_state(make(), state)
    card.receive()
    card.send(frame(f">7 challenge {q}".rstrip()))
    heard = lines(card.receive())
    assert heard == ([] if q == "=" else ["<7 err bad-arg q: 6 digits"])
    assert card.display == {"pin": "PIN>", "challenge": "CHALLNG>"}[state]


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


# ---- cancel, wipe ----


@pytest.mark.parametrize("state", STATES)
def test_cancel_turns_off_from_anywhere(make: Watched, state: str) -> None:
    card = in_state(make(CARD_PIN), state)
    assert ask(card, "cancel") == "ok"
    assert card.display == ""
    assert told(card, "hello")["state"] == "off"


def test_owner_wipes_the_card(make: Watched) -> None:
    card = make()
    assert ask(card, "wipe") == "ok"
    assert card.display == "WIPE?"
    card.receive()
    assert card.press("OK") == "NO KEY"
    assert events(card) == ["display text=NO%20KEY", "wipe done=1"]
    assert not any(KEY in (slot or b"") for slot in card.flash.slots)
    assert ask(card, "wipe").startswith("err state")


@pytest.mark.parametrize("how", ["C", "PRESS", "time", "cancel"])
def test_owner_does_not_wipe_the_card(make: Watched, how: str) -> None:
    card = in_state(make(), "wipe")
    before = list(card.flash.slots)
    card.receive()
    if how == "time":
        card.advance(30)
    elif how == "cancel":
        card.send(frame(">7 cancel"))
    else:
        card.press(how)
    assert events(card) == ["display text=", "wipe done=0"]
    assert card.flash.slots == before


@pytest.mark.parametrize("state", ["pin", "challenge", "response", "wipe"])
def test_wipe_does_not_interrupt(make: Watched, state: str) -> None:
    card = in_state(make(), state)
    shown = card.display
    assert ask(card, "wipe").startswith("err state")
    assert card.display == shown


def test_locked_card_can_be_wiped(make: Watched) -> None:
    card = in_state(make(CARD_PIN), "locked")
    assert ask(card, "wipe") == "ok"
    card.press("OK")
    card.press("PRESS")
    assert card.press("PRESS") == "NO KEY"


def test_wipe_that_fails_says_so_and_keeps_the_key(make: Watched) -> None:
    source = PROFILE.flash()
    flash = FaultyFlash((source.slots[0], source.slots[1]))
    card = in_state(make(flash=flash), "wipe")
    flash.fault = refused
    card.receive()
    assert card.press("OK") == "ERROR"
    assert events(card) == ["display text=ERROR", "wipe done=0"]
    flash.repair()
    card.restart()
    assert told(card, "hello")["serial"] == SERIAL


# ---- key, selftest ----


def test_keys_over_the_line(make: Watched) -> None:
    card = make()
    for key in ("PRESS", "1", "2", "9", "C", "3", "4", "OK"):
        assert ask(card, f"key k={key}") == "ok"
    assert card.display == "CHALLNG>"


@pytest.mark.parametrize("k", ["", "k=", "k=ok", "k=O", "k=P", "k=11", "k=a", "k=%00", "k=%ff", "k=%c3%a9", "k=PRESSED", "x=1"])
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_key_that_no_card_has(make: Watched, k: str, interpreter: str) -> None:
    assert ask(make(engine=interpreter), f"key {k}".rstrip()) == "err bad-arg k: 0 to 9, OK, C or PRESS"


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_board_with_keys_of_its_own_takes_none_from_the_line(make: Watched, interpreter: str) -> None:
    card = make(keys_on_line=False, engine=interpreter)
    assert ask(card, "key k=PRESS").startswith("err denied")
    assert card.display == ""


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("profile", [None, PROFILE])
def test_selftest(make: Watched, interpreter: str, profile: Profile | None) -> None:
    assert ask(make(profile, engine=interpreter), "selftest") == "ok response=pass entropy=pass journal=pass"


def test_selftest_finds_a_damaged_journal_and_the_card_stays_broken(make: Watched) -> None:
    card = make()
    card.flash.slots = [b"", b""]
    assert ask(card, "selftest").startswith("err fault journal")
    assert card.display == "ERROR"
    card.press("PRESS")
    assert card.press("PRESS") == "ERROR"


def test_selftest_of_a_card_that_could_not_store_does_not_pass(make: Watched) -> None:
    source = PROFILE.flash()
    flash = FaultyFlash((source.slots[0], source.slots[1]))
    card = in_state(make(flash=flash), "challenge")
    flash.fault = refused
    assert card.enter("482913") == "ERROR"
    flash.repair()
    assert ask(card, "selftest").startswith("err fault journal")


# ---- anything at all ----

WORDS = {
    "hello": ("nonce",),
    "info": (),
    "display": (),
    "entropy": ("n",),
    "set": ("serial", "suite", "key", "pin", "code", "tries", "counter"),
    "personalize": (),
    "challenge": ("q",),
    "cancel": (),
    "wipe": (),
    "key": ("k",),
    "selftest": (),
    "x": (),
}
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
