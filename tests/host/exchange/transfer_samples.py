"""Samples for the tests of import and export: a database without cards, and a recorder of reports."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host import databases, verifier_samples

from dsc_host import Enrollment, State, Verifier
from dsc_host.exchange import Refusal, pskc_writer, stream, transfer
from dsc_host.verifier import card_lookup, enrollment

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pskc_writer, "ITERATIONS", 1000)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pages and batches a tenth as large, so that a few cards fill several."""
    monkeypatch.setattr(enrollment, "BATCH", 50)
    monkeypatch.setattr(card_lookup, "_PAGE", 50)
    monkeypatch.setattr(transfer, "_CARDS_PER_REPORT", 10)
    monkeypatch.setattr(pskc_writer, "_BATCH", 10)
    monkeypatch.setattr(stream, "_CHUNK", 6 * 1024)


@pytest.fixture
def office(database_kind: str) -> Iterator[Verifier]:
    """Open records without cards."""
    with (
        databases.EMPTY.copy(database_kind) as (database, _),
        Verifier.open(database.url, master_key=verifier_samples.MASTER) as opened,
    ):
        yield opened


class Told:
    """The reports of an import or an export."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.left_out: list[tuple[str, State]] = []
        self.progress: list[tuple[int, int]] = []

    def done(self, so_far: int, of: int) -> None:
        self.progress.append((so_far, of))

    def leave_out(self, serial: str, state: State) -> None:
        self.left_out.append((serial, state))

    @property
    def lines(self) -> list[tuple[int, str | None, str]]:
        return [(refusal.line, refusal.serial, refusal.error.field) for refusal in self.refusals]


def enrolled(verifier: Verifier, cards: list[Enrollment]) -> None:
    assert verifier.enroll_all(cards) == len(cards)


def serials(verifier: Verifier) -> list[str]:
    return [card.serial for card in verifier.cards()]


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "in"
    path.write_bytes(data)
    return path


def untouched(verifier: Verifier) -> bool:
    return serials(verifier) == [] and [entry.action for entry in verifier.audit.entries()] == ["log.begin"]
