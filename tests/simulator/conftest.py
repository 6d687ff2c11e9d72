"""The fixtures of the simulator's tests, such as the engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.command_runner import Command
from tests.simulator.live_cards import Watch

from dsc_simulator import ENGINES, Profile, SimulatedCard
from dsc_simulator.desktop.live_card import LiveCard
from dsc_simulator.engines import available


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine in turn."""
    name: str = request.param
    if not available(name):
        pytest.skip(f"engine {name}: its packages are not installed; pip install 'dscplus[{name}]'")
    return name


@pytest.fixture(scope="session")
def profile() -> Profile:
    """Return the profile of a card with the default suite."""
    return Profile(serial="A-1", key=bytes(range(32)))


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def live(request: pytest.FixtureRequest, profile: Profile, watch: Watch) -> Iterator[LiveCard]:
    """Provide a card in real time. A test that also uses `engine` gets one on each engine."""
    engine = request.getfixturevalue("engine") if "engine" in request.fixturenames else "cpython"
    with SimulatedCard(engine=engine, profile=profile, keys_on_line=False) as card:
        yield LiveCard(card, now=watch)


@pytest.fixture
def blank(watch: Watch) -> Iterator[LiveCard]:
    with SimulatedCard(keys_on_line=False) as card:
        yield LiveCard(card, now=watch)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """Return the folder in which the desktop program keeps its cards."""
    return tmp_path / "cards"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Provide `dscplus` in this process, without a terminal. It stores its files in `tmp_path`."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.__stdin__", None)
    return Command(tmp_path, monkeypatch, capsys)
