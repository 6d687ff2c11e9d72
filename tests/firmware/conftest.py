"""Fixtures of watched cards: whatever a test sends to a card, the card's key must not come back."""

from collections.abc import Iterator

import pytest
from tests.firmware.fakes import KEY
from tests.firmware.watched_card import Watched


@pytest.fixture
def make() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    for card in watched.cards:
        card.close()
    assert KEY.hex() not in watched.heard.decode().lower()
    assert KEY not in watched.heard
