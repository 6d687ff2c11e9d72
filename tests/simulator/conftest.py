"""The engines, and what the simulator's tests share."""

from collections.abc import Iterator

import pytest
from tests.simulator.living import Watch

from dsc_simulator import ENGINES, Profile, SimulatedCard
from dsc_simulator.desktop.live import LiveCard
from dsc_simulator.engines import available


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine, in turn."""
    name: str = request.param
    if not available(name):
        pytest.skip(f"engine {name}: its packages are not installed; pip install 'dscplus[{name}]'")
    return name


@pytest.fixture(scope="session")
def profile() -> Profile:
    """A card with the default suite."""
    return Profile(serial="A-1", key=bytes(range(32)))


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def live(engine: str, profile: Profile, watch: Watch) -> Iterator[LiveCard]:
    with SimulatedCard(engine=engine, profile=profile, keys_on_line=False) as card:
        yield LiveCard(card, now=watch)


@pytest.fixture
def blank(engine: str, watch: Watch) -> Iterator[LiveCard]:
    with SimulatedCard(engine=engine, keys_on_line=False) as card:
        yield LiveCard(card, now=watch)
