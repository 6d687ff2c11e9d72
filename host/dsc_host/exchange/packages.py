"""A PSKC file's packages, one after the other: their form checked, their values taken out and opened."""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from xml.etree.ElementTree import Element  # only read here

from dsc_host.errors import InputError
from dsc_host.exchange import profile, stream
from dsc_host.exchange.encryption import Opener, Secrets, Unopened
from dsc_host.exchange.refusal import Refusal
from dsc_host.verifier import card_rules

if TYPE_CHECKING:
    from pskc.key import Key

_COUNTER = re.compile("[0-9]{1,20}")
# What python-pskc would read too, though only drafts of RFC 6030 had it: it could bring in values past the checks here.
_OF_DRAFTS = ("Device", "DeviceId", "EncryptionScheme", "Expiry", "Usage", "Value", "ValueDigest")


@dataclass(frozen=True, slots=True)
class Package:
    """One `KeyPackage`, opened."""

    number: int
    line: int
    serial: str | None
    keys: tuple["CardKey | Pin", ...] = ()
    error: InputError | None = None

    @property
    def group(self) -> object:
        # What has no serial belongs to nothing else.
        return self.number if self.serial is None else self.serial

    @property
    def unopened(self) -> bool:
        return isinstance(self.error, Unopened)

    def refusal(self, error: InputError) -> Refusal:
        return Refusal(self.number, self.line, self.serial if card_rules.is_serial(self.serial) else None, error)


@dataclass(frozen=True, slots=True)
class Pin:
    """One `Key` that is a PIN: nothing else of it counts."""

    id: str | None
    profile: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardKey:
    """One of any other kind, with its values."""

    found: "Key"
    secret: bytes = field(repr=False)
    counter: int

    @property
    def algorithm(self) -> str:
        return self.found.algorithm or ""

    @property
    def unlocks(self) -> bool:
        return profile.is_ocra(self.algorithm) and self.found.policy.key_usage == [profile.UNLOCK]


class Packages:
    """The packages of a file, in order."""

    opener: Opener
    opened = False
    """Whether any value was decrypted, and found unchanged."""

    def __init__(self, file: BinaryIO, secrets: Secrets) -> None:
        self._file = file
        self._secrets = secrets

    def __iter__(self) -> Iterator[Package]:
        head: list[stream.Piece] = []
        number = 0
        for piece in stream.pieces(self._file):
            if piece.name != "KeyPackage":
                head.append(piece)
                continue
            if not number:
                self.opener = Opener(head, self._secrets)
            number += 1
            yield self._package(number, piece)

    def _package(self, number: int, piece: stream.Piece) -> Package:
        if piece.element is None:
            return Package(number, piece.line, None, error=InputError("package", "is larger than 64 KiB"))
        serial = (piece.element.findtext("DeviceInfo/SerialNo") or "").strip() or None
        try:
            return Package(number, piece.line, serial, tuple(self._keys(piece.element)))
        except InputError as error:
            if error.field in ("PSKC file", "PSKC"):
                raise
            return Package(number, piece.line, serial, error=error)

    def _keys(self, package: Element) -> Iterator[CardKey | Pin]:
        elements = package.findall("Key")
        values = _values_taken_from(package, elements)
        for secret, _ in values:
            self.opener.check(secret)
        for element, found, (secret, counter) in zip(elements, self._described(package, elements), values, strict=True):
            if found is None:
                yield Pin(element.get("Id"), (element.findtext("KeyProfileId") or "").strip(), self._secret(secret))
            else:
                yield CardKey(found, self._secret(secret), 0 if counter is None else self._counter(counter))

    def _described(self, package: Element, elements: list[Element]) -> "list[Key | None]":
        """What python-pskc makes of each; None of a PIN."""
        are_pins = [element.get("Algorithm") == profile.PIN for element in elements]
        if all(are_pins):
            # Of ours it is every other package, and the library would take a quarter of all the time.
            return [None] * len(elements)
        try:
            device = self.opener.device(package)
        except Exception:  # the library lets through whatever a malformed value causes in it, in words that hold the value
            raise InputError("package", "holds a value that is not what it must be, such as a number or a date") from None
        return [None if is_pin else key for is_pin, key in zip(are_pins, device.keys, strict=True)]

    def _secret(self, secret: Element) -> bytes:
        if secret.find("EncryptedValue") is None:
            return _plain_secret(secret)
        value = self.opener.decrypted("key", secret)
        self.opened = True
        return value

    def _counter(self, counter: Element) -> int:
        if counter.find("EncryptedValue") is None:
            return _plain_counter(counter)
        if counter.find("PlainValue") is not None:
            raise InputError("counter", "is there twice: encrypted, and in the clear")
        value = self.opener.decrypted("counter", counter)
        # Some systems, python-pskc among them, take bytes that look like digits for digits. For others 49 is "1".
        if value.isdigit():
            raise InputError("counter", "can be read in two ways; have it written in the clear")
        return int.from_bytes(value, "big")


_Values = tuple[Element, Element | None]
"""The `Secret` of a key, and its `Counter`."""


def _values_taken_from(package: Element, keys: list[Element]) -> list[_Values]:
    """Of each of its `keys`; and the package is then without them.

    python-pskc does not see them: of nearly any text it makes something, of the counter `0x10` 13,835,636, and it takes an
    encrypted value that has no MAC.
    """
    _check_form(package, keys)
    taken: list[_Values] = []
    for key in keys:
        data = key.find("Data")
        secret = None if data is None else data.find("Secret")
        if data is None or secret is None:
            raise InputError("key", "is missing: there is no value in Data/Secret")
        counters = data.findall("Counter")
        if len(counters) > 1:
            raise InputError("counter", "is there twice")
        taken.append((secret, counters[0] if counters else None))
        key.remove(data)
    return taken


def _check_form(package: Element, keys: list[Element]) -> None:
    """That it has the form of RFC 6030, so that no two readers take it for two things."""
    if not keys:
        raise InputError("package", "holds no key")
    tags = Counter(element.tag for element in package.iter())
    if any(tags[name] for name in _OF_DRAFTS) or any(data.get("Name") for data in package.iter("Data")):
        raise InputError("package", "is written as in a draft of RFC 6030; have it written as PSKC 1.0")
    if any(tags[name] > len(keys) for name in ("Data", "Secret")):
        raise InputError("package", "must have in each key one Data, with one Secret")
    if tags["DeviceInfo"] > 1 or tags["SerialNo"] > 1:
        raise InputError("package", "must have one DeviceInfo, with one SerialNo")


def _plain_secret(secret: Element) -> bytes:
    text = "".join((secret.findtext("PlainValue") or "").split())
    if not text:
        raise InputError("key", "is missing: there is no value in Data/Secret")
    try:
        return base64.b64decode(text.encode(), validate=True)
    except ValueError:
        raise InputError("key", "must be Base64") from None


def _plain_counter(counter: Element) -> int:
    text = (counter.findtext("PlainValue") or "").strip()
    if _COUNTER.fullmatch(text) is None:
        raise InputError("counter", "must be a whole number from 0 to 2**64 - 2")
    return int(text)
