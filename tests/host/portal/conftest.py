"""Fixtures: the scenario of the login system's tests, its pages, and browsers."""

from collections.abc import Callable, Iterator

import pytest
from tests.host.login import scenario as scenarios
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browser, browsers
from tests.host.verifier_samples import Clock

from dsc_host.login import Policy
from dsc_host.portal.demo import demonstration
from dsc_host.portal.demo.demonstration import SETTINGS, Demonstration

clock = scenarios.clock


@pytest.fixture
def scenario(clock: Clock) -> Iterator[Scenario]:
    """Yield a scenario on SQLite. The tests of the login system cover PostgreSQL."""
    with scenarios.new_scenario(clock) as scenario:
        yield scenario


@pytest.fixture
def browser(scenario: Scenario) -> Iterator[Callable[..., Browser]]:
    """Yield a function that creates browsers, each with separate cookies."""
    with browsers(scenario.system) as made:
        yield made


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Iterator[Demonstration]:
    """Yield a demonstration with its people and their cards. Its passwords cost nothing. A parameter adds to its policy."""
    made = demonstration.begin(Policy.of({**SETTINGS, **scenarios.CHEAP, **getattr(request, "param", {})}))
    yield made
    made.close()
