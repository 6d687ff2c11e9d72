"""The audit log. It records who did what, when and to which card, with the outcome and the true reason.

Five promises:

1. An entry is written in the transaction that makes the change: neither exists without the other.
2. Each entry holds a SHA-256 hash of its content and of the previous entry's hash. So changed, removed, added and reordered
   entries are found.
3. The end of the log is sealed with the master key, for this database. An attacker who can write the database but has no
   master key can neither rewrite the chain nor replace its end, even with the end of another database's log.
4. Neither the log nor the cards alone can be set back to an old state without being found. Each change of a card's row has a
   number, which is sealed in the row (`seals`) and hashed in its log entry. Each secret of the vault records the number
   of the last log entry at that time. Only `check` with `since` finds that the whole database was set back to an earlier state.
5. No entry holds a PIN, a response or a key.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Protocol, TypeAlias

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from dsc_host.errors import InputError, StoreError
from dsc_host.records.keys import Keyring, other_master_key
from dsc_host.records.progress import Progress, ignored
from dsc_host.records.seals import Seals
from dsc_host.records.statements import Statement
from dsc_host.records.store import Store
from dsc_host.records.tables import audit, audit_head

BEGIN = "log.begin"
MOST_PROBLEMS = 100
"""The largest number of problems in a report. If everything is damaged, the first ones are enough."""
_PAGE = 1000
_NUMBERS_END = 2**62
_START = bytes(32)
_as_json = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

_HEAD = select(audit_head.c.number, audit_head.c.hash, audit_head.c.key_id, audit_head.c.seal)
_LOCK_HEAD = Statement(_HEAD.with_for_update())
_MOVE_HEAD = Statement(
    update(audit_head).values(
        number=bindparam("new_number"), hash=bindparam("new_hash"), key_id=bindparam("new_key_id"), seal=bindparam("new_seal")
    )
)
_ADD = insert(audit)
_ADD_ONE = Statement(_ADD)
_PAGE_AFTER = (
    select(audit)
    .where(audit.c.number > bindparam("after"), audit.c.number < _NUMBERS_END)
    .order_by(audit.c.number)
    .limit(_PAGE)
)
# In SQLite, a value that is not a number sorts after every number.
_OUT_OF_RANGE = select(audit.c.number).where(or_(audit.c.number <= 0, audit.c.number >= _NUMBERS_END)).limit(MOST_PROBLEMS)
_PAGE_OF = _PAGE_AFTER.where(audit.c.serial == bindparam("serial"))


class LoggedRow(Protocol):
    """A row whose versions the log records."""

    @property
    def in_log(self) -> str | None:
        """The log's name for this version of the row, or None if the log does not record it."""


