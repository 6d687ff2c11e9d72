"""No secret stays in the card's RAM after its state has ended, and the key never goes over the line."""

import base64
import hashlib
import hmac

import pytest
from tests.firmware.fakes import CLEAR_SUITE, KEY, ask, needs_micropython

from dsc_host import CardClient, Suite
from dsc_host import Profile as HostProfile
from dsc_simulator import Profile, SimulatedCard

pytestmark = needs_micropython

PIN = "7391"
QUESTION = "482913"
UNLOCK_KEY = bytes(range(0x80, 0xA0))
OCRA_PIN = Profile("A", KEY)
CARD_PIN = Profile("A", KEY, suite=CLEAR_SUITE, pin_policy="card", pin=PIN, tries=2, unlock_key=UNLOCK_KEY)


def disguises(digits: str) -> dict[str, bytes]:
    """Return the forms that a number may have in memory."""
    number = int(digits)
    packed = f"{number:x}".ljust(6, "0")
    return {
        "text": digits.encode(),
        "one digit a byte": bytes(map(int, digits)),
        "little-endian": number.to_bytes(4, "little"),
        "a small integer": (2 * number + 1).to_bytes(4, "little"),
        "OCRA's question": bytes.fromhex(packed + "0" * (len(packed) % 2)) + bytes(8),
        "SHA-256": hashlib.sha256(digits.encode()).digest(),
        "masked by HMAC": bytes(c ^ 0x36 for c in digits.encode()),
    }


def left(card: SimulatedCard, *secrets: str) -> list[tuple[str, str]]:
    """Return which of these numbers are in the card's RAM, and in which form."""
    memory = card.memory()
    assert memory is not None
    return [(digits, how) for digits in secrets for how, data in disguises(digits).items() if data in memory]


@pytest.mark.parametrize("profile", [OCRA_PIN, CARD_PIN], ids=["ocra", "card"])
@pytest.mark.parametrize("leave", ["OK", "PRESS", "time"])
@pytest.mark.parametrize("by_line", [False, True])
def test_nothing_is_left_of_a_login(profile: Profile, leave: str, by_line: bool) -> None:
    with SimulatedCard(engine="micropython", profile=profile, seed=1) as card:
        card.press("PRESS", *PIN)
        assert (PIN, "text") in left(card, PIN)
        card.press("OK")
        if profile is CARD_PIN:
            assert left(card, PIN) == []
        assert (ask(card, f"challenge q={QUESTION}") == "ok") if by_line else card.press(*QUESTION)
        assert (QUESTION, "text") in left(card, QUESTION)
        response = card.press("OK")
        assert len(response) == 8
        assert (response, "text") in left(card, response)
        assert left(card, PIN, QUESTION) == []
        assert (card.advance(60) if leave == "time" else card.press(leave)) == ""
        assert left(card, PIN, QUESTION, response) == []


@pytest.mark.parametrize("keys", [[*PIN], [*PIN, "OK", *QUESTION], [*PIN, "OK", *QUESTION[:4]]])
@pytest.mark.parametrize("profile", [OCRA_PIN, CARD_PIN], ids=["ocra", "card"])
def test_nothing_is_left_of_a_login_that_was_broken_off(profile: Profile, keys: list[str]) -> None:
    with SimulatedCard(engine="micropython", profile=profile, seed=1) as card:
        card.press("PRESS", *keys)
        card.advance(30)
        assert left(card, PIN, QUESTION) == []


def test_nothing_is_left_of_a_wrong_pin_and_of_an_unlock_code() -> None:
    with SimulatedCard(engine="micropython", profile=CARD_PIN, seed=1) as card:
        assert card.press("PRESS", *"8264", "OK") == "FAIL 1"
        assert left(card, "8264", PIN) == []
        card.enter("8264")
        challenge = card.press("OK")
        code = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06").response(UNLOCK_KEY, challenge)
        card.press("OK", *code)
        assert (code, "text") in left(card, code)
        assert card.press("OK") == "PIN>"
        card.press("PRESS")
        assert left(card, code, challenge) == []


@pytest.mark.usefixtures("one_numbering")
def test_nothing_is_left_of_the_pin_after_personalizing() -> None:
    with SimulatedCard(engine="micropython", seed=1) as card, CardClient.open(card.url) as host:
        host.personalize(HostProfile(serial="A", key=KEY, suite=CLEAR_SUITE, pin_policy="card", code=PIN))
        card.press("PRESS", "PRESS")
        assert left(card, PIN) == []


def spellings(key: bytes) -> list[bytes]:
    return [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key)[:-4], key[:8].hex().encode()]


@pytest.mark.parametrize("engine", ["cpython", "micropython"])
def test_the_key_is_on_the_line_only_in_the_set_that_carries_it_in(engine: str) -> None:
    heard: dict[str, bytearray] = {"in": bytearray(), "out": bytearray()}
    with SimulatedCard(engine=engine, seed=1) as card, CardClient.open(card.url) as host:
        card.watch(lambda direction, data: heard[direction].extend(data))
        host.personalize(
            HostProfile(serial="A", key=KEY, suite=CLEAR_SUITE, pin_policy="card", code=PIN, tries=1, unlock_key=UNLOCK_KEY)
        )
        host.hello()
        host.info()
        challenge = f"challenge q={KEY.hex()}"
        for request in ("selftest", "display", "entropy n=64", "set key=00", "personalize", challenge, "nonsense"):
            ask(card, request)
        card.press("PRESS", *PIN, "OK", *QUESTION, "OK")
        card.press("PRESS", "PRESS")
        card.enter("0000")
        card.press("OK", "OK")
        ask(card, "wipe")
    lines = [line for line in bytes(heard["in"]).splitlines() if b" set " not in line]
    assert any(KEY.hex().encode() in line for line in bytes(heard["in"]).splitlines() if b" set " in line)
    said = bytes(heard["out"]) + b"\n".join(line for line in lines if b"challenge q=" not in line)
    secrets = [KEY, UNLOCK_KEY, hmac.digest(KEY, PIN.encode(), hashlib.sha256)[:16]]
    assert [spelling for secret in secrets for spelling in spellings(secret) if spelling in said] == []
