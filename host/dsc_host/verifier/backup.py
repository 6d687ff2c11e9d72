"""All records in one file, for another machine or another kind of database: made while others work, put back into an empty one.

Five promises:

1. A backup is of one moment, and all of it: cards, challenges, owners, and the log, which goes on where it was.
2. It holds no secret in the clear: keys and PINs lie in it sealed under the master key, as in the database. The master key is
   not in it, and without it the backup is worth nothing: keep both, but not together.
3. It ends with a seal of the master key over every byte, the identity of its database among them. One that was cut short,
   changed or put together is refused; so is another database's, for who says which one is wanted.
4. Restoring is one transaction into a database without cards: all of it, or nothing.
5. No response that was accepted after the backup was made is accepted again for the same challenge: all challenges end,
   and so does every session of the login system.
"""

import time
from collections.abc import Callable
from typing import BinaryIO

from sqlalchemy import Connection, delete, select, update

from dsc_host.errors import InputError, StoreError
from dsc_host.records import audit, seals, tables, vault
from dsc_host.records import backup as records_backup
from dsc_host.records.audit import Event
from dsc_host.records.backup import Progress, Restoring, ignored
from dsc_host.records.keys import Keyring, MasterKeySource, other_master_key
from dsc_host.records.store import Store
from dsc_host.records.transaction import LIBRARY
from dsc_host.schema import SCHEMA
from dsc_host.schema.card_tables import DECOY, cards, challenges
from dsc_host.verifier.card_seals import CardSeals
from dsc_host.verifier.rows import ChallengeRecord
from dsc_host.verifier.service import Verifier


def backup(verifier: Verifier, file: BinaryIO, *, done: Progress = ignored) -> int:
    """Write all records to `file`, and return how many cards there are. The making is logged, also in the backup itself."""
    context = verifier._context
    context.change(lambda tx: tx.log(context.now(), Event("backup.make", None, "done")))
    return records_backup.write(context, SCHEMA, file, done)[cards.name]


def restore(
    database: str,
    master_key: MasterKeySource,
    file: BinaryIO,
    *,
    actor: str = LIBRARY,
    clock: Callable[[], float] = time.time,
    identity: str | None = None,
    done: Progress = ignored,
) -> int:
    """Put a backup into the database at this URL, which has no cards yet, and return how many it has then.

    With `identity`, only a backup of the database that has it. The restored database has the identity of the one that the
    backup is of: its seals are bound to it.
    Raises `InputError` for a backup that is not whole and unchanged, is of another database, or is sealed under a master key
    that is not among the given ones, and `StoreError` for a database that cannot be used or has records. Then nothing is
    changed.
    """
    keys = Keyring.of(master_key)
    store = Store.open(database, SCHEMA)
    try:
        with store.write() as db:
            store.claim(db)
            _check_empty(db)
            restored = Restoring(SCHEMA, file, keys, done).into(db)[cards.name]
            _check_master_key(db, keys)
            # Whatever was answered since the backup was made was a challenge's that may be open in it.
            now = float(clock())
            found = _seals(db, keys, identity)
            _end_challenges(db, found, now)
            for end_open in SCHEMA.restored:
                end_open(db, now)
            detail = {"cards": str(restored), "database": found.database}
            audit.record(db, keys, found, now, actor, [Event("backup.restore", None, "done", detail=detail)])
        return restored
    finally:
        store.close()


def _seals(db: Connection, keys: Keyring, wanted: str | None) -> CardSeals:
    """Return the seals of the database that the backup is of: its identity comes with it."""
    found = CardSeals.load(db, keys)
    if found is None:
        raise seals.missing()
    if wanted not in (None, found.database):
        raise InputError("backup", f"is of the database {found.database}, not of {wanted}; name a backup of that one")
    return found


def _check_master_key(db: Connection, keys: Keyring) -> None:
    if not set(db.execute(select(cards.c.key_id).distinct()).scalars()) | vault.key_ids(db) <= {*keys.ids, ""}:
        raise other_master_key()


def _end_challenges(db: Connection, found: CardSeals, now: float) -> None:
    for row in db.execute(select(challenges).where(challenges.c.expires_at > now)).all():
        ended = found.sealed_challenge(found.check_challenge(ChallengeRecord(*row))._replace(expires_at=now))
        values = {"expires_at": ended.expires_at, "seal": ended.seal}
        db.execute(update(challenges).where(challenges.c.id == ended.id).values(values))


def _check_empty(db: Connection) -> None:
    db.execute(delete(cards).where(cards.c.state == DECOY))
    actions = db.execute(select(tables.audit.c.action).limit(2)).scalars().all()
    if db.execute(select(cards.c.serial).limit(1)).first() is not None or actions not in ([], [audit.BEGIN]):
        raise StoreError("there are records in it already; restore a backup into a new database")
    # Of a database that was opened, and then used for nothing.
    for table in (tables.audit, tables.audit_head, tables.identity):
        db.execute(delete(table))
