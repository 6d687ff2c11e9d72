"""Lists of a million cards compared with lists of a thousand: the first line, the peak memory, and a rare state.

The databases are filled by SQL, each row with its seal. The commands take turns, and the best of the rounds counts.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.benchmarks.measure import Figure, best_times

from dsc_host.verifier import MasterKey, State, Verifier, rows
from dsc_host.verifier.rows import CardRecord

MASTER = MasterKey(bytes(range(32)))
FEW, MANY = 1_000, 1_000_000
RARE = 10
ROUNDS, CALLS = 7, 50

_LIST = """
import atexit, sys, time
from tests.benchmarks.memory import peak_memory
from dsc_host.cli.main import main
from dsc_host.verifier import Verifier

def reading(verifier, *, cards=Verifier.cards, **given):
    print("reading", time.monotonic(), file=sys.stderr)
    return cards(verifier, **given)

Verifier.cards = reading
atexit.register(lambda: print("peak", peak_memory(), file=sys.stderr))
sys.argv[1:] = ["card", "list", "--json"]
main()
"""


def measure() -> Iterator[Figure]:
    """Yield the figures, in some minutes."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_filled(Path(folder, f"{number}.db"), number) for number in (FEW, MANY))
        waited = [[_first_line(url) for url in (few, many)] for _ in range(ROUNDS)]
        first, last = (min(each) for each in zip(*waited, strict=True))
        yield Figure(f"first line of a list of {MANY:,} cards / of {FEW:,}", last / first, at_most=1.5)
        yield Figure(f"first line of {MANY:,} cards after the start of reading", last, "s", at_most=0.3)
        seconds, peak = _whole(many)
        yield Figure(f"memory of card list --json, {MANY:,} cards", peak / 2**20, "MiB", at_most=100)
        yield Figure("its time", seconds, "s")
        yield Figure(f"list of {RARE} cards in a rare state among {MANY:,} / among {FEW:,}", _rare(few, many), at_most=1.5)


def _filled(path: Path, number: int) -> str:
    """Make a database with this number of cards, of which ten are lost. Return its URL."""
    url = f"sqlite:///{path}"
    with Verifier.open(url, master_key=MASTER) as verifier:
        verifier.enroll("A", key=bytes(32), pin="1234")
        with verifier.context.reading() as tx:
            first = rows.find_cards(tx.db, owner=None, state=None, after="", limit=1)[0]
        with closing(sqlite3.connect(path)) as db:
            like = db.execute("SELECT * FROM cards").fetchone()
            added = (_row(verifier, first, like, index, number) for index in range(number))
            db.executemany(f"INSERT INTO cards VALUES ({','.join('?' * len(like))})", added)
            db.execute("DELETE FROM cards WHERE serial = 'A'")
            db.commit()
    return url


def _row(verifier: Verifier, first: CardRecord, like: tuple[object, ...], index: int, number: int) -> list[object]:
    """Return the sealed columns of one of the cards, in the form that the first card's columns have in the file."""
    state = State.LOST if index % (number // RARE) == 0 else State.ENROLLED
    card = verifier.context.seals.sealed(first._replace(serial=f"C-{index:07}", enrolment=f"{index:016x}", state=str(state)))
    changed = {"serial", "enrolment", "state", "seal"}
    return [value if name in changed else before for name, value, before in zip(card._fields, card, like, strict=True)]


def _listing(url: str, **streams: int) -> "subprocess.Popen[str]":
    environment = {**os.environ, "DSCPLUS_DB": url, "DSCPLUS_MASTER_KEY": bytes(range(32)).hex()}
    return subprocess.Popen([sys.executable, "-c", _LIST], env=environment, text=True, **streams)  # type: ignore[call-overload]


def _first_line(url: str) -> float:
    """Return the seconds from the start of reading to the first line of the list."""
    with _listing(url, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == "[\n"
        came = time.monotonic()
        process.kill()
        return came - _told("reading", process.stderr.read())


def _whole(url: str) -> tuple[float, float]:
    """Return the seconds that a whole list takes, and the peak memory of its process in bytes."""
    start = time.monotonic()
    with _listing(url, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        told = process.stderr.read()
        return time.monotonic() - start, _told("peak", told)


def _told(what: str, text: str) -> float:
    found = re.search(rf"^{what} (\S+)$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def _rare(few: str, many: str) -> float:
    """Return the ratio of the times in which the lost cards are listed."""
    with Verifier.open(few, master_key=MASTER) as small, Verifier.open(many, master_key=MASTER) as large:
        for verifier in (small, large):
            assert len(list(verifier.cards(state=State.LOST))) == RARE
        best = best_times(
            {"few": lambda: list(small.cards(state=State.LOST)), "many": lambda: list(large.cards(state=State.LOST))},
            calls=CALLS,
            rounds=ROUNDS,
        )
    return best["many"] / best["few"]
