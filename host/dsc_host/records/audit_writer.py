"""The writing of the audit log, which records who did what, when and to which card, with the outcome and the real reason.

Six promises:

1. An entry is written in the transaction that makes the change: neither exists without the other.
2. Each entry holds a SHA-256 hash of its content and of the previous entry's hash. So changed, removed, added and reordered
   entries are found.
3. The end of the log is sealed with the master key, for this database. An attacker who can write the database but has no
   master key can neither rewrite the chain nor replace its end, even with the end of another database's log.
4. If somebody replaces only the log, or only the cards, by an earlier state, the check finds this: each change gives a card's
   row a new version number, which is sealed in the row and hashed in the log entry about the change. Each secret of the vault
   records the number that the log's last entry had when the secret was stored. If somebody replaces the whole database by an
   earlier state, this is found only by a check with `since`, a checkpoint that was kept elsewhere.
5. No entry holds a PIN, a response or a key.
6. An entry is removed from the database only after a file holds the whole segment of the entry. A sealed checkpoint stays in
   the database, so any change of the file is found: see `segments` and `archive`.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, insert, select, update

from dsc_host.errors import StoreError
from dsc_host.records.audit_entries import START, bytes_of, encoded, hash_of
from dsc_host.records.keys import Keyring, other_master_key
from dsc_host.records.row_sets import insert_into, takes_sets
from dsc_host.records.seals import Seals
from dsc_host.records.statements import Statement
from dsc_host.records.tables import audit, audit_head

BEGIN = "log.begin"
"""The action of the first entry of a log."""

HEAD = select(audit_head.c.number, audit_head.c.hash, audit_head.c.key_id, audit_head.c.seal)
"""A query for the end of the log."""
_LOCK_HEAD = Statement(HEAD.with_for_update())
_MOVE_HEAD = Statement(
    update(audit_head).values(
        number=bindparam("new_number"), hash=bindparam("new_hash"), key_id=bindparam("new_key_id"), seal=bindparam("new_seal")
    )
)
_ADD = insert(audit)
_ADD_ONE, _ADD_SET = Statement(_ADD), insert_into(audit)


class LoggedRow(Protocol):
    """A row whose versions the log records."""

    @property
    def in_log(self) -> str | None:
        """The log's name for this version of the row, or None if the log does not record it."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event to log."""

    action: str
    serial: str | None
    """The card that the event is about, or None."""
    outcome: str
    reason: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    """Further facts. None of them may be a secret."""
    row: LoggedRow | None = None
    """The card's row after the event, or None if the event did not change the row."""


class PendingEntries:
    """The log entries of one transaction, which are written together as its last step."""

    __slots__ = ("_events", "_signer")

    def __init__(self) -> None:
        self._events: list[tuple[float, str, Event]] = []
        self._signer: tuple[Keyring, Seals] | None = None

    def __len__(self) -> int:
        return len(self._events)

    def add(self, keys: Keyring, seals: Seals, at: float, actor: str, events: Sequence[Event]) -> None:
        """Add entries about `events` at the Unix time `at`. The `keys` and `seals` of the last call seal the end of the log."""
        self._signer = keys, seals
        self._events += [(at, actor, event) for event in events]

    def cut(self, length: int) -> None:
        """Drop all entries except the first `length`."""
        del self._events[length:]

    def write(self, db: Connection) -> None:
        """Append the entries to the log as the last step of a transaction.

        Until the transaction ends, other transactions cannot append entries. Raises `StoreError` if the end of the log does not
        match its seal: a new seal would make a changed log look valid. Raises `InputError` if the end of the log is sealed
        under a master key that was not given.
        """
        if self._events and self._signer:
            _append(db, *self._signer, self._events)


def record(db: Connection, keys: Keyring, seals: Seals, at: float, actor: str, events: Sequence[Event]) -> None:
    """Append entries about these events immediately. Raises as `PendingEntries.write` does."""
    entries = PendingEntries()
    entries.add(keys, seals, at, actor, events)
    entries.write(db)


def _append(db: Connection, keys: Keyring, seals: Seals, events: Sequence[tuple[float, str, Event]]) -> None:
    head = _LOCK_HEAD.row(db, {})
    begins = _is_new(head) and events[0][2].action == BEGIN
    number, before = (0, START) if begins else _checked_end(head, keys, seals.end_of_log)
    rows = []
    for at, actor, event in events:
        number += 1
        row = {
            "number": number,
            "at": float(at),
            "actor": actor,
            "action": event.action,
            "serial": event.serial,
            "outcome": event.outcome,
            "reason": event.reason,
            "detail": encoded(event.detail),
            "card_row": None if event.row is None else event.row.in_log,
        }
        before = row["hash"] = hash_of(before, *row.values())
        rows.append(row)
    _add(db, rows)
    _seal_end(db, keys, seals, number, before)


def _add(db: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if len(rows) == 1:
        _ADD_ONE.send(db, rows[0])
    elif takes_sets(db):
        _ADD_SET.send(db, [tuple(row.values()) for row in rows])
    else:
        db.execute(_ADD, rows)


def reseal_end(db: Connection, keys: Keyring, seals: Seals) -> None:
    """Seal the end of the log again, for this database. The seals of an older dscplus were not bound to a database.

    Raises `StoreError` if the end of the log does not match its old seal.
    """
    head = _LOCK_HEAD.row(db, {})
    if _is_new(head):
        return
    _seal_end(db, keys, seals, *_checked_end(head, keys, _old_end))


def _seal_end(db: Connection, keys: Keyring, seals: Seals, number: int, digest: bytes) -> None:
    key = keys.current
    seal = key.sign_log(seals.end_of_log(number, digest))
    _MOVE_HEAD.send(db, {"new_number": number, "new_hash": digest, "new_key_id": key.id, "new_seal": seal})


def _checked_end(head: Any, keys: Keyring, end: Callable[[int, bytes], bytes]) -> tuple[int, bytes]:
    if head is not None:
        number, digest, key_id, seal = head
        if isinstance(key_id, str) and key_id and key_id not in keys.ids:
            raise other_master_key()
        is_sealed = type(number) is int and number > 0 and isinstance(digest, bytes) and key_id in keys.ids
        if is_sealed and hmac.compare_digest(keys.opener(key_id).sign_log(end(number, digest)), bytes_of(seal)):
            return number, digest
    raise StoreError(
        "the end of the audit log does not match its seal: somebody has changed the database; nothing more is recorded; "
        "see audit verify, and restore a backup"
    )


def last_number(db: Connection) -> int:
    """Return the number of the last entry, according to the end of the log. Return 0 if there is none or the end is damaged."""
    number = db.execute(select(audit_head.c.number)).scalar_one_or_none()
    return number if type(number) is int else 0


def end_key(db: Connection) -> str:
    """Return the id of the master key that seals the end of the log, or empty text if it has no seal."""
    key_id: str = db.execute(HEAD).one().key_id
    return key_id


def is_new(db: Connection) -> bool:
    """Return whether the log is new: without an entry and without a seal."""
    return _is_new(db.execute(HEAD).one_or_none())


def _is_new(head: Any) -> bool:
    return head is not None and tuple(head[:2]) == (0, START) and head[2] == ""


def _old_end(number: int, digest: bytes) -> bytes:
    return number.to_bytes(8, "big") + digest
