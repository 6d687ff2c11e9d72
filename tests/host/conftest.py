"""Fixtures for the tests of the host: the client, the command, the board, the verifier and its database file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.host import command_runner, verifier_samples
from tests.host.command_runner import Command
from tests.host.flash import flash_boards
from tests.host.flash.board_disk import Disk
from tests.host.link.scripted_card import Card, FakePort
from tests.host.records import database_file
from tests.host.verifier_samples import Clock

from dsc_host import CardClient, Verifier
from dsc_host.flash import board_session, raw_repl
from dsc_simulator import Profile, SimulatedCard

if TYPE_CHECKING:
    from tests.host.api.api_client import Api

# ---- the client ----


@pytest.fixture
def port() -> FakePort:
    return FakePort()


@pytest.fixture
def card(port: FakePort) -> Card:
    return Card(port)


@pytest.fixture
def client(port: FakePort, card: Card) -> Iterator[CardClient]:
    with CardClient(port, clock=port.clock) as client:
        yield client


# ---- the command ----


@pytest.fixture
def dscplus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    command = Command(tmp_path, monkeypatch, capsys)
    yield command
    command.assert_no_secret_was_printed()


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedCard]:
    """A blank card without physical keys."""
    with SimulatedCard() as card:
        monkeypatch.setenv("DSCPLUS_CARD", card.url)
        yield card


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedCard]:
    """A personalized card whose keys only its owner can press."""
    with SimulatedCard(profile=Profile(serial="IB1", key=command_runner.KEY), keys_on_line=False) as card:
        monkeypatch.setenv("DSCPLUS_CARD", card.url)
        yield card


# ---- the board ----


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a silent board less time."""
    monkeypatch.setattr(raw_repl, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(board_session, "RESTART_SECONDS", 1.0)


@pytest.fixture(scope="session")
def old() -> Disk:
    """A disk on which OLD has been flashed. Do not change it."""
    return flash_boards.disk_with(flash_boards.OLD)


@pytest.fixture
def disk(old: Disk) -> Disk:
    """A copy of the disk on which OLD has been flashed, for one test."""
    return flash_boards.copy_of(old)


# ---- the verifier ----


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> Iterator[Verifier]:
    with Verifier.open(
        "sqlite://", master_key=verifier_samples.MASTER, clock=clock, draw=verifier_samples.drawing()
    ) as verifier:
        verifier.enroll("A-1", key=verifier_samples.KEY, suite=verifier_samples.SUITE, pin=verifier_samples.PIN)
        yield verifier


@pytest.fixture
def api(verifier: Verifier, tmp_path: Path) -> Iterator["Api"]:
    # Import it here and not above: the HTTP service is installed by an extra and slow to import.
    from tests.host.api.api_client import Api

    with Api(verifier, tmp_path) as api:
        yield api


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dsc.db"


@pytest.fixture
def enrolled(path: Path) -> Path:
    with Verifier.open(database_file.url(path), master_key=database_file.MASTER) as verifier:
        verifier.enroll("A-1", key=database_file.KEY, suite=database_file.SUITE, pin=database_file.PIN)
        verifier.enroll("B-2", key=bytes(32), suite=database_file.SUITE, pin="0000")
    return path
