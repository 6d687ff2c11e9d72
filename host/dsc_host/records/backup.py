"""Backups: all rows of a database in one file, for use on another machine or in another kind of database.

Three promises:

1. A backup is complete, and consistent as of one moment. It holds no secret in the clear: secrets stay sealed as in the
   database.
2. A backup ends with a seal of the master key over every byte, including the identity of its database. A backup that was cut
   short, changed or pieced together is refused.
3. No part of a backup is used without a valid seal: `Restoring.into` runs in a transaction that fails if the seal is wrong.

The file is JSON lines in UTF-8: a header, one line for each row, and the seal (HMAC-SHA256).
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any, BinaryIO

from sqlalchemy import Column, Connection, Double, LargeBinary, Select, Table, func, insert, select

from dsc_host.errors import InputError
from dsc_host.records.keys import Keyring
from dsc_host.records.progress import Progress
from dsc_host.records.schema import Schema
from dsc_host.records.tables import Counter, Times
from dsc_host.records.transaction import Context

FORMAT = 1
MOST_LINE = 64 * 1024
"""The largest number of bytes in a line. All rows are far shorter."""
_BATCH = 500


def kept_tables(schema: Schema) -> tuple[Table, ...]:
    """Return the tables whose rows are in a backup."""
    return tuple(table for table in schema.tables if schema.kept.get(table.name, table) is not None)


# ---- making a backup ----


def write(context: Context[Any], schema: Schema, file: BinaryIO, done: Progress) -> dict[str, int]:
    """Write all rows, as they are at one moment, to `file`. Return the number of rows by table."""
    signer = context.keys.current.backup_signer()
    tables = kept_tables(schema)

    def write_line(line: Mapping[str, Any]) -> None:
        data = _line(line)
        signer.update(data)
        file.write(data)

    with context.store.read(streams=True) as db:
        rows = {table.name: int(db.execute(_count(schema, table)).scalar_one()) for table in tables}
        header = {"dscplus": "backup", "format": FORMAT, "schema": schema.version, "database": context.seals.database}
        write_line({**header, "key": context.keys.current.id, "rows": rows})
        total, written = sum(rows.values()), 0
        for table in tables:
            for row in db.execute(_all(schema, table), execution_options={"yield_per": _BATCH}).mappings():
                write_line({table.name: {column.name: _encoded(column, row[column]) for column in table.columns}})
                written += 1
                if written % _BATCH == 0:
                    done(written, total)
    file.write(_line({"seal": signer.hexdigest()}))
    done(written, total)
    return rows


def _all(schema: Schema, table: Table) -> Select[Any]:
    kept = schema.kept.get(table.name)
    return (select(table) if kept is None else kept).order_by(*table.primary_key)


def _count(schema: Schema, table: Table) -> Select[Any]:
    return select(func.count()).select_from(_all(schema, table).order_by(None).subquery())


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _encoded(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, LargeBinary) and value is not None:
        return base64.b64encode(value).decode("ascii")
    return list(value) if isinstance(value, tuple) else value


# ---- reading a backup ----


class Restoring:
    """One pass through a backup, line by line."""

    def __init__(self, schema: Schema, file: BinaryIO, keys: Keyring, done: Progress) -> None:
        """Start at the first byte of `file`. `done` is called with the progress."""
        self._schema = schema
        self._tables = kept_tables(schema)
        self._file = file
        self._keys = keys
        self._done = done
        self._number = 0

    def into(self, db: Connection) -> dict[str, int]:
        """Add all rows in this transaction, and check the seal. Return the number of rows by table."""
        first = self._read()
        expected, key_id = self._header(first)
        signer = self._keys.opener(key_id).backup_signer()
        signer.update(first)
        total, added = sum(expected.values()), 0
        for table in self._tables:
            left = expected[table.name]
            while left:
                data = [self._read() for _ in range(min(left, _BATCH))]
                for line in data:
                    signer.update(line)
                # `self._number` is the number of the batch's last line. Derive the numbers of the others from it.
                rows = [self._row(line, table, self._number - len(data) + at) for at, line in enumerate(data, 1)]
                db.execute(insert(table), rows)
                left -= len(rows)
                added += len(rows)
                self._done(added, total)
        self._check_seal(self._read(), signer.digest())
        if self._file.read(1):
            raise self._refusal("is followed by data after the end of the backup")
        return expected

    def _read(self) -> bytes:
        self._number += 1
        line = self._file.readline(MOST_LINE + 1)
        if len(line) > MOST_LINE:
            raise self._refusal("is not a line of a backup: it is too long")
        if not line.endswith(b"\n"):
            raise self._refusal("is missing or cut short: the backup is not whole; use another one")
        return line

    def _header(self, line: bytes) -> tuple[dict[str, int], str]:
        header = self._parsed(line, self._number)
        if header.get("dscplus") != "backup":
            raise self._refusal("does not begin a backup of dscplus: name another file")
        if (header.get("format"), header.get("schema")) != (FORMAT, self._schema.version):
            raise self._refusal(
                f"is of another version (schema {_version(header.get('schema'))}, this dscplus has {self._schema.version}); "
                "restore it with the dscplus that made it, then open the database with this one"
            )
        rows, key_id = header.get("rows"), header.get("key")
        names = [table.name for table in self._tables]
        if not isinstance(key_id, str) or not isinstance(rows, dict) or list(rows) != names:
            raise self._refusal("is not the header of a backup")
        if not all(type(count) is int and count >= 0 for count in rows.values()):
            raise self._refusal("is not the header of a backup")
        return rows, key_id

    def _row(self, line: bytes, table: Table, number: int) -> dict[str, Any]:
        row = self._parsed(line, number).get(table.name)
        if not isinstance(row, dict) or list(row) != [column.name for column in table.columns]:
            raise self._refusal(f"is not a row of {table.name}", number)
        try:
            return {column.name: _decoded(column, row[column.name]) for column in table.columns}
        except (ValueError, OverflowError):
            raise self._refusal(f"is not a row of {table.name}", number) from None

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            content = json.loads(line.decode())
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise self._refusal("is not a line of a backup", number)
        return content

    def _check_seal(self, line: bytes, right: bytes) -> None:
        seal = self._parsed(line, self._number).get("seal")
        if not isinstance(seal, str) or not hmac.compare_digest(seal.encode(), right.hex().encode()):
            raise self._refusal("does not have the master key's seal: the backup was changed, or is not whole; use another one")

    def _refusal(self, problem: str, number: int | None = None) -> InputError:
        return InputError("backup", f"line {number or self._number} {problem}")


def _decoded(column: Column[Any], value: Any) -> Any:
    """Return the value in the column's type. Raises `ValueError` if it has another type."""
    if value is None:
        if not column.nullable:
            raise ValueError
        return None
    return _checked(column, value)


def _checked(column: Column[Any], value: Any) -> Any:
    kind = column.type
    if isinstance(kind, LargeBinary):
        return _bytes(value)
    if isinstance(kind, Times):
        return tuple(_number(each) for each in _of(value, list))
    if isinstance(kind, Double):
        return _number(value)
    if isinstance(kind, Counter):
        return _of(value, int)
    return _of(value, kind.python_type)


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_of(value, str), validate=True)
    except binascii.Error:
        raise ValueError from None


def _number(value: Any) -> float:
    return float(value if type(value) is int else _of(value, float))


def _of(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError
    return value


def _version(value: object) -> str:
    return str(value) if type(value) is int else "unknown"
