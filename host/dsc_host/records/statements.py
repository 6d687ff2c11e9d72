"""SQL statements that every login repeats, compiled once for each kind of database and executed on the driver's cursor.

SQLAlchemy compiles the statements and defines how values are converted, but does not execute the statements: with SQLite, that
would take four times as long. Errors are raised as errors of SQLAlchemy.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter, methodcaller
from typing import Any, TypeAlias

from sqlalchemy import Boolean, Connection, Dialect, Executable, TypeDecorator
from sqlalchemy.exc import DBAPIError

from dsc_host.records.backends.binary import Encode, Sql, kind_of

Values: TypeAlias = Mapping[str, Any]
"""The values of a statement's parameters, by name."""
_FETCH, _FETCH_ALL, _COUNT = methodcaller("fetchone"), methodcaller("fetchall"), attrgetter("rowcount")
_PLACE = re.compile(r"%\((\w+)\)s")
"""A parameter in the SQL of SQLAlchemy."""
Clause: TypeAlias = Callable[[Dialect], Any]
"""A function that returns an SQLAlchemy clause for a dialect."""


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement compiled for one kind of database."""

    sql: str
    bound: Callable[[Values], Any]
    """A function that returns the parameters in the form that the driver needs: in order, or by name."""
    read: tuple[tuple[int, Callable[[Any], Any]], ...]
    """The position and the conversion of each column whose values must be converted after reading."""
    binary: Sql | None = None
    """The statement in PostgreSQL's own form, if the types of all its parameters are known."""
    encoders: tuple[tuple[str, Encode], ...] = ()
    """The parameters in their order, each with the function that returns the bytes of its value."""

    def encoded(self, values: Values) -> list[bytes | None]:
        """Return the parameters of `binary`, in order, as bytes."""
        bound = self.bound(values)
        return [encode(bound[name]) for name, encode in self.encoders]

    def read_row(self, found: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a row from the database with its values converted."""
        if not self.read:
            return found
        row = list(found)
        for column, read in self.read:
            row[column] = read(row[column])
        return tuple(row)


_RAW = _Form("", lambda values: values, ())
"""A form whose results need no conversion."""


class PendingResult:
    """A statement that was sent. The caller takes its result later."""

    __slots__ = ("_cursor", "_db", "_form")

    def __init__(self, db: Connection, form: _Form, cursor: Any) -> None:
        """Take the cursor of a statement that was sent."""
        self._db = db
        self._form = form
        self._cursor = cursor

    def row(self) -> tuple[Any, ...] | None:
        """Return the first row that the statement found, or None. Call either this or `rows`, once."""
        found = self.fetched(_FETCH)
        return found if found is None else self._form.read_row(found)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return all rows that the statement found. Call either this or `row`, once."""
        return [self._form.read_row(found) for found in self.fetched(_FETCH_ALL)]

    def fetched(self, fetch: Callable[[Any], Any]) -> Any:
        """Wait for the result, and return what `fetch` reads from the cursor."""
        try:
            if (wait := getattr(self._cursor, "wait", None)) is not None:
                wait()
            return fetch(self._cursor)
        except self._db.dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, self._db.dialect) from error
        finally:
            self._cursor.close()


class Statement:
    """One statement whose parameters all have names. Threads may share it."""

    __slots__ = ("_clause", "_forms")

    def __init__(self, clause: Executable | Clause) -> None:
        """Take an SQLAlchemy clause, or a function that returns a clause for a dialect. It is compiled at its first use."""
        self._clause = clause
        self._forms: dict[str, _Form] = {}

    def row(self, db: Connection, values: Values) -> tuple[Any, ...] | None:
        """Execute the statement and return the first row that it finds, or None if there is none."""
        form = self._form(db)
        found: tuple[Any, ...] | None = self._executed(db, form, values, _FETCH)
        return found if found is None else form.read_row(found)

    def rows(self, db: Connection, values: Values) -> list[tuple[Any, ...]]:
        """Execute the statement and return all rows that it finds."""
        form = self._form(db)
        return [form.read_row(found) for found in self._executed(db, form, values, _FETCH_ALL)]

    def ask(self, db: Connection, values: Values) -> PendingResult:
        """Send the statement, and return an object from which the caller takes the result later.

        With PostgreSQL, several statements sent in a row take about as long as a single statement.
        """
        form = self._form(db)
        return PendingResult(db, form, _send(db, form, values))

    def send(self, db: Connection, values: Values) -> None:
        """Execute the statement, and drop its result. With PostgreSQL, a later call or the commit may raise its error."""
        _send(db, self._form(db), values)

    def run(self, db: Connection, values: Values) -> int:
        """Execute the statement and return the number of rows that it affected."""
        count: int = self._executed(db, self._form(db), values, _COUNT)
        return count

    def _form(self, db: Connection) -> _Form:
        return self._forms.get(db.dialect.name) or self._compiled(db.dialect)

    def _compiled(self, dialect: Dialect) -> _Form:
        clause: Any = self._clause(dialect) if callable(self._clause) else self._clause
        compiled = clause.compile(dialect=dialect)
        columns = [column.type for column in clause.selected_columns] if clause.is_select else []
        form = _Form(
            str(compiled),
            _binding(compiled, dialect),
            tuple((at, _reading(kind, dialect)) for at, kind in enumerate(columns) if _is_read(kind)),
        )
        if dialect.name == "postgresql":
            form = _with_binary(form, compiled)
        self._forms[dialect.name] = form
        return form

    def _executed(self, db: Connection, form: _Form, values: Values, fetch: Callable[[Any], Any]) -> Any:
        if form.binary is not None:
            return PendingResult(db, form, _send(db, form, values)).fetched(fetch)
        parameters = form.bound(values)
        cursor = db.connection.cursor()
        try:
            db.dialect.do_execute(cursor, form.sql, parameters)
            return fetch(cursor)
        except db.dialect.loaded_dbapi.Error as error:
            raise _wrapped(error, db.dialect) from error
        finally:
            cursor.close()


