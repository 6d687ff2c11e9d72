"""Fixtures: the town of the login system's tests, and a program that logs its users in by RADIUS."""

from collections.abc import Iterator

import pytest
from tests.host.gateway.radius_program import Program
from tests.host.login import town as towns
from tests.host.login.town import Town
from tests.host.verifier_samples import Clock

clock = towns.clock


@pytest.fixture
def town(clock: Clock) -> Iterator[Town]:
    with towns.new_town(clock) as town:
        yield town


@pytest.fixture
def program(town: Town) -> Program:
    return Program.of(town, "vpn", "192.0.2.7")
