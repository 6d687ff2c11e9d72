"""The entries of the audit log, their hashes, and the checkpoints that a caller may keep."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from dsc_host.errors import InputError

NUMBERS_END = 2**62
"""The number of each entry is below this limit."""
START = bytes(32)
"""The hash before the first entry."""
encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""The function that encodes the values of an entry as JSON text. The entry's hash is computed from this text."""


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
        """Return the entry for an export. `at` is the Unix time, which the hash covers. `time` is this time in ISO 8601."""
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
        hash: The hash of this entry, 64 hex digits.

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


def hash_of(before: bytes, *values: object) -> bytes:
    """Return the SHA-256 of `before`, the hash of the entry before, and of these values, encoded as JSON.

    `values` are in the order of the columns. The last value, `card_row`, is left out if it is None, so that entries older than
    this column keep their hashes.
    """
    values = values[:-1] if values[-1] is None else values
    return hashlib.sha256(before + encoded(values).encode()).digest()


def hash_of_anything(before: bytes, *values: object) -> bytes:
    """Return the same as `hash_of` for values that an attacker may have changed, or empty bytes if JSON cannot encode them."""
    try:
        return hash_of(before, *values)
    except TypeError:
        return b""


def bytes_of(value: object) -> bytes:
    """Return bytes unchanged, and empty bytes for a value of another type: SQLite accepts any type in any column."""
    return value if isinstance(value, bytes) else b""


def _iso(seconds: object) -> str | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="milliseconds")  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _read(detail: object) -> object:
    """Return the value that the JSON text `detail` holds, or the text itself if it is not JSON any longer."""
    try:
        return json.loads(str(detail))
    except (ValueError, RecursionError):
        return str(detail)
