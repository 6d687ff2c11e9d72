"""A process that walks through stretches of the audit log: `python -m dsc_host.records.segment_worker`.

The process reads lines of JSON from its standard input: the source of the database, and then one stretch per line. For each
stretch, it writes a line with the result. It uses the database's driver directly, because loading SQLAlchemy takes longer than
checking a segment.
"""

import json
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from dsc_host.records.segment_walk import Stretch, Walk, Walked

_PAGE = 2000
_HASH = "SELECT hash FROM audit WHERE number = ?"
_ROWS = (
    "SELECT number, at, actor, action, serial, outcome, reason, detail, card_row, hash FROM audit "
    "WHERE number > ? AND number <= ? ORDER BY number"
)
Ask = Callable[[str, tuple[int, ...]], Iterator[tuple[Any, ...]]]
"""A function that executes a statement, with question marks for its parameters, and yields the rows."""


@dataclass(frozen=True, slots=True)
class Source:
    """The data with which another process can open the database for reading.

    Attributes:
        kind: `sqlite` or `postgresql`.
        arguments: The arguments of the driver's `connect`. They may include a password, so they are sent through a pipe and not
            on the command line.
    """

    kind: str
    arguments: dict[str, Any]

    def connect(self) -> Any:
        """Open a connection. The process uses it only for reading."""
        if self.kind == "sqlite":
            return sqlite3.connect(**self.arguments, uri=True, isolation_level=None)
        import psycopg

        # A connection pooler may run each transaction in another session, so do not prepare statements or change settings.
        return psycopg.connect(**{**self.arguments, "prepare_threshold": None})

    def asking(self, db: Any) -> Ask:
        """Return a function that executes statements on the connection `db`."""
        return self._ask_sqlite(db) if self.kind == "sqlite" else self._ask_postgresql(db)

    def _ask_sqlite(self, db: Any) -> Ask:
        return lambda statement, values: db.execute(statement, values)

    def _ask_postgresql(self, db: Any) -> Ask:
        def ask(statement: str, values: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
            # With a cursor on the server, the rows are read in parts.
            with db.transaction(), db.cursor(name="walk") as cursor:
                cursor.itersize = _PAGE
                cursor.execute(statement.replace("?", "%s").replace("FROM audit", "FROM dscplus.audit"), values)
                yield from cursor

        return ask


def walk(ask: Ask, stretch: Stretch) -> Walked:
    """Walk through a stretch, and return the result."""
    before = stretch.before
    if before is None:
        for (found,) in ask(_HASH, (stretch.after,)):
            before = found if isinstance(found, bytes) else None
    walk = Walk(stretch.after, before)
    walk.follow(ask(_ROWS, (stretch.after, stretch.last)))
    walk.end_at(stretch.last)
    return walk.walked()


def main() -> int:
    """Answer stretches until the input ends."""
    # The program that has started this process handles Ctrl-C: it ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = Source(**json.loads(sys.stdin.readline()))
    with closing(source.connect()) as db:
        ask = source.asking(db)
        for line in sys.stdin:
            walked = walk(ask, _stretch(json.loads(line)))
            print(json.dumps({**asdict(walked), "start": walked.start.hex(), "hash": walked.hash.hex()}), flush=True)
    return 0


def _stretch(content: dict[str, Any]) -> Stretch:
    before = content["before"]
    return Stretch(content["after"], content["last"], before and bytes.fromhex(before))


if __name__ == "__main__":
    sys.exit(main())
