"""Fixtures: the town of the login system's tests, its pages, and browsers."""

from collections.abc import Callable, Iterator

import pytest
from tests.host.login import town as towns
from tests.host.login.town import Town
from tests.host.portal.browser import Browser, browsers
from tests.host.verifier_samples import Clock

from dsc_host.login import Policy
from dsc_host.portal.demo import demonstration
from dsc_host.portal.demo.demonstration import CONTACT, Demonstration

clock = towns.clock


@pytest.fixture
def town(clock: Clock) -> Iterator[Town]:
    """Yield a town on SQLite. The tests of the login system cover PostgreSQL."""
    with towns.new_town(clock) as town:
        yield town


@pytest.fixture
def browser(town: Town) -> Iterator[Callable[..., Browser]]:
    """Yield a function that creates browsers, each with cookies of its own."""
    with browsers(town.system) as made:
        yield made


@pytest.fixture
def shown(request: pytest.FixtureRequest) -> Iterator[Demonstration]:
    """Yield a demonstration with its people and their cards. Its passwords cost nothing. A parameter adds to its policy."""
    made = demonstration.begin(Policy.of({"contact": CONTACT, **towns.CHEAP, **getattr(request, "param", {})}))
    yield made
    made.close()
