"""CSV files of other servers, with the keys of cards in the clear. Each row has a serial, a seed (the key) and its type.

Such files are read but never written. The caller must allow them explicitly, like PSKC files with keys in the clear.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.exchange import csv_table, profile
from dsc_host.exchange.csv_files import unescape_formula
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.ocra import Suite
from dsc_host.verifier import Enrollment, card_rules

SEED_COLUMNS = ("serial", "seed", "type", "suite", "counter", "pin", "owner")
"""The columns that are read, in any order. A file must have `serial` and `seed`."""

_OCRA_TYPES = ("", "ocra", "ocra2", "ocra-1")
_HEX = re.compile("(?:0x)?((?:[0-9A-Fa-f]{2})+)")
_BASE32 = re.compile("([A-Z2-7]+|[a-z2-7]+)=*")


def placed_seeds(file: BinaryIO, mapping: str | None, *, allow_plain: bool, suite: str | None) -> Iterator[Placed | Refusal]:
    """Read the cards of a CSV with keys. Yield each card with its place in the file.

    `suite` is the suite of HOTP keys, and of cards whose row has no suite. Raises `InputError` unless `allow_plain` is set.
    """
    if suite is not None:
        card_rules.usable_suite(suite)
    if not allow_plain:
        raise InputError("CSV", "line 1: holds keys in the clear, which must be allowed explicitly (--allow-plain)")
    return _cards(file, csv_table.Columns.parse(SEED_COLUMNS, mapping), suite)


def _cards(file: BinaryIO, columns: csv_table.Columns, suite: str | None) -> Iterator[Placed | Refusal]:
    taken: set[str] = set()
    for row in csv_table.rows(file, columns):
        if isinstance(row, Refusal):
            yield row
            continue
        serial = unescape_formula(row.cells["serial"])
        try:
            enrollment = _enrollment(serial, row, suite)
            card_rules.check(enrollment)
            if serial in taken:
                raise InputError("serial", "occurs twice in the file")
        except InputError as error:
            yield Refusal(row.number, row.line, serial if card_rules.is_serial(serial) else None, error)
        else:
            taken.add(serial)
            yield Placed(row.number, row.line, enrollment)


def _enrollment(serial: str, row: csv_table.Row, suite: str | None) -> Enrollment:
    owner = unescape_formula(row.cells.get("owner", ""))
    key = _key(row.cells["seed"])
    usable = card_rules.usable_suite(_suite(row.cells.get("type", ""), row.cells.get("suite", ""), suite))
    pin = row.cells.get("pin") or None
    return Enrollment(
        serial,
        key,
        suite=usable.text,
        pin=pin,
        awaits_pin=pin is None and usable.pin_hash is not None,
        counter=_counter(row.cells.get("counter", "")),
        owners=(owner,) if owner else (),
    )


def _key(seed: str) -> bytes:
    """Return the bytes of a seed in hex or Base32. Text that is valid in both is read as hex.

    Base64 is not accepted, because hex with one mistyped letter may be valid Base64 of another key.
    """
    compact = "".join(seed.split())
    if not compact:
        raise InputError("seed", "is missing")
    if found := _HEX.fullmatch(compact):
        return bytes.fromhex(found[1])
    if found := _BASE32.fullmatch(compact):
        with suppress(binascii.Error):
            return base64.b32decode(found[1].upper() + "=" * (-len(found[1]) % 8))
    raise InputError("seed", "must be bytes in hex, two digits each, or in Base32")


def _suite(kind: str, named: str, given: str | None) -> str:
    """Return the suite of a row: `given` for an HOTP key, otherwise `named`. If `named` is empty, return `given`.

    Raises `InputError`, for example for a TOTP key.
    """
    kind = kind.lower()
    if kind in ("hotp", "totp"):
        # In the HOTP rows of other servers, the column `suite` has the number of digits.
        profile.check_one_time_password(kind, given)
        if named.isdecimal() and given is not None and int(named) != (digits := Suite.parse(given).digits):
            raise InputError("suite", f"the row's responses have {named[:4]} digits, but those of {given} have {digits}")
        return given or ""
    if kind not in _OCRA_TYPES:
        raise InputError("type", "must be OCRA or HOTP; a card supports no other type")
    if not (named or given):
        raise InputError("suite", "is missing: the row names no OCRA suite; give the suite that the card has (--suite)")
    return named or given or ""


def _counter(text: str) -> int:
    if re.fullmatch("[0-9]{0,20}", text) is None:
        raise InputError("counter", "must be a whole number from 0 to 2**64 - 2")
    return int(text or "0")