def _binding(compiled: Any, dialect: Dialect) -> Callable[[Values], Any]:
    """Return a fast function that prepares the parameters of this statement for the driver."""
    # Some parameters have fixed values, for example an OFFSET of 0.
    fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    stored = [(name, _storing(bind.type, dialect)) for name, bind in compiled.binds.items() if _is_ours(bind.type)]
    order = tuple(compiled.positiontup) if compiled.positional else ()
    placed: Callable[[Values], Any] = itemgetter(*order) if len(order) > 1 else lambda values: [values[name] for name in order]
    if not compiled.positional:
        placed = lambda values: values  # noqa: E731
    if not fixed and not stored:
        return placed
    return lambda values: placed({**fixed, **values, **{name: store(values[name]) for name, store in stored}})


def ask_sql(db: Connection, sql: Sql, values: Sequence[bytes | None]) -> PendingResult:
    """Send SQL with its values in binary form. Return an object from which the caller takes the result later, unconverted."""
    cursor: Any = db.connection.cursor()
    cursor.send_sql(sql, values)
    return PendingResult(db, _RAW, cursor)


def _send(db: Connection, form: "_Form", values: Values) -> Any:
    """Execute a statement without waiting, if the driver allows that. Return its cursor."""
    cursor: Any = db.connection.cursor()
    try:
        if form.binary is not None and (send_sql := getattr(cursor, "send_sql", None)) is not None:
            send_sql(form.binary, form.encoded(values))
        elif (send := getattr(cursor, "send", None)) is not None:
            send(form.sql, form.bound(values))
        else:
            db.dialect.do_execute(cursor, form.sql, form.bound(values))
    except db.dialect.loaded_dbapi.Error as error:
        raise _wrapped(error, db.dialect) from error
    return cursor


def _wrapped(error: Exception, dialect: Dialect) -> Any:
    return DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect)


def _with_binary(form: _Form, compiled: Any) -> _Form:
    """Return the form with `binary`, or unchanged if the type of a parameter is not known."""
    order: dict[str, int] = {}
    text = _PLACE.sub(lambda found: f"${order.setdefault(found[1], len(order) + 1)}", form.sql).replace("%%", "%")
    kinds = [kind_of(compiled.binds[name].type) for name in order]
    known = [kind for kind in kinds if kind is not None]
    if len(known) < len(kinds):
        return form
    encoders = tuple((name, kind.encode) for name, kind in zip(order, known, strict=True))
    return replace(form, binary=Sql.of(text, known), encoders=encoders)


def _is_ours(kind: object) -> bool:
    """Return whether we convert values of this type. Both drivers take values of all other types unchanged."""
    return isinstance(kind, TypeDecorator)


def _is_read(kind: object) -> bool:
    # SQLite stores a Boolean as a number.
    return _is_ours(kind) or isinstance(kind, Boolean)


def _storing(kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
    return lambda value: kind.process_bind_param(value, dialect)


def _reading(kind: Any, dialect: Dialect) -> Callable[[Any], Any]:
    if isinstance(kind, Boolean):
        return lambda value: None if value is None else bool(value)
    return lambda value: kind.process_result_value(value, dialect)


def insert_of(dialect: Dialect) -> Any:
    """Return the dialect's own `insert` function, whose statement supports ON CONFLICT."""
    # Import it here, because a dialect loads slowly, and normally only one is used.
    if dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return postgresql_insert
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    return sqlite_insert
