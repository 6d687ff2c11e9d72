"""The requests of docs/protocol.md that tell about a whole card and type on it, and anything at all on the line.

Whatever a test says to a card, the card's key must not come back.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.firmware.fakes import CLEAR_SUITE, INTERPRETERS, KEY, FaultyFlash, ask, frame, lines, refused, told, values
from tests.firmware.watched_card import CARD_PIN, PROFILE, SERIAL, Watched, in_state

import dsc_firmware
from dsc_simulator import Profile, SimulatedCard

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
    assert answer == expected | {"unlock": ""}


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
