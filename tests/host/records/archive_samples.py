"""An archived log for tests: three sealed segments, the folder of their files, and the verifier that archived them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host import databases
from tests.host.databases import Database
from tests.host.log_samples import SIZE, add_entries
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock

from dsc_host.verifier import Verifier

FUTURE = 1e12


def live(url: str) -> None:
    """Write a log of three sealed segments, whose first one tells of cards that nobody has used since."""
    with Verifier.open(url, master_key=MASTER, clock=Clock()) as verifier:
        for serial in ("D-1", "D-2", "D-3"):
            verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)
        verifier.suspend("D-1")
        verifier.remove("D-3")
        add_entries(verifier, 3200)
        verifier.audit.seal(SIZE)


SEALED = databases.Template(live)


@pytest.fixture
def database(database_kind: str) -> Iterator[Database]:
    with SEALED.copy(database_kind) as (database, _):
        yield database


@pytest.fixture
def verifier(database: Database, clock: Clock) -> Iterator[Verifier]:
    with Verifier.open(database.url, master_key=MASTER, clock=clock) as verifier:
        yield verifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    path.mkdir()
    return path


@pytest.fixture
def archived(verifier: Verifier, folder: Path) -> Verifier:
    assert [segment.number for segment in verifier.audit.archive(folder, FUTURE)] == [1, 2, 3]
    return verifier


def replace_bytes(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)
