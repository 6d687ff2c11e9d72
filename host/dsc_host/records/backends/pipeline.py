"""Pipelined connections to PostgreSQL: a statement whose result is not needed yet is sent together with a later statement.

A connection is in psycopg's pipeline mode as long as it is open. `execute` waits for the result of its statement, so that
SQLAlchemy works as usual. `send` does not wait. If its statement fails, the next call that waits, or the commit, raises the
error.

`Sql` objects are queued until the next statement that waits, so that one packet holds all of them. Each connection lets the
server prepare each `Sql` once, because planning takes longer than most of our statements. A connection to a pooler prepares
nothing. After an error, the server skips all statements until the next synchronization. So a preparation is noted only after it
has succeeded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import Format, TransactionStatus
from sqlalchemy import Dialect, Engine, event

from dsc_host.records.backends.binary import Sql

_MOST_SYNCS = 3
"""The largest number of attempts to synchronize the pipeline after an error. If all fail, the connection is closed."""


class PipelinedConnection(psycopg.Connection[Any]):
    """A connection that is in pipeline mode from `enter` to `close`."""

    _context: AbstractContextManager[psycopg.Pipeline] | None = None
    _entered: psycopg.Pipeline | None = None

    def enter(self) -> None:
        """Enter the pipeline mode."""
        # A pooler may run each transaction in a different session, which lacks our prepared statements. These two process ids
        # are equal if there is no pooler.
        self._prepares = self.execute("SELECT pg_backend_pid()").fetchone() == (self.info.backend_pid,)
        self._statements: dict[str, bytes] = {}
        self._numbers = count()
        self._context = self.pipeline()
        self._entered = self._context.__enter__()
        make: Any = partial(PipelinedCursor, self._entered)
        self.cursor_factory = make

    def commit(self) -> None:
        """Commit the transaction. Raise the error of an earlier statement if its result was not read."""
        with self._settled():
            # Send the queue first. As long as the start of the transaction is in the queue, psycopg finds nothing to commit.
            self._send_queued()
            super().commit()

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        with suppress(psycopg.Error), self._settled():
            self._send_queued()
        # The pool calls this for each connection that it gets back. Without this check, each return would take a round trip.
        if not self._is_idle():
            with self._settled():
                super().rollback()

    def close(self) -> None:
        """Leave the pipeline mode, and close the connection."""
        # On a lost connection, this raises an error.
        with suppress(psycopg.Error):
            if self._context is not None:
                self._context.__exit__(None, None, None)
        self._context = self._entered = None
        super().close()

    def send(self, cursor: "PipelinedCursor", sql: Sql, values: Sequence[bytes | None]) -> None:
        """Queue a statement. Its result goes to `cursor`."""
        if self._prepares:
            send = partial(self.pgconn.send_query_prepared, self._name_of(sql), values, sql.formats, Format.BINARY)
        else:
            send = partial(self.pgconn.send_query_params, sql.text.encode(), values, sql.types, sql.formats, Format.BINARY)
        self._queue(send, cursor)

    def _name_of(self, sql: Sql) -> bytes:
        """Return the name of the prepared statement. Queue its preparation unless an earlier one is known to have succeeded."""
        name = self._statements.get(sql.text)
        if name is None:
            name = f"dscplus_{next(self._numbers)}".encode()
            prepare = partial(self.pgconn.send_prepare, name, sql.text.encode(), sql.types)
            self._queue(prepare, _Preparation(self, self._statements, sql.text, name))
        return name

    def _queue(self, command: Callable[[], None], cursor: psycopg.Cursor[Any]) -> None:
        pipeline: Any = self._entered
        pipeline.command_queue.append(command)
        pipeline.result_queue.append((cursor, None))

    def _send_queued(self) -> None:
        """Send the queue if the start of the transaction is still in it."""
        if self._entered is not None and self._entered.command_queue and self._is_idle():
            self._entered.sync()

    def _is_idle(self) -> bool:
        return self.pgconn.transaction_status == TransactionStatus.IDLE

    def _settled(self) -> AbstractContextManager[None]:
        return nullcontext() if self._entered is None else _settled(self._entered)


class _Preparation(psycopg.Cursor[Any]):
    """The cursor of a statement's preparation. It notes when the preparation has succeeded."""

    def __init__(self, connection: Any, prepared: dict[str, bytes], text: str, name: bytes) -> None:
        super().__init__(connection)
        self._note = partial(prepared.__setitem__, text, name)

    def _set_results(self, results: Any) -> None:
        self._note()


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
        """Execute a statement with many sets of parameters, and wait for all results."""
        with _settled(self._waits_with):
            super().executemany(*args, **options)
            self._waits_with.sync()

    def send_sql(self, sql: Sql, values: Sequence[bytes | None]) -> None:
        """Send a statement, with its values in binary form, without waiting for its result."""
        # The `Transformer` reads the result. psycopg creates one only in `execute`, so create it here.
        self._tx = Transformer(self)
        connection: Any = self.connection
        connection.send(self, sql, values)

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
        with suppress(IndexError):
            _synchronize(pipeline)
        _close_unless_in_step(pipeline)
        raise
    except IndexError:
        _close_unless_in_step(pipeline)
        raise psycopg.OperationalError("the server sent a result that no statement waits for") from None


def _synchronize(pipeline: psycopg.Pipeline) -> None:
    for _ in range(_MOST_SYNCS):
        with suppress(psycopg.Error):
            pipeline.sync()
            break


def _close_unless_in_step(pipeline: psycopg.Pipeline) -> None:
    """Close the connection if the server has sent more or fewer results than psycopg expects.

    The synchronization itself can fail, for example because of a time limit. The server then sends a result that psycopg does
    not expect, and psycopg would assign each later result to the wrong statement.
    """
    expected: Any = pipeline.result_queue
    if expected or pipeline.pgconn.get_result() is not None:
        pipeline.pgconn.finish()


def pipeline(engine: Engine) -> None:
    """Make this engine open pipelined connections."""

    def connect(_dialect: Dialect, _entry: object, arguments: Any, options: Any) -> PipelinedConnection:
        return PipelinedConnection.connect(*arguments, **options)

    def enter(connection: Any, _entry: object) -> None:
        connection.enter()

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", enter)
