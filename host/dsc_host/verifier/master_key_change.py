"""Changing the master key while others work: card after card is sealed anew under the keyring's first key.

Some cards at a time, each batch in a transaction of its own: nobody waits long for a card, and whatever stops it, cards are
under the one key or the other, never neither. Begun again, it goes on with those that are left. Every process that uses
the database meanwhile must know both keys.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from dsc_host.records import audit, seals, vault
from dsc_host.records.audit import Event
from dsc_host.records.keys import MasterKey, Secret
from dsc_host.verifier import rows
from dsc_host.verifier.card_seals import Holder
from dsc_host.verifier.context import Office
from dsc_host.verifier.rows import CardRecord

BATCH = 100
"""So many cards at a time cannot be used, for some milliseconds."""

Progress = Callable[[int, int], None]

SEALED = {
    "sealed_key": Secret.KEY,
    "sealed_pin": Secret.PIN,
    "sealed_unlock_key": Secret.UNLOCK_KEY,
    "sealed_duress_pin": Secret.DURESS_PIN,
}


def rekey(office: Office, done: Progress) -> int:
    """See `Verifier.rekey`."""
    to = office.keys.current
    with office.store.read() as db:
        left = rows.count_not_under(db, to.id)
    _seal_vault(office, to)
    total, after = 0, ""
    while True:
        sealed, after = office.change_in_turn(lambda db, after=after: _seal_some(office, db, to, after))  # type: ignore[misc]
        if sealed:
            total += sealed
            done(total, max(left, total))
        elif not after:
            _seal_vault(office, to)
            return total
        else:
            # Others may have enrolled cards under the old key meanwhile, before where we are.
            after = ""


def in_use(office: Office) -> dict[str, int]:
    """See `Verifier.keys_in_use`."""
    with office.store.read() as db:
        kept = vault.count_by_key(db)
        return {audit.end_key(db): 0, seals.key_id(db): 0, **dict.fromkeys(kept, 0), **rows.count_by_key(db)}


def _seal_vault(office: Office, to: MasterKey) -> None:
    """Not told of as cards are: there are few, and each takes no time."""
    with office.store.read() as db:
        left = vault.count_not_under(db, to.id)
        begins = seals.key_id(db) != to.id
    if begins:
        office.change_in_turn(lambda db: office.seals.store(db, to))
    while left and (sealed := office.change_in_turn(lambda db: _seal_some_of_vault(office, db, to))):
        left -= sealed


def _seal_some_of_vault(office: Office, db: Connection, to: MasterKey) -> int:
    sealed = vault.seal_some(office, db, to, BATCH)
    office.log(db, office.now(), Event("keys.rekey", None, "done", detail={"secrets": str(sealed), "key": to.id}))
    return sealed


def _seal_some(office: Office, db: Connection, to: MasterKey, after: str) -> tuple[int, str]:
    """How many were sealed, and the last one's serial. The log's end is sealed anew with them."""
    found = rows.lock_cards_not_under(db, to.id, after, BATCH)
    if not found and after:
        return 0, after
    for card in found:
        anew = {"key_id": to.id, **_sealed_anew(office, office.seals.check(card), to)}
        # No other version: what the row says is the same.
        rows.change_card(db, office.seals.sealed(card._replace(**anew)), *anew)
    serials = f"{found[0].serial} to {found[-1].serial}" if found else "none left"
    office.log(db, office.now(), Event("keys.rekey", None, "done", detail={"cards": serials, "key": to.id}))
    return len(found), found[-1].serial if found else after


def _sealed_anew(office: Office, card: CardRecord, to: MasterKey) -> dict[str, Any]:
    bound = office.seals.bound(Holder.of(card))
    return {
        column: to.seal(office.opened(card, getattr(card, column), kind), card.serial, kind, bound)
        for column, kind in SEALED.items()
        if getattr(card, column) is not None
    }
