"""Finding a card by its serial, and converting its row into a `Card`."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import Connection

from dsc_host.errors import InputError, StateError, StoreError, UnknownCard
from dsc_host.ocra import Suite
from dsc_host.schema.card_tables import NO_OWNERS
from dsc_host.verifier import card_rules, rows
from dsc_host.verifier.model import Card, Policy, State
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

_PAGE = 500
"""The number of cards that a list reads in one transaction."""


def known_card(tx: CardTransaction, serial: str) -> CardRecord:
    """Return the row of a card. Raises `UnknownCard`, and `StoreError` if the row was tampered with."""
    return tx.seals.check(_found(tx.db, serial, rows.find_card))


def locked_card(tx: CardTransaction, serial: str) -> CardRecord:
    """Return the row of a card, and lock it until the transaction ends. Raises as `known_card` does."""
    return tx.seals.check(_found(tx.db, serial, rows.lock_card))


def usable_card(tx: CardTransaction, serial: str) -> CardRecord:
    """Return the row of a card that is not retired, and lock it. Raises as `known_card` does, and `StateError`.

    A retired card raises the `StateError`, because its secrets are erased.
    """
    card = locked_card(tx, serial)
    if card.state == State.RETIRED:
        raise StateError(f"card {serial}: is retired for good; enroll a new card, which may have the same serial")
    return card


def check_known(db: Connection, serial: str) -> None:
    """Lock the row of a card without checking its seal. Raises `UnknownCard` if no card has this serial."""
    _found(db, serial, rows.lock_card)


def check_listing(owner: str | None, state: str | None, after: str, limit: int | None) -> None:
    """Raise `InputError` unless these are valid criteria for a list of cards."""
    if owner is not None:
        card_rules.check_owner(owner)
    if state is not None and (not isinstance(state, str) or state not in set(State)):
        raise InputError("state", f"must be one of {', '.join(State)}")
    if after != "" and not card_rules.is_serial(after):
        raise InputError("after", "must be a serial")
    if limit is not None and (type(limit) is not int or limit < 0):
        raise InputError("limit", "must be a whole number, 0 or more")


def listed(context: CardContext, owner: str | None, state: str | None, after: str, limit: int | None) -> Iterator[Card]:
    """Yield the cards that meet these criteria. Call `check_listing` with the criteria first.

    No transaction is open while the caller uses a card.
    """
    left = sys.maxsize if limit is None else limit
    while left > 0:
        wanted = min(left, _PAGE)
        with context.reading() as tx:
            found = rows.find_cards(tx.db, owner=owner, state=state, after=after, limit=wanted)
            page = shown(tx, found, context.now())
        yield from page
        if len(page) < wanted:
            return
        after = page[-1].serial
        left -= len(page)


def unknown(serial: str) -> UnknownCard:
    """Return the error for a serial without a card. A value that is not a serial is not quoted."""
    return UnknownCard(
        f"card {serial}: is not enrolled" if card_rules.is_serial(serial) else "card: none is enrolled under this serial"
    )


def awaits_pin(card: CardRecord) -> bool:
    """Return whether the card's suite needs a PIN that was never set. For a retired card, return False."""
    return card.sealed_pin is None and card.state != State.RETIRED and Suite.parse(card.suite).pin_hash is not None


def lock_ended(card: CardRecord, policy: Policy, now: float) -> CardRecord:
    """Return the row as it is at `now`: without `locked_until` if its lock, or its pause after wrong responses, has ended.

    The end of a lock also resets each count of failures that has reached its limit.
    """
    if card.locked_until is None or now < card.locked_until:
        return card
    failures = 0 if card.failures >= policy.lock_after else card.failures
    in_day = 0 if card.failures_in_day >= policy.most_in_a_day else card.failures_in_day
    return card._replace(locked_until=None, failures=failures, failures_in_day=in_day)


def shown(tx: CardTransaction, found: Sequence[CardRecord], now: float) -> list[Card]:
    """Return the cards of these rows as they are at `now`. Raises `StoreError` if a row or its owners were tampered with."""
    names = owners_of(tx, found)
    return [_card(lock_ended(record, tx.policy, now), names[record.serial]) for record in found]


def owners_of(tx: CardTransaction, found: Sequence[CardRecord]) -> dict[str, tuple[str, ...]]:
    """Return the owners of each card, by its serial. Raises as `shown` does."""
    names = rows.owners_of(tx.db, [record.serial for record in found])
    for record in found:
        if not has_owners(tx.seals.check(record), names.get(record.serial, ())):
            raise StoreError(
                f"card {record.serial}: its owners in the database are not those that its row records: they were changed; "
                "restore the database from a backup, or remove the card and enroll it again"
            )
    return {record.serial: names.get(record.serial, ()) for record in found}


def has_owners(record: CardRecord, names: Iterable[str]) -> bool:
    """Return whether the row records these owners. A name may have any type, because SQLite accepts any type."""
    try:
        return record.owners_hash == owners_hash(names)
    except TypeError:
        return False


def owners_hash(names: Iterable[str]) -> bytes:
    """Return the hash by which a card's row records the names of its owners."""
    known = sorted(set(names))
    return hashlib.sha256(json.dumps(known).encode()).digest() if known else NO_OWNERS


def _card(record: CardRecord, owners: tuple[str, ...]) -> Card:
    return Card(
        serial=record.serial,
        suite=record.suite,
        counter=record.counter,
        failures=record.failures,
        locked_until=record.locked_until,
        enrolled_at=record.enrolled_at,
        has_unlock_key=record.sealed_unlock_key is not None,
        unlock_codes=record.unlock_codes,
        unlock_code_at=record.unlock_times[-1] if record.unlock_times else None,
        state=State(record.state),
        state_since=record.state_since,
        state_reason=record.state_reason,
        owners=owners,
        has_duress_pin=record.sealed_duress_pin is not None,
        awaits_pin=awaits_pin(record),
        valid_from=record.valid_from,
        valid_until=record.valid_until,
    )


def _found(db: Connection, serial: str, find: Callable[[Connection, str], CardRecord | None]) -> CardRecord:
    # Do not look at the state: no decoy is stored under a serial, and the row may have been tampered with.
    card = find(db, serial) if card_rules.is_serial(serial) else None
    if card is None:
        raise unknown(serial)
    return card
