"""The opening of a database of cards: its seals, the check of the master keys, and the first entry of its log."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from dsc_host.records import audit_writer, seals, vault
from dsc_host.records.audit_writer import Event
from dsc_host.records.group_commit import GroupCommit
from dsc_host.records.keys import Keyring
from dsc_host.records.store import Store
from dsc_host.schema import SCHEMA
from dsc_host.verifier import rows, upgrade
from dsc_host.verifier.card_seals import CardSeals
from dsc_host.verifier.master_key_change import check_master_key
from dsc_host.verifier.model import Policy
from dsc_host.verifier.transaction import CardContext, CardTransaction


def open_records(
    database: str,
    keys: Keyring,
    *,
    policy: Policy,
    clock: Callable[[], float],
    draw: Callable[[int], str],
    may_make: bool,
) -> CardContext:
    """Open the database at this URL, and create its tables or bring them up to date: see `Verifier.open`.

    Raises `InputError` for a wrong URL or master key, and `StoreError` for a database that cannot be used.
    """
    store = Store.open(database, SCHEMA, may_make=may_make, after_migration=partial(upgrade.after_migration, keys, clock))
    try:
        own, commits = _seals(store, keys), GroupCommit(store)
        context = CardContext(store=store, keys=keys, seals=own, commits=commits, policy=policy, clock=clock, draw=draw)
        with context.reading() as tx:
            check_master_key(tx.db, keys)
            begins = audit_writer.is_new(tx.db)
        if begins:
            context.change(_begin_log)
    except BaseException:
        store.close()
        raise
    return context


def claim(tx: CardTransaction) -> None:
    """Make other transactions wait with their claims until this transaction ends. Raises as `check_master_key` does.

    An enrollment claims the database, because two processes could otherwise enroll the first cards under different master keys.
    """
    tx.context.store.claim(tx.db)
    check_master_key(tx.db, tx.keys)


def _seals(store: Store, keys: Keyring) -> CardSeals:
    """Return the seals of this database. Make them if the database is empty."""
    with store.read() as db:
        found = CardSeals.load(db, keys)
    return found or store.change(lambda db: _make_seals(store, keys, db))


def _make_seals(store: Store, keys: Keyring, db: Connection) -> CardSeals:
    store.claim(db)
    # Load the seals again, because another process may have made them in the meantime.
    found = CardSeals.load(db, keys)
    if found is None:
        if not audit_writer.is_new(db) or rows.key_ids(db, 1) or vault.key_ids(db):
            raise seals.missing()
        found = CardSeals.new()
        found.store(db, keys.current)
    return found


def _begin_log(tx: CardTransaction) -> None:
    tx.context.store.claim(tx.db)
    # Check again, because another process may have begun the log in the meantime. If there are cards, do not begin the log:
    # somebody has emptied it, and a new beginning would hide that.
    if audit_writer.is_new(tx.db) and not rows.count_cards(tx.db):
        tx.log(tx.now(), Event(audit_writer.BEGIN, None, "done", detail={"database": tx.seals.database}))
