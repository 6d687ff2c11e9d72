"""Backup and restore: one file with all records, which can be restored on another machine or in another kind of database.

The database can be used while a backup is made. A backup is restored into an empty database. Six promises:

1. A backup holds everything as it was at one moment: cards, challenges, owners, and the log. A restored database continues the
   log.
2. A backup holds no secret in the clear. Keys and PINs are sealed under the master key, as they are in the database. The master
   key is not in the backup, and a backup cannot be restored without it: keep both, but in different places.
3. A backup ends with a seal, made with the master key, over all bytes before it. These bytes include the identity of the
   database. A backup that was cut short, changed or combined from several backups is refused. If the caller of `restore` names
   a database, a backup of another database is refused too.
4. Restoring is one transaction into a database without cards: it restores everything or nothing.
5. With a folder for segments, the backup leaves out the log entries of the sealed segments. These entries are in files in the
   folder, and the backup can be restored only together with these files.
6. No response that was accepted after the backup was made is accepted again for the same challenge. Restoring closes all
   challenges, and ends all sessions of the login system.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, delete, select, update

from dsc_host.errors import InputError, StoreError
from dsc_host.records import audit_writer, backup_segments, seals, tables
from dsc_host.records import backup as records_backup
from dsc_host.records.audit_writer import Event
from dsc_host.records.backup import Restoring
from dsc_host.records.backup_segments import LeftOut
from dsc_host.records.keys import Keyring, MasterKeySource
from dsc_host.records.progress import Progress, ignored
from dsc_host.records.store import Store
from dsc_host.records.transaction import LIBRARY
from dsc_host.schema import SCHEMA
from dsc_host.schema.card_tables import DECOY, cards, challenges
from dsc_host.verifier.card_seals import CardSeals
from dsc_host.verifier.master_key_change import check_master_key
from dsc_host.verifier.rows import ChallengeRecord
from dsc_host.verifier.service import Verifier


def backup(verifier: Verifier, file: BinaryIO, *, segments: Path | None = None, done: Progress = ignored) -> int:
    """Write all records to `file`, and return the number of cards. The backup includes the log entry about itself.

    With `segments`, first make a file in this folder for each sealed segment of the log that has no file there. The backup then
    leaves out the entries of all sealed segments. `done` is called with the progress. Raises `InputError` if the folder or a
    file in it cannot be used.
    """
    context = verifier._context
    context.store.check_not_newer()
    if segments:
        backup_segments.make_files(context, segments, done)
    context.change(lambda tx: tx.log(context.now(), Event("backup.make", None, "done")))
    return records_backup.write(context, SCHEMA, file, done, segments)[cards.name]


def restore(
    database: str,
    master_key: MasterKeySource,
    file: BinaryIO,
    *,
    actor: str = LIBRARY,
    clock: Callable[[], float] = time.time,
    identity: str | None = None,
    segments: Path | None = None,
    done: Progress = ignored,
) -> int:
    """Restore a backup into the database at this URL, which must have no cards. Return the number of restored cards.

    With `identity`, accept only a backup of the database with this identity. The restored database gets the identity in the
    backup, because the seals are bound to that identity. `segments` is the folder with the segments' files, for a backup that
    needs them. The log names `actor`, with the time of `clock`, as the one who restored. `done` is called with the progress.

    Raises `InputError` for a backup that is incomplete or changed, that is of another database than `identity`, or that is
    sealed under a master key that was not given. Raises `StoreError` for a database that cannot be used or has records. After
    an error, the database has the same records as before.
    """
    keys = Keyring.of(master_key)
    store = Store.open(database, SCHEMA)
    try:
        with store.write() as db:
            store.claim(db)
            _check_empty(db)
            restoring = Restoring(SCHEMA, file, keys, done)
            restored = restoring.into(db)[cards.name]
            check_master_key(db, keys)
            now = float(clock())
            found = _seals(db, keys, identity)
            if part := restoring.left_out:
                backup_segments.insert_entries(db, keys, found, part, _folder(part, segments), done)
            # Close all open challenges: some may have been answered after the backup was made.
            _end_challenges(db, found, now)
            for end_open in SCHEMA.after_restore:
                end_open(db, now)
            detail = {"cards": str(restored), "database": found.database}
            audit_writer.record(db, keys, found, now, actor, [Event("backup.restore", None, "done", detail=detail)])
        return restored
    finally:
        store.close()


def _folder(part: LeftOut, folder: Path | None) -> Path:
    if folder is None:
        raise InputError("backup", f"leaves out {part.names} of the log; give the folder with their files as `segments`")
    return folder


def _seals(db: Connection, keys: Keyring, wanted: str | None) -> CardSeals:
    """Return the seals of the database from which the backup was made. Raises `InputError` unless its identity is `wanted`."""
    found = CardSeals.load(db, keys)
    if found is None:
        raise seals.missing()
    if wanted not in (None, found.database):
        raise InputError("backup", f"is of database {found.database}, not of {wanted}; name a backup of {wanted}")
    return found


def _end_challenges(db: Connection, found: CardSeals, now: float) -> None:
    for row in db.execute(select(challenges).where(challenges.c.expires_at > now)).all():
        ended = found.sealed_challenge(found.check_challenge(ChallengeRecord(*row))._replace(expires_at=now))
        values = {"expires_at": ended.expires_at, "seal": ended.seal}
        db.execute(update(challenges).where(challenges.c.id == ended.id).values(values))


def _check_empty(db: Connection) -> None:
    db.execute(delete(cards).where(cards.c.state == DECOY))
    actions = db.execute(select(tables.audit.c.action).limit(2)).scalars().all()
    if db.execute(select(cards.c.serial).limit(1)).first() is not None or actions not in ([], [audit_writer.BEGIN]):
        raise StoreError("the database already has records; restore the backup into a new database")
    # Remove the rows that were created when the database was opened. The backup has such rows too.
    for table in (tables.audit, tables.audit_head, tables.identity):
        db.execute(delete(table))
