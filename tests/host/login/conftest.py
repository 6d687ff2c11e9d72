"""Fixtures for the tests of the login system: a scenario and a blank card."""

from collections.abc import Iterator

import pytest
from tests.host.login import scenario as scenarios

from dsc_simulator import SimulatedCard

clock = scenarios.clock
scenario = scenarios.scenario


@pytest.fixture
def card() -> Iterator[SimulatedCard]:
    with SimulatedCard() as card:
        yield card
