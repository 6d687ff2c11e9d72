"""The change of the master key during normal operation: all secrets are sealed again under the keyring's first key.

The cards are sealed in batches. Each batch is a separate transaction, so no login waits long. If the change is interrupted,
each card is sealed under either the old key or the new key, and a second run continues with the remaining cards. During the
change, every process that uses the database must have both keys.

Version 0.1.0 sealed a new PIN under the first key of its process, even if the card was under another key. Such PINs are also
found and sealed again.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sqlalchemy import Connection

from dsc_host.errors import StoreError
from dsc_host.records import audit_writer, seals, segments, vault
from dsc_host.records.audit_writer import Event
from dsc_host.records.keys import Keyring, MasterKey, Secret, other_master_key
from dsc_host.schema.card_tables import DECOY
from dsc_host.verifier import rows
from dsc_host.verifier.card_seals import Holder
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

BATCH = 100
"""The number of cards in a batch. Logins with these cards wait for some milliseconds, while the batch is sealed."""

Progress = Callable[[int, int], None]

SEALED = {
    "sealed_key": Secret.KEY,
    "sealed_pin": Secret.PIN,
    "sealed_unlock_key": Secret.UNLOCK_KEY,
    "sealed_duress_pin": Secret.DURESS_PIN,
}


def check_master_key(db: Connection, keys: Keyring) -> None:
    """Raise `InputError` if a secret in the database is sealed under a master key that the keyring does not have."""
    if not rows.key_ids(db, len(keys.ids) + 1) | vault.key_ids(db) <= keys.ids:
        raise other_master_key()


def rekey(context: CardContext, done: Progress) -> int:
    """Seal everything under the current master key: see `Verifier.rekey`."""
    context.store.check_not_newer()
    to = context.keys.current
    with context.reading() as tx:
        left, until = rows.cards_not_under(tx.db, to.id)
    _seal_vault(context, to)
    total, after, sealed = 0, "", BATCH
    while sealed == BATCH:
        sealed, real, after = context.change_in_turn(lambda tx, after=after: _seal_some(tx, to, after, until))  # type: ignore[misc]
        if real:
            total += real
            done(total, max(left, total))
    _seal_vault(context, to)
    return total + _seal_pins(context, to)


def in_use(context: CardContext) -> dict[str, int]:
    """Return the number of cards under each master key: see `Verifier.keys_in_use`."""
    context.store.check_not_newer()
    with context.reading() as tx:
        kept = vault.count_by_key(tx.db)
        marks = dict.fromkeys(segments.key_ids(tx.db), 0)
        used = {
            audit_writer.end_key(tx.db): 0,
            **marks,
            seals.key_id(tx.db): 0,
            **dict.fromkeys(kept, 0),
            **rows.count_by_key(tx.db),
        }
    if context.keys.ids <= used.keys():
        return used
    pins = (found for key in context.keys.keys if key.id in used for found in _pins_under_other_keys(context, key))
    return {**{other: 0 for _, other in pins}, **used}


def _seal_vault(context: CardContext, to: MasterKey) -> None:
    """Seal the secrets of the vault, the key for the seals of rows, and the log's checkpoints again.

    There are few of these, so no progress is reported.
    """
    with context.reading() as tx:
        left = vault.count_not_under(tx.db, to.id)
        is_old = seals.key_id(tx.db) != to.id
    if is_old:
        context.change_in_turn(lambda tx: context.seals.store(tx.db, to))
    while left and (sealed := context.change_in_turn(lambda tx: _seal_some_of_vault(tx, to))):
        left -= sealed
    while context.change_in_turn(lambda tx: segments.seal_some(tx, BATCH)) == BATCH:
        continue


def _seal_some_of_vault(tx: CardTransaction, to: MasterKey) -> int:
    sealed = vault.seal_some(tx, to, BATCH)
    tx.log(tx.now(), Event("keys.rekey", None, "done", detail={"secrets": str(sealed), "key": to.id}))
    return sealed


def _seal_some(tx: CardTransaction, to: MasterKey, after: str, until: float) -> tuple[int, int, str]:
    """Seal a batch of rows, and the end of the log. Return how many rows and how many cards were sealed, and the last serial.

    The batch begins after the serial `after`. Cards that were enrolled after `until` are left out. So the change ends even if
    other processes keep enrolling cards under another key.
    """
    found = rows.lock_cards_not_under(tx.db, to.id, after, until, BATCH)
    if not found and after:
        return 0, 0, after
    for card in found:
        _seal_card(tx, card, to)
    # Do not log the names of decoys.
    real = [card.serial for card in found if card.state != DECOY]
    serials = f"{real[0]} to {real[-1]}" if real else "none left"
    tx.log(tx.now(), Event("keys.rekey", None, "done", detail={"cards": serials, "key": to.id}))
    return len(found), len(real), found[-1].serial if found else after


def _seal_card(tx: CardTransaction, card: CardRecord, to: MasterKey) -> None:
    changes = {"key_id": to.id, **_seal_again(tx.context, tx.seals.check(card), to)}
    # Keep the version: the content of the row does not change.
    rows.change_card(tx.db, tx.seals.sealed(card._replace(**changes)), *changes)


def _seal_pins(context: CardContext, to: MasterKey) -> int:
    """Seal each PIN again that is under another key although its card is under the key `to`. Return the number of cards."""
    return sum(context.change_in_turn(partial(_seal_pins_of, serial, to)) for serial, _ in _pins_under_other_keys(context, to))


def _seal_pins_of(serial: str, to: MasterKey, tx: CardTransaction) -> bool:
    card = rows.lock_card(tx.db, serial)
    if card is None or card.key_id != to.id or _other_key_of_pin(tx.context, card, to) is None:
        return False
    _seal_card(tx, card, to)
    tx.log(tx.now(), Event("keys.rekey", None, "done", detail={"cards": serial, "key": to.id}))
    return True


def _pins_under_other_keys(context: CardContext, key: MasterKey) -> Iterator[tuple[str, str]]:
    """Yield the serial of each card under `key` that has a PIN under another key, with the id of the other key."""
    after = ""
    while len(context.keys.keys) > 1 and (found := _cards_with_pin(context, key, after)):
        for card in found:
            if (other := _other_key_of_pin(context, card, key)) is not None:
                yield card.serial, other
        after = found[-1].serial


def _cards_with_pin(context: CardContext, key: MasterKey, after: str) -> list[CardRecord]:
    with context.reading() as tx:
        return rows.cards_with_pin(tx.db, key.id, after, BATCH)


def _other_key_of_pin(context: CardContext, card: CardRecord, key: MasterKey) -> str | None:
    """Return the id of a key of the keyring that opens a PIN of the card which `key` does not open, or None."""
    for sealed, kind in ((card.sealed_pin, Secret.PIN), (card.sealed_duress_pin, Secret.DURESS_PIN)):
        if sealed is not None and not _opens(context, card, sealed, kind, key):
            for other in context.keys.keys:
                if _opens(context, card, sealed, kind, other):
                    return other.id
    return None


def _opens(context: CardContext, card: CardRecord, sealed: bytes, kind: Secret, key: MasterKey) -> bool:
    try:
        key.unseal(sealed, card.serial, kind, context.seals.bound(Holder.of(card)))
    except StoreError:
        return False
    return True


def _seal_again(context: CardContext, card: CardRecord, to: MasterKey) -> dict[str, Any]:
    bound = context.seals.bound(Holder.of(card))
    return {
        column: to.seal(context.opened(card, getattr(card, column), kind), card.serial, kind, bound)
        for column, kind in SEALED.items()
        if getattr(card, column) is not None
    }
