"""Fixtures of the contract tests, which run on each engine and on the board of `--card`."""

from collections.abc import Iterator

import pytest
from tests.conftest import BOARD
from tests.contract.rig import Rig

from dsc_simulator import ENGINES, SimulatedCard
from dsc_simulator.engines import available


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        board = [BOARD] if metafunc.config.getoption("card") else []
        metafunc.parametrize("engine", [*ENGINES, *board], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine in turn, or `board` for the card that `--card` names."""
    name: str = request.param
    if name != BOARD and not available(name):
        pytest.skip(f"engine {name}: its packages are not installed; pip install 'dscplus[{name}]'")
    return name


@pytest.fixture
def rig(engine: str, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Provide a blank card with a client."""
    with _rig(engine, request) as made:
        yield made


def _rig(engine: str, request: pytest.FixtureRequest) -> Rig:
    if engine == BOARD:
        return Rig(request.config.getoption("card").removeprefix("serial:"))
    card = SimulatedCard(engine=engine, seed=1)
    return Rig(card.url, card)
