"""The profile for a blank card. Each field is checked when it is set. `check` then checks all fields together.

A mistake raises a ProfileError. The message begins with the name of a field, and says what is allowed.
"""

from .journal import KEY_MAX, SERIAL_MAX, SUITE_MAX, UNLOCK_SIZE
from .link import hex_value
from .ocra import Ocra, SuiteError, mac
from .ports import CELLS, const, decimal, forget, is_digit, wipe

DEFAULT_SUITE = b"OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
_KEY_MIN = const(16)
_COUNTER_DIGITS = const(20)
_COUNTER_MAX = const(0xFFFFFFFFFFFFFFFE)
_KEY = "key: 16 to 64 bytes in hex"
_UNLOCK = "unlock: 32 bytes in hex"
_COUNTER = "counter: 0 to 18446744073709551614"


def code_of(key, pin, out):
    """Fill `out`, at most 32 bytes, with the keyed digest of a PIN. The card stores this digest to check typed PINs."""
    digest = mac("SHA256", key, pin)
    for i in range(len(out)):
        out[i] = digest[i]
    forget(digest)


class ProfileError(Exception):
    """A field is missing or invalid."""


def _require(good, words):
    if not good:
        raise ProfileError(words)


def _check_serial(value):
    good = 0 < len(value) <= SERIAL_MAX
    for c in value:
        good = good and (0x41 <= c <= 0x5A or is_digit(c) or c == 0x2D)
    _require(good, "serial: 1 to 16 of A-Z, 0-9 and -")
    return bytearray(value)


def parse_suite(value):
    """Parse a suite, given as bytes, and return its Ocra. Raise ProfileError if a card cannot use the suite."""
    _require(0 < len(value) <= SUITE_MAX, "suite: 1 to 48 characters")
    # Check for ASCII here: CPython's str() refuses all other bytes, but MicroPython's accepts UTF-8.
    for c in value:
        _require(c < 0x80, "suite: only ASCII")
    try:
        ocra = Ocra(str(value, "ascii"))
    except SuiteError as error:
        raise ProfileError("suite: " + str(error))
    _require(4 <= ocra.digits <= CELLS, "suite: a card shows 4 to 8 digits")
    _require(not ocra.session and not ocra.time, "suite: a card has no S and no T")
    return ocra


def _check_suite(value):
    parse_suite(value)
    return bytearray(value)


def _check_key(value):
    return _key(value, _KEY_MIN, KEY_MAX, _KEY)


def _check_unlock(value):
    return _key(value, UNLOCK_SIZE, UNLOCK_SIZE, _UNLOCK)


def _key(value, least, most, words):
    size = len(value) // 2
    _require(len(value) == 2 * size and least <= size <= most, words)
    key = bytearray(size)
    for i in range(len(value)):
        nibble = hex_value(value[i])
        _require(nibble >= 0, words)
        key[i >> 1] = key[i >> 1] << 4 | nibble
    return key


def _check_pin(value):
    _require(value == b"ocra" or value == b"card", "pin: ocra or card")
    return bytearray(value)


def _check_code(value):
    _require(len(value) == 4 and decimal(value, 9999) >= 0, "code: 4 digits")
    return bytearray(value)


def _check_tries(value):
    tries = decimal(value, 9) if len(value) == 1 else 0
    _require(tries > 0, "tries: 1 to 9")
    return tries


def _check_counter(value):
    counter = decimal(value, _COUNTER_MAX) if len(value) <= _COUNTER_DIGITS else -1
    _require(counter >= 0, _COUNTER)
    return counter


_CHECKS = {
    "serial": _check_serial,
    "suite": _check_suite,
    "key": _check_key,
    "pin": _check_pin,
    "code": _check_code,
    "tries": _check_tries,
    "counter": _check_counter,
    "unlock": _check_unlock,
}


class Profile:
    """The fields that a host has set so far."""

    def __init__(self):
        self._fields = {}

    def stage(self, name, value):
        """Check the value of one field, and keep it instead of an earlier value. `name` is text, and `value` is a buffer."""
        _require(name in _CHECKS, name + ": no such field")
        checked = _CHECKS[name](value)
        self._forget(name)
        self._fields[name] = checked

    def _forget(self, name):
        old = self._fields.pop(name, None)
        if isinstance(old, bytearray):
            wipe(old)

    def forget(self):
        """Remove every field, and overwrite the secrets."""
        for name in list(self._fields):
            self._forget(name)

    def check(self):
        """Raise ProfileError if a required field is missing, or if the fields contradict each other."""
        fields = self._fields
        for name in ("serial", "key"):
            _require(name in fields, name + ": must be set")
        checks_pin = self.checks_pin
        has_pin = parse_suite(self.suite).pin
        _require(not (checks_pin and has_pin), "suite: pin=card needs a suite without P")
        _require(checks_pin or has_pin, "suite: pin=ocra needs a suite with P")
        _require(checks_pin or "code" not in fields, "code: with pin=card only")
        _require(checks_pin or "tries" not in fields, "tries: with pin=card only")
        _require(checks_pin or "unlock" not in fields, "unlock: with pin=card only")
        _require(not checks_pin or "code" in fields, "code: must be set with pin=card")

    @property
    def checks_pin(self):
        """Return whether the card checks the PIN itself."""
        return self._fields.get("pin") == b"card"

    @property
    def suite(self):
        """Return the suite as bytes."""
        return self._fields.get("suite", DEFAULT_SUITE)

    def fill(self, record):
        """Fill the journal's `record` from these fields. Call `check` first."""
        fields = self._fields
        record.clear()
        record.assign(fields["serial"], self.suite, fields["key"])
        record.checks_pin = self.checks_pin
        record.tries = fields.get("tries", record.tries)
        record.counter = fields.get("counter", 0)
        if record.checks_pin:
            code_of(record.key, fields["code"], record.code)
        if "unlock" in fields:
            record.can_unlock = True
            record.unlock_key[:] = fields["unlock"]
