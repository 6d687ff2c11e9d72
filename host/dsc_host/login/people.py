"""Entities, accounts and users: who is known, by what name they log in, and who may change an account's security settings.

Each account has one primary user, who may; the others are told whom to ask.
"""

import re
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import outbox, records, rows
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.model import Identity, Role, is_address
from dsc_host.login.reception import Reception, account_of, found, known, locked_user
from dsc_host.login.records import Account, Entity, Phone, User

DOCUMENTS = ("passport", "id", "licence", "ssn")
LANGUAGES = ("en", "de", "ru")
_CENTS = 100
_MOST_MONEY = Decimal(10) ** 15
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
# Where a 0 is dialled before a number inside the country, and no number begins with one: not Italy (39), nor others that
# have made it a part of the number, such as Benin, Gabon and the Ivory Coast.
_TRUNK_0 = re.compile(r"\+(27|3[123]|353|358|380|385|386|4[01346]|421|49|6[014]|8[12]|9[01]|972)0")


def add_entity(at: Reception, db: Connection, name: str, identity: Identity, address: str) -> Entity:
    """Raises `InputError` naming the field that is not what it must be."""
    check_identity(identity)
    entity = Entity(
        rows.new_id(),
        line("name", name, 200),
        identity.birth_date,
        identity.citizenship,
        identity.residence,
        identity.document_type,
        identity.document_number,
        line("address", address, 200),
        under_review=False,
    )
    return records.entities.add(db, entity)


def add_account(db: Connection, entity_id: str, equity: Decimal, currency: str) -> Account:
    """Without a primary user: the first user becomes it. Raises `InputError`."""
    known(records.entities.find(db, entity_id), "person", entity_id)
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise InputError("currency", "must be three capital letters, as USD")
    return records.accounts.add(db, Account(rows.new_id(), entity_id, "", cents("equity", equity), currency, None))


def add_user(
    at: Reception,
    db: Connection,
    account_id: str,
    name: str,
    password_hash: str,
    email: str,
    language: str,
    role: Role,
    entity_id: str | None = None,
) -> User:
    """A user of an account, of its entity or another one. Raises `InputError`, also for a name that is taken."""
    check_name(name)
    if language not in LANGUAGES:
        raise InputError("language", "must be one of {kinds}", kinds=", ".join(LANGUAGES))
    if role not in set(Role):
        raise InputError("role", "must be one of {kinds}", kinds=", ".join(Role))
    if not is_address(email):
        raise InputError("email", "must be an address, as anna@example.com")
    account = known(records.accounts.locked(db, account_id), "account", account_id)
    if records.users.one(db, records.users.c.name == name):
        raise InputError("name", "{name} is taken; choose another one", name=name)
    user = User(
        rows.new_id(), name, entity_id or account.entity_id, account_id, password_hash, email, language, str(role),
        opted_out=False, settings=0, made_at=at.now(),
    )  # fmt: skip
    records.users.add(db, user)
    if not account.primary_user:
        records.accounts.change(db, account_id, primary_user=user.id)
    at.log(db, "user.add", user, "done")
    return user


def identity_of(db: Connection, user: User) -> Identity:
    entity = found(records.entities.find(db, user.entity_id))
    return Identity(
        entity.birth_date, entity.citizenship, entity.residence, entity.document_type, entity.document_number
    )  # fmt: skip


def is_primary(db: Connection, user: User) -> bool:
    return account_of(db, user).primary_user == user.id


def check_primary(db: Connection, user: User) -> None:
    """Raises `NotAllowed`, which tells whom to ask."""
    account = account_of(db, user)
    if account.primary_user != user.id:
        primary = found(records.users.find(db, account.primary_user))
        raise NotAllowed("only the account's primary user may change its security settings; ask {name}", name=primary.name)


def changeable_by(db: Connection, user: User) -> list[User]:
    """The users whose security settings this one may see to: themselves first; as the primary one, the account's."""
    if not is_primary(db, user):
        return [user]
    others = (records.users.c.account_id == user.account_id) & (records.users.c.id != user.id)
    return [user, *records.users.all(db, others, order=records.users.c.name)]


def of_account(db: Connection, user: User, name: str | None) -> User:
    """The user of this name, or oneself, whose settings `user` is about to change. Raises `NotAllowed`, `NotFound`."""
    check_primary(db, user)
    for each in changeable_by(db, user):
        if each.name == (name or user.name):
            return each
    raise NotFound("your account has no such user")


def check_other(db: Connection, staff: User, user: User | None) -> None:
    """Nobody who works here serves themselves, by whatever name. Raises `NotNow`."""
    if user is not None and identity_of(db, staff) == identity_of(db, user):
        raise NotNow("somebody else must decide this: it is about you")


