"""Fixtures of watched cards. No input of a test may make a card send its key."""

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
