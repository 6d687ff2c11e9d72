"""Checks of the records: the master keys, the database, and its schema."""

from contextlib import suppress
from pathlib import Path

from dsc_host.cli.checks.files import check_private
from dsc_host.cli.checks.finding import Finding, Findings, State, failed, of_error, ok, warning
from dsc_host.cli.database import KEY_VARIABLE, Records, file_url
from dsc_host.errors import DscError, InputError
from dsc_host.records.backends.base import Identity
from dsc_host.records.store import stored_identity
from dsc_host.schema import SCHEMA

KEY, DATABASE = "master key", "database"
_PATIENCE = 5.0
_NEW = "in a new installation, the first enroll, personalize or person add creates it"


def check_keys(records: Records) -> Findings:
    """Yield findings about the master keys: the file, its permissions, and its content."""
    path = None if records.come_from_variable() else records.key_file()
    if path is not None:
        if not path.exists():
            yield failed(KEY, f"there is no {path}", f"restore your copy of the file, or name it with --master-key; {_NEW}")
            return
        exposed = list(check_private(KEY, path, is_secret=True))
        yield from exposed
        if any(each.state is State.FAILED for each in exposed):
            return
    try:
        keys = records.keyring()
    except InputError as error:
        yield of_error(KEY, error, "restore your copy of the file")
        return
    where = path or f"the environment variable {KEY_VARIABLE}"
    if len(keys.keys) > 1:
        yield warning(
            KEY,
            f"{where} holds {len(keys.keys)} keys: a change of the master key is not finished",
            "dscplus rekey; then dscplus key list, and dscplus key drop for each key that seals nothing",
        )
    else:
        yield ok(KEY, f"in {where}, id {keys.current.id}")


def check_database(records: Records) -> Findings:
    """Yield findings about the database: the permissions of its files, whether it can be opened, and its schema.

    The database is not migrated.
    """
    url = records.url
    path = records.file()
    if path is not None:
        if not path.exists():
            yield failed(DATABASE, f"there is no {path}", f"name the database with --db, or restore a backup; {_NEW}")
            return
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            with suppress(FileNotFoundError):
                yield from check_private(DATABASE, each, is_secret=False)
    try:
        identity = stored_identity(url or (file_url(path) if path else ""), SCHEMA, patience=_PATIENCE)
    except DscError as error:
        yield of_error(DATABASE, error)
        return
    yield _schema(identity, path)


def _schema(identity: Identity | None, path: Path | None) -> Finding:
    where = path or "the database on the server"
    if identity is None:
        return failed(DATABASE, f"{where} is empty", f"restore a backup; {_NEW}")
    version = identity.version
    if version > SCHEMA.version:
        newer = f"its schema, {version}, is of a newer dscplus; this dscplus has {SCHEMA.version}"
        if identity.compatible_since <= SCHEMA.version:
            return warning(
                DATABASE, f"{newer}, and logins continue", "upgrade dscplus; until then, use the newer dscplus for backups"
            )
        return failed(DATABASE, newer, "upgrade dscplus")
    if version < SCHEMA.oldest:
        return failed(DATABASE, f"its schema, {version}, is too old", "use this database with the dscplus that made it")
    if version < SCHEMA.version:
        return warning(
            DATABASE,
            f"its schema is {version}; this dscplus has {SCHEMA.version}",
            "make a backup with the previous dscplus, stop all services, and migrate: dscplus card list",
        )
    return ok(DATABASE, f"{where}, schema {version}")
