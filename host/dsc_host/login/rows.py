"""The records of the login system and their tables."""

from typing import NamedTuple

from dsc_host.records.table_rows import Rows
from dsc_host.schema import login_tables


class Entity(NamedTuple):
    """A person or company, identified by its papers."""

    id: str
    name: str
    birth_date: str
    citizenship: str
    residence: str
    document_type: str
    document_number: str
    address: str
    under_review: bool


class Account(NamedTuple):
    """An account. `equity` is in whole cents of its currency."""

    id: str
    entity_id: str
    primary_user: str
    equity: int
    currency: str
    closed_at: float | None


class User(NamedTuple):
    """A user name for logging in."""

    id: str
    name: str
    entity_id: str
    account_id: str
    password: str
    email: str
    language: str
    role: str
    opted_out: bool
    settings: int
    made_at: float


class Phone(NamedTuple):
    """A phone number. Codes for logins are sent to it only once it is confirmed."""

    id: str
    user_id: str
    number: str
    confirmed_at: float | None


class Device(NamedTuple):
    """A device to log in with."""

    id: str
    kind: str
    owner_id: str
    serial: str | None
    state: str
    since: float
    made_at: float
    expires_at: float | None
    data: str
    told: str = ""
    """The stage of the last reminder to the owner, `near` or `imminent`; empty if there was none."""


class Use(NamedTuple):
    """The right of a user to use a device. Either the user owns the device, or its owner shares it with them."""

    id: str
    user_id: str
    device_id: str
    state: str
    failures: int
    locked_until: float | None
    name: str = ""
    used_at: float | None = None


class Session(NamedTuple):
    """A session or a login in progress. `id` is the hash of the token in the cookie."""

    id: str
    user_id: str
    stage: str
    scope: str
    device_id: str
    settings: int
    made_at: float
    seen_at: float
    expires_at: float
    data: str


class Attempt(NamedTuple):
    """The state of a rate limit. `name` is its key, and `failures` is the number of failed attempts since the time `since`.

    The limit is closed until the time `until`.
    """

    name: str
    failures: int
    since: float
    until: float


class Push(NamedTuple):
    """A login request that was sent to a phone."""

    id: str
    device_id: str
    pin_challenge: str
    finger_challenge: str
    question: str
    number: str
    state: str
    method: str
    asked_at: float
    expires_at: float
    asked_from: str


class Message(NamedTuple):
    """A message to a user. The values for its text are in the vault."""

    id: str
    user_id: str
    channel: str
    address: str
    template: str
    language: str
    state: str
    at: float
    tries: int
    trouble: str
    claimed_at: float | None = None
    """The time at which the current attempt to send began; None if there is none, or if an older version makes it."""


class Order(NamedTuple):
    """A request for a card."""

    id: str
    user_id: str
    account_id: str
    address: str
    state: str
    at: float
    estimate: str
    shipped_at: float | None
    device_id: str
    told: str
    replaces: bool


class Hold(NamedTuple):
    """A deposit for a card, or a charge for a device without a deposit.

    `cents` is the amount that is held. `kept` is the amount that the issuer has kept or charged.

    Either `order_id` or `device_id` is empty. `settled_at` is the time at which the money was released or kept.
    """

    id: str
    account_id: str
    order_id: str
    cents: int
    state: str
    kept: int
    at: float
    device_id: str = ""
    settled_at: float | None = None


class Parcel(NamedTuple):
    """A card on its way back to the issuer."""

    id: str
    user_id: str
    device_id: str
    tracking: str
    state: str
    sent_at: float
    received_at: float | None


class Share(NamedTuple):
    """A request to share a device, or a device that is shared."""

    id: str
    user_id: str
    owner_id: str
    device_id: str
    state: str
    at: float
    expires_at: float | None
    decided_by: str
    data: str


class Withdrawal(NamedTuple):
    """An amount that was taken out of an account."""

    id: str
    account_id: str
    user_id: str
    at: float
    cents: int


class Funding(NamedTuple):
    """An ACH or EFT transfer into an account."""

    id: str
    account_id: str
    user_id: str
    method: str
    at: float
    cents: int


class Wait(NamedTuple):
    """A change that takes effect later. `stop` is the hash of the code with which the user can stop the change."""

    id: str
    user_id: str
    kind: str
    state: str
    stop: str
    asked_by: str
    at: float
    due_at: float | None
    decided_by: str
    decided_at: float | None
    data: str


entities = Rows(login_tables.entities, Entity)
accounts = Rows(login_tables.accounts, Account)
users = Rows(login_tables.users, User)
phones = Rows(login_tables.phones, Phone)
devices = Rows(login_tables.devices, Device)
uses = Rows(login_tables.uses, Use)
sessions = Rows(login_tables.sessions, Session)
attempts = Rows(login_tables.attempts, Attempt)
pushes = Rows(login_tables.pushes, Push)
messages = Rows(login_tables.messages, Message)
orders = Rows(login_tables.orders, Order)
holds = Rows(login_tables.holds, Hold)
parcels = Rows(login_tables.parcels, Parcel)
shares = Rows(login_tables.shares, Share)
withdrawals = Rows(login_tables.withdrawals, Withdrawal)
fundings = Rows(login_tables.fundings, Funding)
waits = Rows(login_tables.waits, Wait)
