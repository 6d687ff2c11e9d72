"""Statements on many rows at once, for PostgreSQL.

The values of each column are sent as one array. So the text of a statement is the same for any number of rows, and the server
plans the statement only once.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table, TypeDecorator
from sqlalchemy.engine.default import DefaultDialect

from dsc_host.records.backends.binary import Kind, Sql, kind_of
from dsc_host.records.statements import PendingResult, ask_sql

Row = Sequence[Any]
"""The values of one row, in the order of the statement's columns."""

_DIALECT = DefaultDialect()
_NAMES = {17: "bytea", 20: "bigint", 25: "text", 701: "float8"}


class RowSet:
    """One statement on many rows. Threads may share it."""

    __slots__ = ("_kinds", "_sql", "_stored")

    def __init__(self, sql: str, columns: Sequence[Column[Any]]) -> None:
        """Prepare `sql`, in which `{rows}` stands for the rows. Each row has one value for each of `columns`, in this order."""
        self._kinds = [_kind(column) for column in columns]
        arrays = ", ".join(f"${number}::{_NAMES[kind.type]}[]" for number, kind in enumerate(self._kinds, 1))
        names = ", ".join(_quoted(column) for column in columns)
        types, formats = [kind.array for kind in self._kinds], [1] * len(columns)
        self._sql = Sql(sql.format(rows=f"unnest({arrays}) AS v({names})"), types, formats)
        self._stored = tuple(_storing(column) for column in columns)

    def send(self, db: Connection, rows: Sequence[Row]) -> None:
        """Execute the statement for these rows, if there are any. The next statement or the commit may raise its error."""
        if rows:
            self.ask(db, rows)

    def ask(self, db: Connection, rows: Sequence[Row]) -> PendingResult:
        """Execute the statement for these rows, and return an object from which the caller takes the result later."""
        return ask_sql(db, self._sql, self._arrays(rows))

    def _arrays(self, rows: Sequence[Row]) -> list[bytes]:
        columns = zip(self._kinds, self._stored, zip(*rows, strict=True), strict=True)
        return [kind.encode_all(values if stored is None else list(map(stored, values))) for kind, stored, values in columns]


def takes_sets(db: Connection) -> bool:
    """Return whether a connection can execute the statement of a `RowSet`."""
    return hasattr(db.connection.driver_connection, "send")


def update_of(table: Table, *names: str) -> RowSet:
    """Return a statement that writes the columns `names`. The first value of each row is the primary key."""
    key = next(iter(table.primary_key))
    columns = [table.c[name] for name in names]
    changes = ", ".join(f"{_quoted(column)} = v.{_quoted(column)}" for column in columns)
    place = f"{table.name}.{_quoted(key)} = v.{_quoted(key)}"
    sql = f"UPDATE {table.name} SET {changes} FROM {{rows}} WHERE {place}"  # noqa: S608
    return RowSet(sql, [key, *columns])


def insert_into(table: Table, ending: str = "") -> RowSet:
    """Return a statement that adds rows with values for all columns. `ending` is SQL such as `ON CONFLICT DO NOTHING`."""
    names = ", ".join(_quoted(column) for column in table.columns)
    sql = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {{rows}} {ending}"  # noqa: S608
    return RowSet(sql, list(table.columns))


def _kind(column: Column[Any]) -> Kind:
    kind = kind_of(column.type)
    if kind is None:
        raise AssertionError(f"the values of {column.name} have no binary form")
    return kind


def _quoted(column: Column[Any]) -> str:
    return f'"{column.name}"'


def _storing(column: Column[Any]) -> Callable[[Any], Any] | None:
    kind: Any = column.type
    return (lambda value: kind.process_bind_param(value, _DIALECT)) if isinstance(kind, TypeDecorator) else None
