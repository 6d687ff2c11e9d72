"""Fixtures: the scenario of the login system's tests, and a program that logs its users in by RADIUS."""

from collections.abc import Iterator

import pytest
from tests.host.gateway.radius_program import Program
from tests.host.login import scenario as scenarios
from tests.host.login.scenario import Scenario
from tests.host.verifier_samples import Clock

clock = scenarios.clock


@pytest.fixture
def scenario(clock: Clock) -> Iterator[Scenario]:
    with scenarios.new_scenario(clock) as scenario:
        yield scenario


@pytest.fixture
def program(scenario: Scenario) -> Program:
    return Program.of(scenario, "vpn", "192.0.2.7")
