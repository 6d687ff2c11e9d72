"""A database with the tables of an older version, as its migrations make them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dsc_host.records.store import _backend
from dsc_host.schema import SCHEMA, versions


@contextmanager
def older_database(url: str, version: int) -> Iterator[Connection]:
    """Make the tables of an older version, let the caller fill them, and mark the database with that version."""
    backend = _backend(url, 10)
    with backend.engine.begin() as db:
        for statement in backend.WRITE.statements:
            statement.run(db, {})
        backend.create(db)
        scripts = ScriptDirectory(str(SCHEMA.migrations))
        with Operations.context(MigrationContext.configure(db)):
            for number in range(versions.OLDEST, version + 1):
                scripts.get_revision(f"{number:04}").module.upgrade()  # type: ignore[union-attr]
        yield db
        backend.mark(db, version)
    backend.engine.dispose()
