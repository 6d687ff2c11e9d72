"""Fixtures: the scenario of the login system's tests, and a program that logs its users in with RADIUS."""

from collections.abc import Iterator

import pytest
from tests.host.gateway import openid_program
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


@pytest.fixture
def wiki(scenario: Scenario) -> Iterator[openid_program.Program]:
    """Yield a program that logs users in with OpenID Connect."""
    with openid_program.program(scenario) as made:
        yield made
