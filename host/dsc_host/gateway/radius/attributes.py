"""The table of the attributes in replies to accepted users, read from a TOML file.

Each rule of the table may name clients, groups and kinds of device. A rule that names none of these fits every user, and a rule
with an empty list fits nobody. Each rule that fits an accepted user adds its attributes, in the order of the file.
`docs/how-to/radius.md` shows a file.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any

from dsc_host.errors import InputError
from dsc_host.files import read_whole
from dsc_host.gateway.radius.packets import MOST_VALUE, Attribute, Type
from dsc_host.login.model import Kind

PLACEHOLDERS = ("user", "device", "level", "per_day", "per_five_days")
"""The placeholders in a text: the user's name, the kind of the device, and the device's level and limits in the policy."""
_MOST_FILE_BYTES = 1_000_000
MOST_TABLE_BYTES = 1500
"""The maximum length of all attributes of a table together, so that every reply fits into a packet."""
_PLACEHOLDER_BYTES = 64
_TEXTS = {"Filter-Id": 11, "Class": 25, "Tunnel-Private-Group-Id": 81, "Framed-Pool": 88}
_NUMBERS = {"Service-Type": 6, "Session-Timeout": 27, "Idle-Timeout": 28, "Tunnel-Type": 64, "Tunnel-Medium-Type": 65}
_VENDOR = {"id", "type", "text", "number"}
_VENDOR_HEAD = 6
_CONDITIONS = {"clients", "groups", "devices"}
_MOST_NUMBER = 2**32 - 1
CARD = "card"
"""The kind of device with which the owner of a card logs in, without the login system."""
_DEVICES = frozenset({CARD, *map(str, Kind)})


@dataclass(frozen=True, slots=True)
class _Value:
    """An attribute before its placeholders are replaced. If `vendor` is set, it is a vendor-specific attribute."""

    kind: int
    content: str | int
    vendor: int | None = None

    @property
    def most_bytes(self) -> int:
        """Return the maximum length of the attribute after its placeholders are replaced."""
        if isinstance(self.content, int):
            return 2 + 4 + (0 if self.vendor is None else _VENDOR_HEAD)
        parts = list(Formatter().parse(self.content))
        length = sum(len(text.encode()) + (_PLACEHOLDER_BYTES if name is not None else 0) for text, name, _, _ in parts)
        return 2 + min(MOST_VALUE, length + (0 if self.vendor is None else _VENDOR_HEAD))

    def packed(self, values: Mapping[str, str]) -> Attribute:
        """Return the attribute with its placeholders replaced. A value that is too long is cut."""
        if isinstance(self.content, int):
            data = self.content.to_bytes(4, "big")
        else:
            short = {name: _cut(value, _PLACEHOLDER_BYTES) for name, value in values.items()}
            most = MOST_VALUE - (0 if self.vendor is None else _VENDOR_HEAD)
            data = _cut(self.content.format_map(short), most).encode()
        if self.vendor is None:
            return self.kind, data
        return Type.VENDOR_SPECIFIC, self.vendor.to_bytes(4, "big") + bytes([self.kind, len(data) + 2]) + data


@dataclass(frozen=True, slots=True)
class _Rule:
    """Attributes, and the conditions under which a user gets them. None is no condition."""

    clients: frozenset[str] | None
    users: frozenset[str] | None
    devices: frozenset[str] | None
    values: tuple[_Value, ...]

    def fits(self, client: str, user: str, device: str) -> bool:
        conditions = ((self.clients, client), (self.users, user), (self.devices, device))
        return all(allowed is None or value in allowed for allowed, value in conditions)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of attributes."""

    rules: tuple[_Rule, ...] = field(default=())

    @property
    def clients(self) -> frozenset[str]:
        """Return the names of all clients in the conditions of the rules."""
        return frozenset(name for rule in self.rules for name in rule.clients or ())

    @classmethod
    def load(cls, file: Path) -> "Table":
        """Return the table in a file. Raises an `InputError` that names what is wrong."""
        data = read_whole(file, "attributes", _MOST_FILE_BYTES)
        try:
            content = tomllib.loads(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise InputError("attributes", f"{file} is not UTF-8") from None
        except (ValueError, RecursionError) as error:  # ValueError also for a number with thousands of digits.
            raise InputError("attributes", f"{file} is not TOML: {error}") from None
        return cls.of(content)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Table":
        """Return the table with this content: groups of user names, and rules. Raises `InputError`."""
        _check_keys("the file", content, {"groups", "rule"})
        groups = {name: _names(f"group {name}", users) for name, users in _mapping("groups", content.get("groups", {})).items()}
        rules = tuple(_rule(f"rule {number}", rule, groups) for number, rule in enumerate(_list("rule", content), 1))
        if sum(value.most_bytes for rule in rules for value in rule.values) > MOST_TABLE_BYTES:
            raise InputError("attributes", f"the attributes of all rules together must have at most {MOST_TABLE_BYTES} bytes")
        return cls(rules)

    def attributes(self, client: str, user: str, device: str, values: Mapping[str, str]) -> list[Attribute]:
        """Return the attributes for a user who logged in at a client with a device of this kind."""
        found = (rule for rule in self.rules if rule.fits(client, user, device))
        return [value.packed(values) for rule in found for value in rule.values]


NO_TABLE = Table()


def _rule(where: str, content: object, groups: Mapping[str, frozenset[str]]) -> _Rule:
    given = _mapping(where, content)
    _check_keys(where, given, _CONDITIONS | {*_TEXTS, *_NUMBERS, "vendor"})
    named, devices, clients = (
        _names(f"{where}: {condition}", given[condition]) if condition in given else None
        for condition in ("groups", "devices", "clients")
    )
    if named is not None and (unknown := named - set(groups)):
        raise InputError("attributes", f"{where}: there is no group {min(unknown)}; add it to [groups]")
    if devices is not None and (unknown := devices - _DEVICES):
        raise InputError(
            "attributes", f"{where}: there is no kind of device {min(unknown)}; the kinds are {', '.join(sorted(_DEVICES))}"
        )
    users = None if named is None else frozenset().union(*(groups[each] for each in named))
    plain = [_value(f"{where}: {name}", name, given[name]) for name in given if name in _TEXTS or name in _NUMBERS]
    vendors = [_vendor(f"{where}: vendor", each) for each in _list("vendor", given)]
    return _Rule(clients, users, devices, (*plain, *vendors))


def _value(where: str, name: str, content: object) -> _Value:
    if name in _TEXTS:
        return _Value(_TEXTS[name], _text(where, content))
    return _Value(_NUMBERS[name], _number(where, content, _MOST_NUMBER))


def _vendor(where: str, content: object) -> _Value:
    given = _mapping(where, content)
    _check_keys(where, given, _VENDOR)
    if ("text" in given) == ("number" in given):
        raise InputError("attributes", f"{where} needs a text or a number, for example {{id = 9, type = 1, text = 'a=b'}}")
    kind, vendor = _number(f"{where}: type", given.get("type"), 255), _number(f"{where}: id", given.get("id"), 2**24 - 1)
    if "text" in given:
        return _Value(kind, _text(where, given["text"]), vendor)
    return _Value(kind, _number(where, given["number"], _MOST_NUMBER), vendor)


def _text(where: str, content: object) -> str:
    try:
        if isinstance(content, str) and content:
            named = [part for part in Formatter().parse(content) if part[1] is not None]
            plain = all(name in PLACEHOLDERS and not form and not conversion for _, name, form, conversion in named)
            if plain and len(content.encode()) <= MOST_VALUE - _VENDOR_HEAD:
                return content
    except ValueError:
        pass
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    raise InputError(
        "attributes", f"{where} must be a text of 1 to {MOST_VALUE - _VENDOR_HEAD} bytes; its placeholders may be {known}"
    )


def _number(where: str, content: object, most: int) -> int:
    if type(content) is not int or not 0 <= content <= most:
        raise InputError("attributes", f"{where} must be a whole number from 0 to {most}")
    return content


def _names(where: str, content: object) -> frozenset[str]:
    if not isinstance(content, list) or not all(isinstance(each, str) for each in content):
        raise InputError("attributes", f"{where} must be a list of names")
    return frozenset(content)


def _mapping(where: str, content: object) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise InputError("attributes", f"{where} must be a table")
    return content


def _list(name: str, content: Mapping[str, Any]) -> Sequence[Any]:
    found = content.get(name, [])
    if not isinstance(found, list):
        raise InputError("attributes", f"{name} must be a list of tables")
    return found


def _check_keys(where: str, given: Mapping[str, Any], allowed: set[str]) -> None:
    if unknown := set(given) - allowed:
        raise InputError("attributes", f"{where} cannot have {min(unknown)}; it can have {', '.join(sorted(allowed))}")


def _cut(text: str, most: int) -> str:
    """Return the beginning of the text that has at most `most` bytes. Do not cut within a character."""
    return text.encode()[:most].decode("utf-8", "ignore")
