"""The lifecycle of a card: its states, locks, owners, PINs and unlock codes.

Each change is logged in the same transaction. A call that raises an error has changed nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dsc_host.errors import InputError, NoUnlockKey, StateError, TooManyUnlockCodes, UnknownCard
from dsc_host.ocra import Suite
from dsc_host.records.audit_writer import Event
from dsc_host.records.keys import Secret
from dsc_host.records.tables import REASON_LETTERS
from dsc_host.records.transaction import Refused
from dsc_host.verifier import card_lookup, card_rules, rows, unlock_codes
from dsc_host.verifier.model import MOST_SECONDS, Card, State
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardTransaction

_STATES_BEFORE: Mapping[State, tuple[State, ...]] = {
    State.SUSPENDED: (State.ENROLLED, State.ACTIVE),
    State.LOST: (State.ENROLLED, State.ACTIVE, State.SUSPENDED),
    State.ACTIVE: (State.SUSPENDED, State.LOST),
    State.RETIRED: (State.ENROLLED, State.ACTIVE, State.SUSPENDED, State.LOST),
}
"""For each state, the states from which `move` can change a card to it. An accepted response makes an enrolled card active."""
_ACTIONS = {State.SUSPENDED: "suspend", State.LOST: "lost", State.ACTIVE: "resume", State.RETIRED: "retire"}
_ERASED: Mapping[str, Any] = {
    "key_id": "",
    "sealed_key": b"",
    "sealed_pin": None,
    "sealed_unlock_key": None,
    "sealed_duress_pin": None,
}


def move(tx: CardTransaction, serial: str, to: State, reason: str) -> Card:
    """Bring a card into another state. Raises `InputError`, `UnknownCard` and `StateError`."""
    check_reason(reason)
    card = card_lookup.locked_card(tx, serial)
    if card.state not in _STATES_BEFORE[to]:
        raise StateError(f"card {serial}: is {card.state}, so it cannot become {to}")
    erased = _ERASED if to is State.RETIRED else {}
    changes = {"state": str(to), "state_since": tx.now(), "state_reason": reason, **erased}
    return _change(tx, card, Event(f"card.{_ACTIONS[to]}", serial, "done", reason), changes)


def move_if_possible(tx: CardTransaction, serial: str, to: State, reason: str) -> None:
    """Bring a card into another state. If the card is missing, or its state does not allow the change, do nothing.

    Raises `InputError` for an invalid reason, if the card's state allows the change.
    """
    if is_in_state(tx, serial, *_STATES_BEFORE[to]):
        move(tx, serial, to, reason)


def is_in_state(tx: CardTransaction, serial: str, *states: State) -> bool:
    """Lock the card's row, and return whether the card exists and is in one of these states."""
    try:
        return card_lookup.locked_card(tx, serial).state in states
    except UnknownCard:
        return False


def lock(tx: CardTransaction, serial: str, reason: str, seconds: float | None) -> Card:
    """Lock a card in the same way as too many wrong responses lock it.

    The lock lasts `seconds`. If `seconds` is None, it lasts as long as `lock_for` of the policy says.

    Raises `InputError`, `UnknownCard` and `StateError`.
    """
    check_reason(reason)
    seconds = tx.policy.lock_for if seconds is None else seconds
    if type(seconds) not in (int, float) or not 0 < seconds <= MOST_SECONDS:
        raise InputError("seconds", f"must be a number, more than 0, at most {MOST_SECONDS}")
    card = card_lookup.usable_card(tx, serial)
    until = tx.now() + seconds
    changes = {"failures": max(card.failures, tx.policy.lock_after), "locked_until": until}
    return _change(tx, card, Event("card.lock", serial, "done", reason, {"until": repr(until)}), changes)


def unlock(tx: CardTransaction, serial: str, reason: str) -> Card:
    """End a card's lock or pause, if any, and set its counts of failures to 0.

    Raises `InputError`, `UnknownCard` and `StateError`.
    """
    check_reason(reason)
    card = card_lookup.usable_card(tx, serial)
    changes = {"failures": 0, "failures_in_day": 0, "locked_until": None}
    return _change(tx, card, Event("card.unlock", serial, "done", reason), changes)


def add_owner(tx: CardTransaction, serial: str, owner: str) -> Card:
    """Add an owner, unless the card has this owner already. Raises `InputError`, `UnknownCard` and `StateError`."""
    card_rules.check_owner(owner)
    card = card_lookup.usable_card(tx, serial)
    names = card_lookup.owners_of(tx, [card])[serial]
    if owner in names:
        return _as_card(tx, card)
    rows.add_owners(tx.db, [(serial, owner)])
    changes = {"owners_hash": card_lookup.owners_hash([*names, owner])}
    return _change(tx, card, Event("owner.add", serial, "done", detail={"owner": owner}), changes)


