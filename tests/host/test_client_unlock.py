"""The unlock key on its way to a card: made from both sides, set with the profile, shown by nothing; and the codes left."""

from dataclasses import replace

import pytest
from tests.host.key_derivation import expand
from tests.host.scripted_card import KEY, PROFILE, Card, FakePort

from dsc_host.errors import CardError, InputError, ProtocolError
from dsc_host.link import CardClient, derive_key

UNLOCK_KEY = bytes(range(0xC0, 0xE0))
LOCKING = replace(PROFILE, pin_policy="card", code="9876", unlock_key=UNLOCK_KEY)


def test_the_unlock_key_is_set_on_a_line_of_its_own(client: CardClient, card: Card, port: FakePort) -> None:
    client.personalize(replace(LOCKING, key=bytes(64), suite="%" * 48))
    assert card.words == ["cancel", "set", "set", "set", "set", "personalize"]
    assert [values for _, _, values in card.asked if "unlock" in values] == [f"unlock={UNLOCK_KEY.hex()}"]
    assert max(map(len, port.written.split(b"\n"))) <= 240


def test_a_profile_without_an_unlock_key_sets_none(client: CardClient, card: Card) -> None:
    client.personalize(replace(LOCKING, unlock_key=None))
    assert "unlock" not in repr(card.asked)


@pytest.mark.parametrize("unlock_key", [b"", bytes(31), bytes(33), "c0" * 32, bytearray(32), KEY], ids=ascii)
def test_an_unlock_key_is_32_bytes_of_its_own(unlock_key: object) -> None:
    with pytest.raises(InputError) as caught:
        replace(LOCKING, unlock_key=unlock_key)  # type: ignore[arg-type]
    assert caught.value.field == "unlock_key"
    assert repr(KEY) not in str(caught.value)


def test_only_a_card_that_checks_its_pin_has_an_unlock_key() -> None:
    with pytest.raises(InputError) as caught:
        replace(PROFILE, unlock_key=UNLOCK_KEY)
    assert caught.value.field == "unlock_key"


def test_a_card_that_refuses_the_unlock_key_is_not_personalised(client: CardClient, card: Card) -> None:
    answer = card.answers
    card.line = lambda data: card.port.deliver(data)
    reply = card.reply

    def refuse(number: int, word: str, values: dict[str, str]) -> bytes:
        answer["set"] = "err bad-arg unlock: no such field" if "unlock" in values else "ok"
        return reply(number, word, values)

    card.reply = refuse  # type: ignore[method-assign]
    with pytest.raises(CardError, match="unlock: no such field"):
        client.personalize(LOCKING)
    assert "personalize" not in card.words


def test_nothing_shows_the_unlock_key(port: FakePort, card: Card) -> None:
    log: list[tuple[str, bytes]] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, line: log.append((direction, line)))
    client.personalize(LOCKING)
    everything = f"{log!r} {LOCKING!r} {client!r}"
    assert sum(b"unlock=" in line for _, line in log) == 1
    assert UNLOCK_KEY.hex()[:12] not in everything
    assert repr(UNLOCK_KEY) not in everything


INFO = "ok serial=A suite=S pin=card counter=0 tries=0 locked=1 free="


@pytest.mark.parametrize(
    ("said", "tries"), [(" unlock=10", 10), (" unlock=1", 1), (" unlock=0", 0), (" unlock=", None), ("", None)]
)
def test_the_unlock_codes_left(client: CardClient, card: Card, said: str, tries: int | None) -> None:
    card.answers["info"] = INFO + said
    assert client.info().unlock_tries == tries


@pytest.mark.parametrize("said", ["11", "-1", "x", "1.0", "%20", "%d9%a1"])
def test_what_is_no_number_of_unlock_codes(client: CardClient, card: Card, said: str) -> None:
    card.answers["info"] = f"{INFO} unlock={said}"
    with pytest.raises(ProtocolError, match="has a unlock that is not a number from 0 to 10"):
        client.info()


def test_the_unlock_key_comes_from_both_sides_the_serial_and_its_own_purpose() -> None:
    host, card = bytes(range(16)), bytes(range(50, 90))
    material = b"\0\0\0\x10" + host + card
    assert derive_key(host, card, "IB3", purpose="unlocking") == expand(material, b"dscplus unlock key 1\0IB3", 32)


def test_the_two_keys_of_a_card_are_two() -> None:
    one, two = bytes(range(32)), bytes(range(32, 64))
    assert derive_key(one, two, "A") == derive_key(one, two, "A", purpose="responses")
    assert derive_key(one, two, "A", purpose="unlocking") != derive_key(one, two, "A")


@pytest.mark.parametrize("purpose", ["", "Unlocking", "card key"])
def test_there_are_no_other_purposes(purpose: str) -> None:
    with pytest.raises(InputError, match="must be responses or unlocking") as caught:
        derive_key(bytes(16), bytes(16), "A", purpose=purpose)
    assert caught.value.field == "purpose"