def add_phone(at: Reception, db: Connection, user: User, number: str, *, confirmed: bool) -> Phone:
    """Raises `InputError`. One that is known already stays as it is, or is the one that was confirmed last."""
    check_phone(number)
    known = records.phones.one(db, records.phones.c.user_id == user.id, records.phones.c.number == number)
    when = at.now() if confirmed else None
    if known is None:
        return records.phones.add(db, Phone(rows.new_id(), user.id, number, when))
    if confirmed:
        records.phones.change(db, known.id, confirmed_at=when)
    return found(records.phones.find(db, known.id))


def phones_of(db: Connection, user: User) -> list[Phone]:
    """Those that are confirmed, the one that was confirmed last first."""
    confirmed_at = records.phones.c.confirmed_at
    return records.phones.all(
        db, records.phones.c.user_id == user.id, confirmed_at.is_not(None), order=confirmed_at.desc()
    )  # fmt: skip


def masked(number: str) -> str:
    """A phone number that its owner knows again and nobody else learns."""
    return f"{number[:3]}…{number[-2:]}"


def change_password(at: Reception, db: Connection, user_id: str, before: str, password_hash: str) -> User:
    """Put a new hash in place of the one that was checked. Raises `NotAllowed` if it was changed meanwhile."""
    user = locked_user(db, user_id)
    if user.password != before:
        raise NotAllowed("the password was changed meanwhile; log in again")
    settings_changed(db, user, password=password_hash)
    outbox.tell(at, db, user, "password_changed")
    at.log(db, "password.change", user, "done")
    return user


def settings_changed(db: Connection, user: User, **changes: object) -> None:
    """Change a user so that every session from before is worth nothing."""
    records.users.change(db, user.id, settings=records.users.c.settings + 1, **changes)


# ---- what is checked ----


def check_name(name: str) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9._-]{2,31}", name):
        raise InputError("name", "must be 3 to 32 of a-z, 0-9, dot, - and _, beginning with a letter or digit")


def check_phone(number: str) -> None:
    if not isinstance(number, str) or not _PHONE.fullmatch(number):
        raise InputError("phone", "must be + and 7 to 15 digits, country first, without blanks or the trunk 0: +41791234567")
    if dialled := _TRUNK_0.match(number):
        raise InputError(
            "phone", "must be without the 0 after +{country}, which is dialled inside the country only", country=dialled[1]
        )


def check_identity(identity: Identity) -> None:
    if not isinstance(identity, Identity) or not all(isinstance(getattr(identity, each), str) for each in Identity.__slots__):
        raise InputError("identity", "must be words of at most 64 letters")
    try:
        born = date.fromisoformat(identity.birth_date)
    except (TypeError, ValueError):
        raise InputError("birth date", "must be a day, as 1980-12-31") from None
    if not date(1900, 1, 1) <= born <= date(2100, 1, 1):
        raise InputError("birth date", "must be from 1900 on")
    for field, country in (("citizenship", identity.citizenship), ("residence", identity.residence)):
        if not re.fullmatch("[A-Z]{2}", country):
            raise InputError(field, "must be a country's two capital letters, as CH")
    if identity.document_type not in DOCUMENTS:
        raise InputError("document type", "must be one of {kinds}", kinds=", ".join(DOCUMENTS))
    if not re.fullmatch("[A-Z0-9-]{3,32}", identity.document_number):
        raise InputError("document number", "must be 3 to 32 of A-Z, 0-9 and -")


def line(field: str, text: str, most: int) -> str:
    """One line of text, without blanks at its ends. Raises `InputError`."""
    if not isinstance(text, str) or not 0 < len(text.strip()) <= most or not text.isprintable():
        raise InputError(field, "must be one line of 1 to {most} characters", most=most)
    return text.strip()


def cents(field: str, amount: Decimal) -> int:
    """Whole cents. Raises `InputError` for what is not an amount of money."""
    if not isinstance(amount, Decimal) or not amount.is_finite() or not 0 <= amount < _MOST_MONEY:
        raise InputError(field, "must be an amount of money, 0 or more")
    if (amount * _CENTS) % 1:
        raise InputError(field, "must have at most two decimals")
    return int(amount * _CENTS)


def money(whole_cents: int) -> Decimal:
    return Decimal(whole_cents) / _CENTS


def owner_of(db: Connection, device: records.Device) -> User:
    user = records.users.find(db, device.owner_id)
    if user is None:
        raise NotFound("its owner is not known any more")
    return user
