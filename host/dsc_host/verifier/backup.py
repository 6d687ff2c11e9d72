"""All records in one file, for another machine or another kind of database: made while others work, put back into an empty one.

Five promises:

1. A backup is of one moment, and all of it: cards, challenges, owners, and the log, which goes on where it was.
2. It holds no secret in the clear: keys and PINs lie in it sealed under the master key, as in the database. The master key is
   not in it, and without it the backup is worth nothing: keep both, but not together.
3. It ends with a seal of the master key over every byte, the identity of its database among them. One that was cut short,
   changed or put together is refused; so is another database's, for who says which one is wanted.
4. Restoring is one transaction into a database without cards: all of it, or nothing.
5. No response that was accepted after the backup was made is accepted again for the same challenge: all challenges end,
   and so does every session of the login system.

The file is JSON lines in UTF-8: a header, one line for each row, and the seal (HMAC-SHA256).
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from sqlalchemy import Column, Connection, Double, LargeBinary, Select, Table, delete, func, insert, select, update

from dsc_host.errors import InputError, StoreError
from dsc_host.verifier import audit, login_schema, schema, seals, vault
from dsc_host.verifier.audit import Event
from dsc_host.verifier.keys import Keyring, MasterKeySource, other_master_key
from dsc_host.verifier.office import LIBRARY
from dsc_host.verifier.records import ChallengeRecord
from dsc_host.verifier.schema import DECOY, Counter, Times, cards, challenges
from dsc_host.verifier.seals import Seals
from dsc_host.verifier.store import Store
from dsc_host.verifier.verifier import Verifier

FORMAT = 1
MOST_LINE = 64 * 1024
"""Bytes of one line; no row comes near it."""
_BATCH = 500

Progress = Callable[[int, int], None]
"""Told how many rows are done, of how many."""

# In an order in which no row points to one that is not there yet.
_TABLES: Sequence[Table] = (
    schema.identity, cards, challenges, schema.owners, schema.vault, schema.audit, schema.audit_head,
    *(table for table in login_schema.ALL if table is not login_schema.sessions),
)  # fmt: skip
_OF_CARDS = (challenges, schema.owners)
_IS_REAL = cards.c.state != DECOY


def _untold(*_: object) -> None:
    """For whoever does not want to know."""


# ---- making one ----


def backup(verifier: Verifier, file: BinaryIO, *, done: Progress = _untold) -> int:
    """Write all records to `file`, and return how many cards there are. The making is logged, also in the backup itself."""
    office = verifier._office
    office.change(lambda db: office.log(db, office.now(), Event("backup.make", None, "done")))
    signer = office.keys.current.backup_signer()

    def write(line: Mapping[str, Any]) -> None:
        data = _line(line)
        signer.update(data)
        file.write(data)

    with office.store.read() as db:
        rows = {table.name: db.execute(_count(table)).scalar_one() for table in _TABLES}
        header = {"dscplus": "backup", "format": FORMAT, "schema": schema.VERSION, "database": office.seals.database}
        write({**header, "key": office.keys.current.id, "rows": rows})
        total, written = sum(rows.values()), 0
        for table in _TABLES:
            for row in db.execute(_all(table), execution_options={"yield_per": _BATCH}).mappings():
                write({table.name: {column.name: _encoded(column, row[column]) for column in table.columns}})
                written += 1
                if written % _BATCH == 0:
                    done(written, total)
    file.write(_line({"seal": signer.hexdigest()}))
    done(written, total)
    return int(rows[cards.name])


def _all(table: Table) -> Select[Any]:
    """The rows that are kept: those of decoys are not."""
    statement = select(table).order_by(*table.primary_key)
    if table is cards:
        return statement.where(_IS_REAL)
    if table in _OF_CARDS:
        return statement.where(table.c.serial.in_(select(cards.c.serial).where(_IS_REAL)))
    return statement


def _count(table: Table) -> Select[Any]:
    return select(func.count()).select_from(_all(table).order_by(None).subquery())


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _encoded(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, LargeBinary) and value is not None:
        return base64.b64encode(value).decode("ascii")
    return list(value) if isinstance(value, tuple) else value


# ---- putting it back ----


def restore(
    database: str,
    master_key: MasterKeySource,
    file: BinaryIO,
    *,
    actor: str = LIBRARY,
    clock: Callable[[], float] = time.time,
    identity: str | None = None,
    done: Progress = _untold,
) -> int:
    """Put a backup into the database at this URL, which has no cards yet, and return how many it has then.

    With `identity`, only a backup of the database that has it. The restored database has the identity of the one that the
    backup is of: its seals are bound to it.
    Raises `InputError` for a backup that is not whole and unchanged, is of another database, or is sealed under a master key
    that is not among the given ones, and `StoreError` for a database that cannot be used or has records. Then nothing is
    changed.
    """
    keys = Keyring.of(master_key)
    store = Store.open(database)
    try:
        with store.write() as db:
            store.claim(db)
            _check_empty(db)
            restored = _Restoring(file, keys, done).into(db)
            # Whatever was answered since the backup was made was a challenge's that may be open in it.
            now = float(clock())
            found = _seals(db, keys, identity)
            _end_challenges(db, found, now)
            pushes = login_schema.pushes
            db.execute(update(pushes).where(pushes.c.expires_at > now).values(expires_at=now))
            detail = {"cards": str(restored), "database": found.database}
            audit.record(db, keys, found, now, actor, [Event("backup.restore", None, "done", detail=detail)])
        return restored
    finally:
        store.close()


def _seals(db: Connection, keys: Keyring, wanted: str | None) -> Seals:
    """Return the seals of the database that the backup is of: its identity comes with it."""
    found = seals.load(db, keys)
    if found is None:
        raise seals.missing()
    if wanted not in (None, found.database):
        raise InputError("backup", f"is of the database {found.database}, not of {wanted}; name a backup of that one")
    return found


def _end_challenges(db: Connection, found: Seals, now: float) -> None:
    for row in db.execute(select(challenges).where(challenges.c.expires_at > now)).all():
        ended = found.sealed_challenge(found.check_challenge(ChallengeRecord(*row))._replace(expires_at=now))
        values = {"expires_at": ended.expires_at, "seal": ended.seal}
        db.execute(update(challenges).where(challenges.c.id == ended.id).values(values))


def _check_empty(db: Connection) -> None:
    db.execute(delete(cards).where(~_IS_REAL))
    actions = db.execute(select(schema.audit.c.action).limit(2)).scalars().all()
    if db.execute(select(cards.c.serial).limit(1)).first() is not None or actions not in ([], [audit.BEGIN]):
        raise StoreError("there are records in it already; restore a backup into a new database")
    # Of a database that was opened, and then used for nothing.
    for table in (schema.audit, schema.audit_head, schema.identity):
        db.execute(delete(table))


class _Restoring:
    """One reading of a backup, line by line."""

    def __init__(self, file: BinaryIO, keys: Keyring, done: Progress) -> None:
        self._file = file
        self._keys = keys
        self._done = done
        self._number = 0

    def into(self, db: Connection) -> int:
        """Add all rows, in this transaction, and check the seal. Returns the number of cards."""
        first = self._read()
        expected, key_id = self._header(first)
        signer = self._keys.opener(key_id).backup_signer()
        signer.update(first)
        total, added = sum(expected.values()), 0
        for table in _TABLES:
            left = expected[table.name]
            while left:
                data = [self._read() for _ in range(min(left, _BATCH))]
                for line in data:
                    signer.update(line)
                # Numbers of lines count back from the one that was read last.
                rows = [self._row(line, table, self._number - len(data) + at) for at, line in enumerate(data, 1)]
                db.execute(insert(table), rows)
                left -= len(rows)
                added += len(rows)
                self._done(added, total)
        self._check_seal(self._read(), signer.digest())
        if self._file.read(1):
            raise self._refusal("goes on after its end")
        if not set(db.execute(select(cards.c.key_id).distinct()).scalars()) | vault.key_ids(db) <= {*self._keys.ids, ""}:
            raise other_master_key()
        return expected[cards.name]

    def _read(self) -> bytes:
        self._number += 1
        line = self._file.readline(MOST_LINE + 1)
        if len(line) > MOST_LINE:
            raise self._refusal("is no line of a backup: it is too long")
        if not line.endswith(b"\n"):
            raise self._refusal("is missing or cut short: the backup is not whole; take another one")
        return line

    def _header(self, line: bytes) -> tuple[dict[str, int], str]:
        header = self._parsed(line, self._number)
        if header.get("dscplus") != "backup":
            raise self._refusal("does not begin a backup of dscplus: name another file")
        if (header.get("format"), header.get("schema")) != (FORMAT, schema.VERSION):
            raise self._refusal(
                f"is of another version (schema {_shown(header.get('schema'))}, this dscplus has {schema.VERSION}); "
                "restore it with the dscplus that made it, then open the database with this one"
            )
        rows, key_id = header.get("rows"), header.get("key")
        names = [table.name for table in _TABLES]
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
            raise self._refusal(
                "does not have the master key's seal: the backup was changed, or is not whole; take another one"
            )

    def _refusal(self, problem: str, number: int | None = None) -> InputError:
        return InputError("backup", f"line {number or self._number} {problem}")


def _decoded(column: Column[Any], value: Any) -> Any:
    """The value as the table wants it. Raises `ValueError` for one of another type."""
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


def _shown(value: object) -> str:
    return str(value) if type(value) is int else "unknown"
