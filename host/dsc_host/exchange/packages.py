"""The packages of a PSKC file, one after another. Each package is checked, and its values are decrypted."""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from xml.etree.ElementTree import Element  # its parser is not used

from dsc_host.errors import InputError
from dsc_host.exchange import profile, stream, validity
from dsc_host.exchange.encryption import Opener, Secrets, Unopened
from dsc_host.exchange.refusal import Refusal
from dsc_host.verifier import card_rules

if TYPE_CHECKING:
    from pskc.key import Key

_COUNTER = re.compile("[0-9]{1,20}")
# Elements of drafts of RFC 6030, which python-pskc reads too. They could bring in values that this module does not check.
_DRAFT_ELEMENTS = ("Device", "DeviceId", "EncryptionScheme", "Expiry", "Usage", "Value", "ValueDigest")


@dataclass(frozen=True, slots=True)
class Package:
    """One `KeyPackage` with its decrypted values."""

    number: int
    line: int
    serial: str | None
    keys: tuple["CardKey | Pin", ...] = ()
    error: InputError | None = None

    @property
    def group(self) -> object:
        """Return a value that consecutive packages of one card have in common: the serial."""
        # Without a serial, the package is alone in its group.
        return self.number if self.serial is None else self.serial

    @property
    def unopened(self) -> bool:
        """Return whether the package could not be decrypted."""
        return isinstance(self.error, Unopened)

    def refusal(self, error: InputError) -> Refusal:
        """Return a refusal of this package. It names the serial only if the serial is valid."""
        return Refusal(self.number, self.line, self.serial if card_rules.is_serial(self.serial) else None, error)


@dataclass(frozen=True, slots=True)
class Pin:
    """A `Key` element that is a PIN, with the fields that are used."""

    id: str | None
    profile: str
    secret: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the PIN. Bytes that are not ASCII become characters that the rules for PINs refuse."""
        return self.secret.decode("ascii", errors="replace")


@dataclass(frozen=True, slots=True)
class CardKey:
    """A `Key` element that is not a PIN, with its values."""

    found: "Key"
    secret: bytes = field(repr=False)
    counter: int
    validity: validity.Validity

    @property
    def algorithm(self) -> str:
        """Return the URI of the key's algorithm, or an empty string."""
        return self.found.algorithm or ""

    @property
    def unlocks(self) -> bool:
        """Return whether this is a card's unlock key."""
        return profile.is_ocra(self.algorithm) and self.found.policy.key_usage == [profile.UNLOCK]


class Packages:
    """The packages of a file, in order."""

    opener: Opener
    opened = False
    """Whether at least one value was decrypted."""

    def __init__(self, file: BinaryIO, secrets: Secrets) -> None:
        self._file = file
        self._secrets = secrets
        self._begin = file.tell() if file.seekable() else None

    def again(self) -> Iterator[Package]:
        """Yield all packages of the file again. Yield none if the file cannot be read twice."""
        if self._begin is not None:
            self._file.seek(self._begin)
            yield from self

    def __iter__(self) -> Iterator[Package]:
        head: list[stream.Piece] = []
        number = 0
        for piece in stream.pieces(self._file):
            if piece.name != "KeyPackage":
                head.append(piece)
                continue
            if not number and not self.opened:
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
        values = _extract_values(package, elements)
        for element, (secret, _) in zip(elements, values, strict=True):
            self.opener.check("pin" if element.get("Algorithm") == profile.PIN else "key", secret)
        for element, found, (secret, counter) in zip(elements, self._parse_keys(package, elements), values, strict=True):
            if found is None:
                yield Pin(element.get("Id"), (element.findtext("KeyProfileId") or "").strip(), self._secret(secret))
            else:
                value = self._secret(secret)
                self.opener.check_key(value, secret)
                number = 0 if counter is None else self._counter(counter)
                yield CardKey(found, value, number, validity.of_key(package, element))

    def _parse_keys(self, package: Element, elements: list[Element]) -> "list[Key | None]":
        """Return python-pskc's object for each key, and None for each PIN."""
        are_pins = [element.get("Algorithm") == profile.PIN for element in elements]
        if all(are_pins):
            # Skip PINs. They are half of the packages in our own files, and parsing them would take a quarter of the time.
            return [None] * len(elements)
        try:
            device = self.opener.device(package)
        except Exception:  # A malformed value can raise any error inside the library, with the value in its message.
            raise InputError("package", "holds an invalid value, such as a malformed number or date") from None
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
            raise InputError("counter", "occurs twice: encrypted, and in the clear")
        value = self.opener.decrypted("counter", counter)
        # If all bytes are ASCII digits, some systems, such as python-pskc, read a decimal number. Other systems read a binary
        # number. So the byte of "1" means 1 or 49.
        if value.isdigit():
            raise InputError("counter", "is ambiguous; export it in the clear")
        return int.from_bytes(value, "big")


_Values = tuple[Element, Element | None]
"""The `Secret` of a key and its `Counter`."""


def _extract_values(package: Element, keys: list[Element]) -> list[_Values]:
    """Return the values of each key, and remove them from the package, so that python-pskc does not read them.

    python-pskc converts nearly any text to a number (the counter `0x10` becomes 13,835,636), and accepts encrypted values
    without a MAC.
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
            raise InputError("counter", "occurs twice")
        taken.append((secret, counters[0] if counters else None))
        key.remove(data)
    return taken


def _check_form(package: Element, keys: list[Element]) -> None:
    """Raise `InputError` if the package has a form that different readers interpret differently, such as that of a draft."""
    if not keys:
        raise InputError("package", "holds no key")
    tags = Counter(element.tag for element in package.iter())
    if any(tags[name] for name in _DRAFT_ELEMENTS) or any(data.get("Name") for data in package.iter("Data")):
        raise InputError("package", "follows a draft of RFC 6030; export it as PSKC 1.0")
    if any(tags[name] > len(keys) for name in ("Data", "Secret")):
        raise InputError("package", "must have one Data with one Secret in each key")
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
