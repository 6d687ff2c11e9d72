"""Backups: one file with the rows of a database, which can be restored on another machine or in another kind of database.

Three promises:

1. A backup has all rows as they were at one moment, except those that `Schema.kept` leaves out. It holds no secret in the
   clear: secrets stay sealed as in the database.
2. A backup ends with a seal of the master key over all earlier bytes, which include the identity of its database. A backup that
   was cut short, changed or pieced together is refused.
3. No part of a backup is used without a valid seal: `Restoring.into` raises an error if the seal is wrong, and the caller then
   undoes the transaction.

The file consists of lines of JSON in UTF-8: a header, one line for each row, and the seal (HMAC-SHA256). A backup of the second
format leaves out the entries of sealed segments. It can be restored only with the files of these segments: see
`backup_segments`.
"""

import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Select, Table, func, insert, select

from dsc_host.errors import InputError, StoreError
from dsc_host.records import backup_segments, row_text
from dsc_host.records.backup_segments import LeftOut
from dsc_host.records.keys import Keyring
from dsc_host.records.progress import Progress
from dsc_host.records.schema import Schema
from dsc_host.records.tables import audit
from dsc_host.records.transaction import Context

FORMAT = 1
"""The format of a backup that holds the whole log."""
WITH_SEGMENTS = 2
"""The format of a backup that leaves out sealed segments."""
MOST_LINE = 1024 * 1024
"""The largest number of bytes in a line of a backup. The longest rows have a client's public keys: up to about 300 KB."""
_BATCH = 500


def kept_tables(schema: Schema) -> tuple[Table, ...]:
    """Return the tables whose rows are in a backup."""
    return tuple(table for table in schema.tables if schema.kept.get(table.name, table) is not None)


# ---- making a backup ----


def write(context: Context[Any], schema: Schema, file: BinaryIO, done: Progress, folder: Path | None = None) -> dict[str, int]:
    """Write all rows that a backup keeps, as they are at one moment, to `file`. Return the number of rows by table.

    Leave out the entries of the sealed segments that have a file in `folder`. From time to time, `done` is called with the
    number of written rows and their total. Raises `StoreError` if a value in the database has the wrong type.
    """
    signer = context.keys.current.backup_signer()
    tables = kept_tables(schema)

    def write_line(line: Mapping[str, Any]) -> None:
        data = _line(line)
        if len(data) > MOST_LINE:
            raise StoreError("a row is too long for a backup")
        signer.update(data)
        file.write(data)

    def write_row(table: Table, row: Mapping[Any, Any]) -> None:
        try:
            write_line({table.name: {column.name: row_text.encoded(column, row[column]) for column in table.columns}})
        except TypeError:
            # SQLite accepts values of any type in a column.
            raise StoreError(f"a row of {table.name} has a value of the wrong type: it was changed; see audit verify") from None

    with context.store.read(streams=True) as db:
        part = backup_segments.left_out(db, context.keys, context.seals, folder) if folder else None
        statements = {table.name: _all(schema, table, part) for table in tables}
        rows = {name: _count(db, statement) for name, statement in statements.items()}
        shape = {"format": WITH_SEGMENTS, "segments": part.as_json()} if part else {"format": FORMAT}
        facts = {"schema": schema.version, "database": context.seals.database, "key": context.keys.current.id, "rows": rows}
        write_line({"dscplus": "backup", **shape, **facts})
        total, written = sum(rows.values()), 0
        for table in tables:
            for row in db.execute(statements[table.name], execution_options={"yield_per": _BATCH}).mappings():
                write_row(table, row)
                written += 1
                if written % _BATCH == 0:
                    done(written, total)
    file.write(_line({"seal": signer.hexdigest()}))
    done(written, total)
    return rows


def _all(schema: Schema, table: Table, part: LeftOut | None) -> Select[Any]:
    kept = schema.kept.get(table.name)
    rows = select(table) if kept is None else kept
    if part and table is audit:
        rows = rows.where(audit.c.number > part.last_entry)
    return rows.order_by(*table.primary_key)


def _count(db: Connection, rows: Select[Any]) -> int:
    return int(db.execute(select(func.count()).select_from(rows.order_by(None).subquery())).scalar_one())


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


# ---- reading a backup ----


class Restoring:
    """One pass through a backup, line by line."""

    def __init__(self, schema: Schema, file: BinaryIO, keys: Keyring, done: Progress) -> None:
        """Start at the current position of `file`. `done` is called with the number of restored rows and their total."""
        self._schema = schema
        self._tables = kept_tables(schema)
        self._file = file
        self._keys = keys
        self._done = done
        self._number = 0
        self.left_out: LeftOut | None = None
        """The part of the log that the backup leaves out. It is known only after the header was read."""

    def into(self, db: Connection) -> dict[str, int]:
        """Add all rows in this transaction, then check the seal. Return the number of rows by table.

        Raises `InputError` if the file is not a complete and unchanged backup of this schema version, or if the backup is
        sealed under a master key that was not given. The caller must then undo the transaction.
        """
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
                # `self._number` is the number of the batch's last line. The numbers of the earlier lines follow from it.
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
            raise self._refusal("is missing or cut short: the backup is incomplete; use another backup")
        return line

    def _header(self, line: bytes) -> tuple[dict[str, int], str]:
        header = self._parsed(line, self._number)
        if header.get("dscplus") != "backup":
            raise self._refusal("does not begin a backup of dscplus: name another file")
        if header.get("format") not in (FORMAT, WITH_SEGMENTS) or header.get("schema") != self._schema.version:
            raise self._refusal(
                f"is of another version (schema {_version(header.get('schema'))}, this dscplus has {self._schema.version}); "
                "restore it with the dscplus that made it, then open the database with this dscplus"
            )
        rows, key_id = header.get("rows"), header.get("key")
        self.left_out = LeftOut.read(header.get("segments"))
        if (
            not isinstance(key_id, str)
            or not isinstance(rows, dict)
            or list(rows) != [table.name for table in self._tables]
            or not all(type(count) is int and count >= 0 for count in rows.values())
            or (self.left_out is None) != (header["format"] == FORMAT)
        ):
            raise self._refusal("is not the header of a backup")
        return rows, key_id

    def _row(self, line: bytes, table: Table, number: int) -> dict[str, Any]:
        row = self._parsed(line, number).get(table.name)
        if not isinstance(row, dict) or list(row) != [column.name for column in table.columns]:
            raise self._refusal(f"is not a row of {table.name}", number)
        try:
            return {column.name: row_text.decoded(column, row[column.name]) for column in table.columns}
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
        if not isinstance(seal, str) or not hmac.compare_digest(seal.encode(errors="replace"), right.hex().encode()):
            raise self._refusal(
                "does not have the master key's seal: the backup was changed, or is incomplete; use another backup"
            )

    def _refusal(self, problem: str, number: int | None = None) -> InputError:
        return InputError("backup", f"line {number or self._number} {problem}")


def _version(value: object) -> str:
    return str(value) if type(value) is int else "unknown"
