"""The engines, and what the simulator's tests share."""

import pytest

from dsc_simulator import ENGINES, Profile
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
