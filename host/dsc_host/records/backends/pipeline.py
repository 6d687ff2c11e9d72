"""Pipelined connections to PostgreSQL: a statement whose result is not needed yet is sent together with the next statement.

A connection is in psycopg's pipeline mode from its opening to its end. `execute` waits for its result, so that SQLAlchemy works
as usual. `send` does not wait: the next call that waits, or the commit, raises the error of such a statement.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Dialect, Engine, event

_MOST_SYNCS = 3
"""How often to synchronize the pipeline after an error. If this is not enough, the connection is lost."""


class PipelinedConnection(psycopg.Connection[Any]):
    """A connection that is in pipeline mode from `enter` to `close`."""

    _context: AbstractContextManager[psycopg.Pipeline] | None = None
    _entered: psycopg.Pipeline | None = None

    def enter(self) -> None:
        """Enter the pipeline mode."""
        self._context = self.pipeline()
        self._entered = self._context.__enter__()
        make: Any = partial(PipelinedCursor, self._entered)
        self.cursor_factory = make

    def commit(self) -> None:
        """Commit. Raise the error of an earlier statement whose result was not read."""
        with self._settled():
            super().commit()

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        # The pool calls this for each connection that it gets back. Without this check, it would take a round trip.
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            with self._settled():
                super().rollback()

    def close(self) -> None:
        """Leave the pipeline mode, and close the connection."""
        # A connection that is lost cannot leave its pipeline.
        with suppress(psycopg.Error):
            if self._context is not None:
                self._context.__exit__(None, None, None)
        self._context = self._entered = None
        super().close()

    def _settled(self) -> AbstractContextManager[None]:
        return nullcontext() if self._entered is None else _settled(self._entered)


class PipelinedCursor(psycopg.Cursor[Any]):
    """A cursor of a pipelined connection."""

    def __init__(self, pipeline: psycopg.Pipeline, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self._waits_with = pipeline

    def execute(self, *args: Any, **options: Any) -> Any:
        """Execute a statement and wait for its result."""
        with _settled(self._waits_with):
            super().execute(*args, **options)
            self._waits_with.sync()
        return self

    def executemany(self, *args: Any, **options: Any) -> None:
        """Execute a statement with many sets of parameters, and wait for the end."""
        with _settled(self._waits_with):
            super().executemany(*args, **options)
            self._waits_with.sync()

    def send(self, sql: str, parameters: Any) -> None:
        """Send a statement without waiting for its result."""
        with _settled(self._waits_with):
            super().execute(sql, parameters)

    def wait(self) -> None:
        """Wait for the result of a statement that was sent."""
        if self.pgresult is None:
            with _settled(self._waits_with):
                self._waits_with.sync()


@contextmanager
def _settled(pipeline: psycopg.Pipeline) -> Iterator[None]:
    """After an error, read the results of the statements that the server skipped, so that the next statement can succeed."""
    try:
        yield
    except psycopg.Error:
        for _ in range(_MOST_SYNCS):
            with suppress(psycopg.Error):
                pipeline.sync()
                break
        raise


def pipeline(engine: Engine) -> None:
    """Make this engine open pipelined connections."""

    def connect(_dialect: Dialect, _entry: object, arguments: Any, options: Any) -> PipelinedConnection:
        return PipelinedConnection.connect(*arguments, **options)

    def enter(connection: Any, _entry: object) -> None:
        connection.enter()

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", enter)