def remove_owner(tx: CardTransaction, serial: str, owner: str) -> Card:
    """Remove an owner. Raises `InputError`, `UnknownCard`, and `StateError` if the card has no such owner."""
    card_rules.check_owner(owner)
    card = card_lookup.locked_card(tx, serial)
    names = card_lookup.owners_of(tx, [card])[serial]
    if not rows.remove_owner(tx.db, serial, owner):
        raise StateError(f"card {serial}: has no such owner")
    changes = {"owners_hash": card_lookup.owners_hash(set(names) - {owner})}
    return _change(tx, card, Event("owner.remove", serial, "done", detail={"owner": owner}), changes)


def set_duress_pin(tx: CardTransaction, serial: str, duress_pin: str | None) -> Card:
    """Set the duress PIN. None removes it. Raises `InputError`, `UnknownCard` and `StateError`.

    The call does not decrypt the card's PIN. So its result and its log entry do not reveal whether the two PINs are equal.
    """
    card = card_lookup.usable_card(tx, serial)
    if duress_pin is not None:
        card_rules.check_duress_pin(duress_pin, Suite.parse(card.suite))
    event = Event("card.duress-pin", serial, "done", "removed" if duress_pin is None else "set")
    changes = {"sealed_duress_pin": tx.resealed(duress_pin, card, Secret.DURESS_PIN)}
    return _change(tx, card, event, changes)


def set_pin(tx: CardTransaction, serial: str, pin: str) -> Card:
    """Set the PIN of a card that awaits its PIN. Raises `InputError`, `UnknownCard` and `StateError`."""
    card_rules.check_new_pin(pin)
    card = card_lookup.usable_card(tx, serial)
    if not card_lookup.awaits_pin(card):
        raise StateError(f"card {serial}: awaits no PIN; to change its PIN, send a response that was made with the new PIN")
    changes = {"sealed_pin": tx.resealed(pin, card, Secret.PIN)}
    return _change(tx, card, Event("card.set-pin", serial, "done"), changes)


def remove(tx: CardTransaction, serial: str) -> None:
    """Remove a card, even if its row was tampered with. Only its log entries stay. Raises `UnknownCard`."""
    card_lookup.check_known(tx.db, serial)
    rows.remove_cards(tx.db, [serial])
    tx.log(tx.now(), Event("card.remove", serial, "done"))


def unlock_code(tx: CardTransaction, serial: str, challenge: str) -> str | Refused:
    """Make and log an unlock code: see `Verifier.unlock_code`. If there were too many codes, log and return the refusal."""
    card = card_lookup.usable_card(tx, serial)
    if card.sealed_unlock_key is None:
        raise NoUnlockKey(f"card {serial}: was enrolled without an unlock key; if it is locked, it can only be wiped")
    now = tx.now()
    try:
        times = unlock_codes.with_one_more(serial, card.unlock_times, now, tx.policy.unlock_codes)
    except TooManyUnlockCodes as error:
        tx.log(now, Event("card.unlock-code", serial, "refused", "too many"))
        return Refused(error)
    code = unlock_codes.SUITE.response(tx.opened(card, card.sealed_unlock_key, Secret.UNLOCK_KEY), challenge)
    row = tx.changed(card, unlock_codes=card.unlock_codes + 1, unlock_times=times)
    rows.change_card(tx.db, row, "unlock_codes", "unlock_times")
    tx.log(now, Event("card.unlock-code", serial, "done", row=row))
    return code


def check_reason(reason: str) -> None:
    """Raise `InputError` unless the value can be a reason: one line of at most 200 characters, or empty text."""
    if not isinstance(reason, str) or len(reason) > REASON_LETTERS or not reason.isprintable():
        raise InputError("reason", f"must be text in one line, at most {REASON_LETTERS} characters")


def _change(tx: CardTransaction, card: CardRecord, event: Event, changes: Mapping[str, Any]) -> Card:
    row = tx.changed(card, **changes)
    rows.change_card(tx.db, row, *changes)
    tx.log(tx.now(), replace(event, row=row))
    return _as_card(tx, row)


def _as_card(tx: CardTransaction, card: CardRecord) -> Card:
    return card_lookup.shown(tx, [card], tx.now())[0]
