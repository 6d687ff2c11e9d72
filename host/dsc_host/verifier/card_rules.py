"""The rules for a card's serial, suite, keys, PINs, counter and owners. A violation raises `InputError`."""

import hmac
import re
import secrets

from dsc_host.errors import InputError
from dsc_host.ocra import Suite
from dsc_host.records.tables import SERIAL_LETTERS
from dsc_host.schema.card_tables import OWNER_LETTERS
from dsc_host.verifier.model import MOST_SECONDS, Enrollment

SERIAL = rf"(?!\.{{1,2}}$)[A-Za-z0-9._/-]{{1,{SERIAL_LETTERS}}}"
"""The pattern of a serial. `.` and `..` are excluded, because in the path of a URL they mean another path."""
SERIAL_WORDS = f"1 to {SERIAL_LETTERS} characters of A-Z, a-z, 0-9, -, _, / and ."
KEY_BYTES = range(16, 65)
UNLOCK_KEY_BYTES = 32
COUNTER_END = 2**64 - 1
"""The largest counter that can be stored. No response is accepted with this counter, because no counter can follow it."""


def check(enrollment: Enrollment) -> None:
    """Raise `InputError` if an enrollment breaks any rule."""
    check_serial(enrollment.serial)
    suite = usable_suite(enrollment.suite)
    check_key(enrollment.key)
    if not (enrollment.awaits_pin and enrollment.pin is None and suite.pin_hash is not None):
        check_pin(enrollment.pin, suite)
    check_validity(enrollment.valid_from, enrollment.valid_until)
    check_counter(enrollment.counter, suite)
    check_unlock_key(enrollment.unlock_key, enrollment.key, suite)
    if enrollment.duress_pin is not None:
        check_duress_pin(enrollment.duress_pin, suite)
    if not isinstance(enrollment.owners, tuple):
        raise InputError("owners", "must be a tuple of names")
    for owner in enrollment.owners:
        check_owner(owner)


def shown_serial(serial: object) -> str:
    """Return the part of an unchecked serial that a message may show: its beginning, with control characters escaped."""
    return ascii(serial)[1:-1][:32] if isinstance(serial, str) else type(serial).__name__


def is_serial(serial: object) -> bool:
    """Return whether the value can be a card's serial: see `SERIAL`."""
    return isinstance(serial, str) and re.fullmatch(SERIAL, serial) is not None


def check_serial(serial: str) -> None:
    """Raise `InputError` unless the value is a serial."""
    if not is_serial(serial):
        raise InputError("serial", f"must be {SERIAL_WORDS}")


def usable_suite(text: str) -> Suite:
    """Parse a suite. Raise `InputError` unless the verifier can supply its inputs, and a display can show its response."""
    suite = Suite.parse(text)
    if suite.session is not None:
        raise InputError("suite", "must not have session data (S), which the verifier cannot supply")
    if suite.digits == 0:
        raise InputError("suite", "its response must have 4 to 10 digits: 0 is a whole MAC in hex, too long for a display")
    return suite


def check_key(key: bytes) -> None:
    """Raise `InputError` unless the key is 16 to 64 bytes."""
    if not isinstance(key, bytes):
        raise InputError("key", "must be bytes")
    if len(key) not in KEY_BYTES:
        raise InputError("key", f"must be {KEY_BYTES[0]} to {KEY_BYTES[-1]} bytes, got {len(key)}")


def check_pin(pin: str | None, suite: Suite) -> None:
    """Raise `InputError` unless the PIN is 4 digits, or None for a suite without a PIN.

    If the suite has no PIN, the card itself checks its PIN, which the verifier does not know.
    """
    if suite.pin_hash is None:
        if pin is not None:
            raise InputError("pin", "is not part of this suite; leave it out")
        return
    if not _is_pin(pin):
        raise InputError("pin", "must be 4 digits, 0 to 9: this suite has a PIN")


def check_duress_pin(duress_pin: str, suite: Suite) -> None:
    """Raise `InputError` unless the duress PIN is 4 digits, and the suite has a PIN.

    The duress PIN is not compared with the card's PIN: refusing an equal PIN would reveal the card's PIN to the caller.
    """
    if suite.pin_hash is None:
        raise InputError("duress pin", "is only for a suite with a PIN: this card checks its PIN itself")
    if not _is_pin(duress_pin):
        raise InputError("duress pin", "must be 4 digits, 0 to 9")


def check_new_pin(pin: str) -> None:
    """Raise `InputError` unless the PIN is 4 digits."""
    if not _is_pin(pin):
        raise InputError("pin", "must be 4 digits, 0 to 9")


def check_owner(owner: str) -> None:
    """Raise `InputError` unless the value is a name: 1 to 64 printable characters, with no blank at either end."""
    if not isinstance(owner, str) or not 0 < len(owner) <= OWNER_LETTERS or not owner.isprintable() or owner != owner.strip():
        raise InputError("owner", f"must be a name of 1 to {OWNER_LETTERS} characters, with no blanks at its ends")


def _is_pin(pin: object) -> bool:
    return isinstance(pin, str) and re.fullmatch("[0-9]{4}", pin) is not None


def random_pin() -> str:
    """Draw a PIN from the operating system's random source."""
    return f"{secrets.randbelow(10_000):04}"


def check_validity(begin: float | None, end: float | None) -> None:
    """Raise `InputError` unless `begin` and `end` are Unix times, or None for no limit, and `end` is after `begin`."""
    for moment in (begin, end):
        if moment is not None and (type(moment) not in (int, float) or not 0 <= moment <= MOST_SECONDS):
            raise InputError("validity", f"must begin and end at Unix seconds from 0 to {MOST_SECONDS}")
    if begin is not None and end is not None and begin >= end:
        raise InputError("validity", "must end after it begins")


def check_unlock_key(unlock_key: bytes | None, key: bytes, suite: Suite) -> None:
    """Raise `InputError` unless the unlock key is None, or 32 bytes that differ from the card's key.

    A card can have an unlock key only if it checks its PIN itself, that is, if its suite has no PIN.
    """
    if unlock_key is None:
        return
    if suite.pin_hash is not None:
        raise InputError("unlock key", "is only for a card that checks its PIN itself, with a suite that has no PIN (P)")
    if not isinstance(unlock_key, bytes) or len(unlock_key) != UNLOCK_KEY_BYTES:
        raise InputError("unlock key", f"must be {UNLOCK_KEY_BYTES} bytes")
    if hmac.compare_digest(unlock_key, key):
        raise InputError("unlock key", "must differ from the card's key")


def check_counter(counter: int, suite: Suite) -> None:
    """Raise `InputError` unless the counter is in range, and is 0 if the suite has no counter."""
    # isinstance would accept a bool, which is not a counter.
    if type(counter) is not int or not 0 <= counter < COUNTER_END:
        raise InputError("counter", "must be a whole number from 0 to 2**64 - 2")
    if counter and not suite.counter:
        raise InputError("counter", "is not part of this suite; leave it out")
