"""Databases as an older dscplus has left them."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dsc_host.verifier import migrations, schema
from dsc_host.verifier.store import _backend


@contextmanager
def older_database(url: str, version: int) -> Iterator[Connection]:
    """Make the tables of an older version, have them filled, and mark the database as of this version."""
    backend = _backend(url, 10)
    with backend.engine.begin() as db:
        for statement in backend.WRITE.statements:
            statement.run(db, {})
        backend.create(db)
        scripts = ScriptDirectory(str(migrations.FOLDER))
        with Operations.context(MigrationContext.configure(db)):
            for number in range(schema.OLDEST, version + 1):
                scripts.get_revision(f"{number:04}").module.upgrade()  # type: ignore[union-attr]
        yield db
        backend.mark(db, version)
    backend.engine.dispose()
