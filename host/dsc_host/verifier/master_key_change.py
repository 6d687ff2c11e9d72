"""The change of the master key while others work: batch after batch, cards are sealed again under the keyring's first key.

Each batch is a transaction of its own, so nobody waits long for a card. Whatever interrupts the change, each card is under one
of the two keys. When started again, the change goes on with the cards that are left. Every process that uses the database
meanwhile must know both keys.
"""

from collections.abc import Callable
from typing import Any

from dsc_host.records import audit, seals, vault
from dsc_host.records.audit import Event
from dsc_host.records.keys import MasterKey, Secret
from dsc_host.verifier import rows
from dsc_host.verifier.card_seals import Holder
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

BATCH = 100
"""The number of cards that cannot be used at the same time, for some milliseconds."""

Progress = Callable[[int, int], None]

SEALED = {
    "sealed_key": Secret.KEY,
    "sealed_pin": Secret.PIN,
    "sealed_unlock_key": Secret.UNLOCK_KEY,
    "sealed_duress_pin": Secret.DURESS_PIN,
}


def rekey(context: CardContext, done: Progress) -> int:
    """Seal everything under the current master key as `Verifier.rekey` does."""
    to = context.keys.current
    with context.reading() as tx:
        left, until = rows.cards_not_under(tx.db, to.id)
    _seal_vault(context, to)
    total, after, sealed = 0, "", BATCH
    while sealed == BATCH:
        sealed, after = context.change_in_turn(lambda tx, after=after: _seal_some(tx, to, after, until))  # type: ignore[misc]
        if sealed:
            total += sealed
            done(total, max(left, total))
    _seal_vault(context, to)
    return total


def in_use(context: CardContext) -> dict[str, int]:
    """Count the cards under each master key as `Verifier.keys_in_use` does."""
    with context.reading() as tx:
        kept = vault.count_by_key(tx.db)
        return {audit.end_key(tx.db): 0, seals.key_id(tx.db): 0, **dict.fromkeys(kept, 0), **rows.count_by_key(tx.db)}


def _seal_vault(context: CardContext, to: MasterKey) -> None:
    """Seal the vault. It is not reported as cards are: its secrets are few, and each takes no time."""
    with context.reading() as tx:
        left = vault.count_not_under(tx.db, to.id)
        begins = seals.key_id(tx.db) != to.id
    if begins:
        context.change_in_turn(lambda tx: context.seals.store(tx.db, to))
    while left and (sealed := context.change_in_turn(lambda tx: _seal_some_of_vault(tx, to))):
        left -= sealed


def _seal_some_of_vault(tx: CardTransaction, to: MasterKey) -> int:
    sealed = vault.seal_some(tx, to, BATCH)
    tx.log(tx.now(), Event("keys.rekey", None, "done", detail={"secrets": str(sealed), "key": to.id}))
    return sealed


def _seal_some(tx: CardTransaction, to: MasterKey, after: str, until: float) -> tuple[int, str]:
    """Seal a batch of cards, and the log's end with them. Return their number and the last serial.

    Cards enrolled later than `until` are left out: the work would have no end as long as others enroll them under another key.
    """
    found = rows.lock_cards_not_under(tx.db, to.id, after, until, BATCH)
    if not found and after:
        return 0, after
    for card in found:
        changes = {"key_id": to.id, **_seal_again(tx.context, tx.seals.check(card), to)}
        # Keep the version: the row says the same as before.
        rows.change_card(tx.db, tx.seals.sealed(card._replace(**changes)), *changes)
    serials = f"{found[0].serial} to {found[-1].serial}" if found else "none left"
    tx.log(tx.now(), Event("keys.rekey", None, "done", detail={"cards": serials, "key": to.id}))
    return len(found), found[-1].serial if found else after


def _seal_again(context: CardContext, card: CardRecord, to: MasterKey) -> dict[str, Any]:
    bound = context.seals.bound(Holder.of(card))
    return {
        column: to.seal(context.opened(card, getattr(card, column), kind), card.serial, kind, bound)
        for column, kind in SEALED.items()
        if getattr(card, column) is not None
    }
