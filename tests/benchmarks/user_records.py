"""Any number of users with factors, written as rows, because adding them one after another would take an hour.

Each has an account, a card, a security code card, and SMS and call-back to a phone.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import insert

from dsc_host.login import LoginSystem, rows
from dsc_host.login.model import DeviceState, Kind, Role, UseState
from dsc_host.login.rows import Account, Device, Entity, Phone, Use, User
from dsc_host.login.transaction import LoginTransaction
from dsc_host.ocra import Suite
from dsc_host.records import vault
from dsc_host.verifier import Enrollment

KEY, PIN = bytes(range(32)), "2846"
SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
SEED = bytes(range(32, 64))
PASSWORD = "a quiet harbour at dawn"
KINDS = (Kind.DSC_PLUS, Kind.CODE_CARD, Kind.SMS, Kind.VOICE)
_AT_ONCE = 10_000


def name(number: int) -> str:
    return f"user{number:07}"


def serial(number: int) -> str:
    return f"IB{number:07}"


def device_id(number: int, kind: Kind) -> str:
    return f"{number:015x}{KINDS.index(kind):x}"


def add_users(system: LoginSystem, number: int) -> None:
    """Make this number of users, called `name(0)` and so on. All have the same password, key, PIN and seed."""
    cards = (Enrollment(serial(index), KEY, SUITE.text, PIN, owners=(name(index),)) for index in range(number))
    assert system.verifier.enroll_all(cards) == number
    kept = system.context.passwords.hashed(PASSWORD)
    for start in range(0, number, _AT_ONCE):
        part = range(start, min(number, start + _AT_ONCE))
        system.change(lambda tx, part=part: _write(tx, part, kept))  # type: ignore[misc]


def _write(tx: LoginTransaction, part: Sequence[int], password: str) -> None:
    now = tx.now()
    added = {
        rows.entities: [_entity(number) for number in part],
        rows.accounts: [Account(_id(number), _id(number), _id(number), 250_000_000, "USD", None) for number in part],
        rows.users: [_user(number, password, now) for number in part],
        rows.phones: [Phone(_id(number), _id(number), _number(number), now) for number in part],
        rows.devices: [device for number in part for device in _devices(number, now)],
        rows.uses: [
            Use(device_id(number, kind), _id(number), device_id(number, kind), str(UseState.ACTIVE), 0, None)
            for number in part
            for kind in KINDS
        ],
    }
    for table, made in added.items():
        tx.db.execute(insert(table.table), [dict(zip(table.table.c.keys(), record, strict=True)) for record in made])
    for number in part:
        vault.put(tx.cards, f"device:{device_id(number, Kind.CODE_CARD)}", SEED)


def _id(number: int) -> str:
    return f"{number:016x}"


def _number(number: int) -> str:
    return f"+4179{number:07}"


def _entity(number: int) -> Entity:
    return Entity(
        _id(number), f"User {number}", "1980-05-17", "CH", "CH", "passport", f"X{number:07}", "1 Harbour Road, Zug", False
    )


def _user(number: int, password: str, now: float) -> User:
    mail = f"{name(number)}@example.com"
    return User(_id(number), name(number), _id(number), _id(number), password, mail, "en", str(Role.CUSTOMER), False, 0, now)


def _devices(number: int, now: float) -> Iterator[Device]:
    data: dict[Kind, dict[str, Any]] = {
        Kind.DSC_PLUS: {},
        Kind.CODE_CARD: {"asked": "", "label": f"{number:06}"},
        Kind.SMS: {"number": _number(number)},
        Kind.VOICE: {"number": _number(number)},
    }
    for kind in KINDS:
        own = serial(number) if kind is Kind.DSC_PLUS else None
        text = json.dumps(data[kind])
        yield Device(device_id(number, kind), str(kind), _id(number), own, str(DeviceState.ACTIVE), now, now, None, text)
