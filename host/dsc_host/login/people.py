"""Entities, accounts and users: who is known, by what name they log in, and who may change an account's security settings.

Each account has one primary user, who may; the others are told whom to ask.
"""

import re
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, func, select

from dsc_host.errors import InputError
from dsc_host.login import notices, outbox, records, rows
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.model import Identity, Role, is_address
from dsc_host.login.notices import Told
from dsc_host.login.passwords import SUFFIX_LETTERS
from dsc_host.login.reception import Reception, account_of, found, known, locked_user, locked_users
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
    if role not in tuple(Role):
        raise InputError("role", "must be one of {kinds}", kinds=", ".join(Role))
    account = known(records.accounts.locked(db, account_id), "account", account_id)
    check_new_user(db, account_id, name, email, language, entity_id)
    user = User(
        rows.new_id(), name, entity_id or account.entity_id, account_id, password_hash, email, language, str(role),
        opted_out=False, settings=0, made_at=at.now(),
    )  # fmt: skip
    records.users.add(db, user)
    if not account.primary_user:
        records.accounts.change(db, account_id, primary_user=user.id)
    at.log(db, "user.add", user, "done")
    return user


def check_new_user(db: Connection, account_id: str, name: str, email: str, language: str, entity_id: str | None = None) -> None:
    """Raises `InputError` for what cannot become a user of this account, or whose name is taken."""
    check_name(name)
    check_language(language)
    check_email(email)
    known(records.accounts.find(db, account_id), "account", account_id)
    if entity_id is not None:
        known(records.entities.find(db, entity_id), "person", entity_id)
    if records.users.one(db, records.users.c.name == name):
        raise InputError("name", "{name} is taken; choose another one", name=name)


def user_by_name(db: Connection, name: str) -> User:
    """Whom somebody at the system's own machine named. Raises `InputError`."""
    check_name(name)
    user = records.users.one(db, records.users.c.name == name)
    if user is None:
        raise InputError("name", "there is no user {name}; look the name up in the list of users", name=name)
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
        if each.name == (user.name if name is None else name):
            return each
    raise NotFound("your account has no such user")


def check_other(db: Connection, staff: User, user: User | None) -> None:
    """Nobody who works here serves themselves, by whatever name. Raises `NotNow`."""
    if user is not None and identity_of(db, staff) == identity_of(db, user):
        raise NotNow("somebody else must decide this: it is about you")


def add_phone(at: Reception, db: Connection, user: User, number: str, *, told: Told) -> Phone:
    """Record a confirmed number of a user: the one that was confirmed last. Raises `InputError`.

    `told` proves that the user was told of it.
    """
    check_phone(number)
    known = records.phones.one(db, records.phones.c.user_id == user.id, records.phones.c.number == number)
    if known is None:
        return records.phones.add(db, Phone(rows.new_id(), user.id, number, at.now()))
    records.phones.change(db, known.id, confirmed_at=at.now())
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
    notices.tell(at, db, user, "password_changed")
    settings_changed(db, user, password=password_hash)
    at.log(db, "password.change", user, "done")
    return user


def password_costs(db: Connection) -> list[str]:
    """Return what stands before the salt of each user's password hash, each text once."""
    kept = records.users.c.password
    before_salt = func.substr(kept, 1, func.length(kept) - SUFFIX_LETTERS)
    return list(db.scalars(select(before_salt).where(func.length(kept) > SUFFIX_LETTERS).distinct()))


def set_password(at: Reception, db: Connection, name: str, password_hash: str) -> User:
    """For who has forgotten theirs: whatever it was, it is another one, and nobody is in. They are told as if by themselves.

    Raises `InputError`.
    """
    user = locked_user(db, user_by_name(db, name).id)
    return change_password(at, db, user.id, user.password, password_hash)


def set_email(at: Reception, db: Connection, name: str, email: str) -> None:
    """Where messages go from now on. Both addresses are told: the old one's reader may not have asked for it.

    Raises `InputError`.
    """
    check_email(email)
    user = locked_user(db, user_by_name(db, name).id)
    if email == user.email:
        return
    notices.tell(at, db, user, "email_changed")
    outbox.tell(at, db, user, "email_changed", to=email)
    records.users.change(db, user.id, email=email)
    at.log(db, "user.email", user, "done")


def set_language(at: Reception, db: Connection, name: str, language: str) -> None:
    """Of messages. Raises `InputError`."""
    check_language(language)
    user = locked_user(db, user_by_name(db, name).id)
    records.users.change(db, user.id, language=language)
    at.log(db, "user.language", user, "done", language=language)


def set_primary(at: Reception, db: Connection, account_id: str, name: str) -> None:
    """Who may change the account's security settings from now on: one of its users. Who could before is told, too.

    Raises `InputError`.
    """
    account = known(records.accounts.find(db, account_id), "account", account_id)
    user = user_by_name(db, name)
    if user.account_id != account.id:
        raise InputError("name", "{name} is no user of this account; add one to it first", name=name)
    users = locked_users(db, {user.id, account.primary_user})
    account = found(records.accounts.locked(db, account.id))
    if account.primary_user == user.id:
        return
    records.accounts.change(db, account.id, primary_user=user.id)
    for each in users.values():
        notices.tell(at, db, each, "primary_changed", primary=user.name)
    at.log(db, "account.primary", user, "done", account=account.id)


def put_under_review(at: Reception, db: Connection, entity_id: str, reviewed: bool) -> None:
    """Whether compliance has to agree before a device of this person's is shared. Raises `InputError`."""
    if not isinstance(reviewed, bool):
        raise InputError("review", "must be one of {kinds}", kinds="True, False")
    known(records.entities.locked(db, entity_id), "person", entity_id)
    records.entities.change(db, entity_id, under_review=reviewed)
    at.log(db, "person.review", None, "done", "on" if reviewed else "off", person=entity_id)


def settings_changed(db: Connection, user: User, **changes: object) -> None:
    """Change a user so that every session from before is worth nothing."""
    records.users.change(db, user.id, settings=records.users.c.settings + 1, **changes)


# ---- what is checked ----


def check_name(name: str) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9._-]{2,31}", name):
        raise InputError("name", "must be 3 to 32 of a-z, 0-9, dot, - and _, beginning with a letter or digit")


def check_email(email: str) -> None:
    if not is_address(email):
        raise InputError("email", "must be an address, as anna@example.com")


def check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise InputError("language", "must be one of {kinds}", kinds=", ".join(LANGUAGES))


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
