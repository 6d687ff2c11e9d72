"""The unlock key on its way to a card: set with the profile, shown by nothing; and the codes left."""

from dataclasses import replace

import pytest
from tests.host.scripted_card import PROFILE, Card, FakePort

from dsc_host.errors import CardError, ProtocolError
from dsc_host.link import CardClient

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