Anchor: TypeAlias = Callable[[Connection, int], Iterator[str]]
"""A check that takes the number of the log's last entry, and yields the problems in the records."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event to log. `detail` holds texts, none of which is secret."""

    action: str
    serial: str | None
    outcome: str
    reason: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    row: LoggedRow | None = None
    """The card's row after the event; None if the event did not change it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Attributes:
        at: The Unix time of the event.
        actor: The name of the person or program that acted.
        action: The call, for example `card.suspend`.
        serial: The card, or None.
        outcome: The result, for example `done`.
        reason: The reason that was given or found; empty if there is none.

    Examples:
        >>> from dsc_host import MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> card = verifier.by("desk:maria").enroll("IB3000123", key=bytes(32), pin="1234")
        >>> entry = list(verifier.audit.entries())[-1]
        >>> entry.actor, entry.serial
        ('desk:maria', 'IB3000123')
    """

    number: int
    """The number, from 1, without gaps."""
    at: float
    actor: str
    action: str
    serial: str | None
    outcome: str
    reason: str
    detail: str
    """A JSON object."""
    card_row: str | None
    """`ENROLLMENT:VERSION` of the card's row after the event, or None if no card's row was changed."""
    hash: str
    """64 hex digits."""

    def as_json(self) -> dict[str, object]:
        """Return the entry for an export, with its time as Unix seconds, which are hashed, and in ISO 8601."""
        return {
            "number": self.number,
            "at": self.at,
            "time": _iso(self.at),
            "actor": self.actor,
            "action": self.action,
            "serial": self.serial,
            "outcome": self.outcome,
            "reason": self.reason,
            "detail": _read(self.detail),
            "card_row": self.card_row,
            "hash": self.hash,
        }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The end of the log at some time. A copy outside the database can later prove that no earlier entry was changed.

    Attributes:
        number: The number of the last entry.
        hash: Its hash, 64 hex digits.

    Examples:
        >>> from dsc_host import Checkpoint, MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> kept = str(verifier.audit.check().checkpoint)
        >>> verifier.audit.check(since=Checkpoint.parse(kept)).sound
        True
    """

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Return the checkpoint in `text`: `NUMBER:HASH`, as it is printed. Raises `InputError` for anything else."""
        if not isinstance(text, str) or not (found := re.fullmatch("([0-9]{1,18}):([0-9a-f]{64})", text)):
            raise InputError("checkpoint", "must be NUMBER:HASH, with a hash of 64 hex digits, as audit verify prints it")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of a check of the whole log."""

    entries: int
    problems: tuple[str, ...]
    checkpoint: Checkpoint

    @property
    def sound(self) -> bool:
        """Whether nothing was changed, removed, added or reordered."""
        return not self.problems


class AuditLog:
    """The log of one database, for reading and checking."""

    def __init__(
        self, store: Store, keys: Keyring, seals: Seals, *, check_serial: Callable[[str], object], anchors: Sequence[Anchor]
    ) -> None:
        """Use the parts of an open database. `anchors` compare the records with the log."""
        self._store = store
        self._check_serial = check_serial
        self._anchors = anchors
        self._keys = keys
        self._seals = seals

    def entries(self, after: int = 0, serial: str | None = None) -> Iterator[Entry]:
        """Yield all entries with a number above `after`, or those of one card, in order. They are read page by page.

        Raises `InputError` if `after` is not a whole number of 0 or more, or `serial` cannot be a card's.
        """
        if type(after) is not int or not 0 <= after < _NUMBERS_END:
            raise InputError("after", "must be a whole number, 0 or more")
        if serial is not None:
            self._check_serial(serial)
        return self._entries(after, serial)

    def _entries(self, after: int, serial: str | None) -> Iterator[Entry]:
        while True:
            with self._store.read() as db:
                page = _page(db, after, serial)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].number

    def check(self, since: Checkpoint | None = None, *, done: Progress = ignored) -> AuditReport:
        """Check that no entry was changed after it was written.

        The check includes all cards and all secrets of the vault. It finds those that were tampered with or that contradict the
        log. With `since`, it also checks that the log still has the entries that it had at that checkpoint. `done` is called
        after every thousand entries.
        """
        with self._store.read(streams=True) as db:
            report = _Check(self._keys, self._seals).through(db, since, done)
            others = (found for anchor in self._anchors for found in anchor(db, report.checkpoint.number))
            return replace(report, problems=tuple(islice(chain(report.problems, others), MOST_PROBLEMS)))


class PendingEntries:
    """The entries of a transaction that are not written yet. They are written together, as its last step."""

    __slots__ = ("_events", "_signer")

    def __init__(self) -> None:
        self._events: list[tuple[float, str, Event]] = []
        self._signer: tuple[Keyring, Seals] | None = None

    def __len__(self) -> int:
        return len(self._events)

    def add(self, keys: Keyring, seals: Seals, at: float, actor: str, events: Sequence[Event]) -> None:
        """Add entries about these events. The keys and seals of the last call seal the end of the log."""
        self._signer = keys, seals
        self._events += [(at, actor, event) for event in events]

    def cut(self, length: int) -> None:
        """Drop all entries except the first `length`."""
        del self._events[length:]

    def write(self, db: Connection) -> None:
        """Append the entries to the log as the last step of a transaction.

        Other transactions wait with their entries until it ends. Raises `StoreError` if the end of the log does not match its
        seal. Otherwise a changed log would get a valid seal.
        """
        if self._events and self._signer:
            _append(db, *self._signer, self._events)


def record(db: Connection, keys: Keyring, seals: Seals, at: float, actor: str, events: Sequence[Event]) -> None:
    """Append entries at once, as `PendingEntries.write` does."""
    entries = PendingEntries()
    entries.add(keys, seals, at, actor, events)
    entries.write(db)


def _append(db: Connection, keys: Keyring, seals: Seals, events: Sequence[tuple[float, str, Event]]) -> None:
    number, before = _checked_end(_LOCK_HEAD.row(db, {}), keys, seals, events[0][2])
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
            "detail": _as_json(event.detail),
            "card_row": None if event.row is None else event.row.in_log,
        }
        before = row["hash"] = _hash(before, *row.values())
        rows.append(row)
    if len(rows) == 1:
        _ADD_ONE.send(db, rows[0])
    else:
        db.execute(_ADD, rows)
    key = keys.current
    seal = key.sign_log(seals.end_of_log(number, before))
    _MOVE_HEAD.send(db, {"new_number": number, "new_hash": before, "new_key_id": key.id, "new_seal": seal})


def seal_for(db: Connection, keys: Keyring, seals: Seals) -> None:
    """Seal the end of a log that an older dscplus wrote, for this database.

    Raises `StoreError` if the end does not match its old seal.
    """
    head = _LOCK_HEAD.row(db, {})
    if _is_new(head):
        return
    number, digest = _sealed_end(head, keys, _old_end)
    key = keys.current
    seal = key.sign_log(seals.end_of_log(number, digest))
    _MOVE_HEAD.send(db, {"new_number": number, "new_hash": digest, "new_key_id": key.id, "new_seal": seal})


def _checked_end(head: Any, keys: Keyring, seals: Seals, first: Event) -> tuple[int, bytes]:
    if _is_new(head) and first.action == BEGIN:
        return 0, _START
    return _sealed_end(head, keys, seals.end_of_log)


def _sealed_end(head: Any, keys: Keyring, end: Callable[[int, bytes], bytes]) -> tuple[int, bytes]:
    if head is not None:
        number, digest, key_id, seal = head
        if isinstance(key_id, str) and key_id and key_id not in keys.ids:
            raise other_master_key()
        is_sealed = type(number) is int and number > 0 and isinstance(digest, bytes) and key_id in keys.ids
        if is_sealed and hmac.compare_digest(keys.opener(key_id).sign_log(end(number, digest)), _bytes(seal)):
            return number, digest
    raise StoreError(
        "the end of the audit log does not match its seal: somebody has changed the database; nothing more is recorded; "
        "see audit verify, and restore a backup"
    )


def last_number(db: Connection) -> int:
    """Return the number of the last entry according to the end of the log, or 0 if there are none."""
    number = db.execute(select(audit_head.c.number)).scalar_one_or_none()
    return number if type(number) is int else 0


def end_key(db: Connection) -> str:
    """Return the id of the master key that seals the end of the log, or empty text if it has no seal."""
    key_id: str = db.execute(_HEAD).one().key_id
    return key_id


def is_new(db: Connection) -> bool:
    """Return whether the log is new: without an entry and without a seal."""
    return _is_new(db.execute(_HEAD).one_or_none())


def _is_new(head: Any) -> bool:
    return head is not None and tuple(head[:2]) == (0, _START) and head[2] == ""


def _hash(before: bytes, *values: object) -> bytes:
    """Return the hash of an entry with these values, in the order of the columns. They are encoded in JSON.

    If the last value, the card's row, is None, it is left out. So entries from before that column existed keep their hashes.
    """
    values = values[:-1] if values[-1] is None else values
    return hashlib.sha256(before + _as_json(values).encode()).digest()


def _hash_of_anything(before: bytes, *values: object) -> bytes:
    """Return the hash of values that an attacker may have changed; empty bytes if JSON cannot encode them."""
    try:
        return _hash(before, *values)
    except TypeError:
        return b""


def _old_end(number: int, digest: bytes) -> bytes:
    return number.to_bytes(8, "big") + digest


def _bytes(value: object) -> bytes:
    """Return bytes unchanged, and empty bytes for a value of any other type, which SQLite accepts in any column."""
    return value if isinstance(value, bytes) else b""


def _iso(seconds: object) -> str | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="milliseconds")  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _read(detail: object) -> object:
    """Return the detail as an object; as text if it was tampered with."""
    try:
        return json.loads(str(detail))
    except ValueError:
        return str(detail)


def _page(db: Connection, after: int, serial: str | None) -> list[Entry]:
    if serial is None:
        rows = db.execute(_PAGE_AFTER, {"after": after})
    else:
        rows = db.execute(_PAGE_OF, {"after": after, "serial": serial})
    return [Entry(**{**row._mapping, "hash": _bytes(row.hash).hex()}) for row in rows]


class _Check:
    """One pass through the log, from the first entry to the end."""

    def __init__(self, keys: Keyring, seals: Seals) -> None:
        self._keys = keys
        self._seals = seals
        self._problems: list[str] = []
        self._number = 0
        self._hash = _START

    def through(self, db: Connection, since: Checkpoint | None, done: Progress) -> AuditReport:
        """Check all entries and the end, and return the report."""
        entries, total = 0, last_number(db)
        if since and since.number == 0 and since.hash != self._hash.hex():
            self._report("its beginning differs from the checkpoint")
        for number in db.execute(_OUT_OF_RANGE).scalars():
            self._report(f"entry {ascii(number)[:20]}: has a number that no entry can have")
        while rows := db.execute(_PAGE_AFTER, {"after": self._number}).all():
            for row in rows:
                self._follow(row, since)
            entries += len(rows)
            done(entries, total)
        self._look_at_end(db.execute(_HEAD).one_or_none())
        if since and since.number > self._number:
            self._report(f"it ends at entry {self._number}, before the checkpoint at entry {since.number}")
        return AuditReport(entries, tuple(self._problems), Checkpoint(self._number, self._hash.hex()))

    def _follow(self, row: Row[Any], since: Checkpoint | None) -> None:
        number, *values, digest = tuple(row)
        if not isinstance(digest, bytes):
            digest = b""
        if number != self._number + 1:
            self._report(f"entries {self._number + 1} to {number - 1} are missing")
        elif digest != _hash_of_anything(self._hash, number, *values):
            self._report(f"entry {number}: was changed or moved after it was written")
        if since and since.number == number and since.hash != digest.hex():
            self._report(f"entry {number}: differs from the checkpoint")
        # Continue with the stored hash of this entry, so that one change is reported once.
        self._number, self._hash = number, digest

    def _look_at_end(self, head: Any) -> None:
        if head is None:
            self._report("its end is missing")
        elif type(head.number) is not int or not isinstance(head.hash, bytes):
            self._report("its end was changed")
        elif head.number > self._number:
            self._report(f"entries {self._number + 1} to {head.number} are missing, at its end")
        elif (head.number, head.hash) != (self._number, self._hash):
            self._report(f"it goes on after entry {head.number}, which was its end")
        elif head.key_id not in self._keys.ids:
            self._report("its end is sealed under a master key that was not given" if head.key_id else "its end has no seal")
        else:
            end = self._seals.end_of_log(head.number, head.hash)
            if not hmac.compare_digest(_bytes(head.seal), self._keys.opener(head.key_id).sign_log(end)):
                self._report("its end does not have the seal of the master key")

    def _report(self, problem: str) -> None:
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)
