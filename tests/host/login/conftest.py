"""Fixtures for the tests of the login system: a town and a blank card."""

from collections.abc import Iterator

import pytest
from tests.host.login import town as towns

from dsc_simulator import SimulatedCard

clock = towns.clock
town = towns.town


@pytest.fixture
def card() -> Iterator[SimulatedCard]:
    with SimulatedCard() as card:
        yield card
