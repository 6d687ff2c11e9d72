"""Migrations, which bring a database of an older dscplus up to date.

Each file in the folder `versions` holds one Alembic revision. Its id is the version of the schema as four digits, and its
function `upgrade` migrates the tables to this version. A downgrade is not possible. To go back, use a backup, or the copy of an
SQLite file that was made before the migration. The version is stored in the database's marks (`Backend.mark`). Alembic's own
table of versions is not used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

# Alembic's `op` is one object for the whole process, so only one migration runs at a time.
_one_at_a_time = Lock()


def migrate(db: Connection, version: int | None, folder: Path) -> int:
    """Migrate the tables from `version` to the newest version, in the open transaction of `db`.

    For a database without tables, `version` is None. `folder` is the folder that contains `versions`. Return the newest
    version, which the caller stores in the marks.
    """
    scripts = ScriptDirectory(str(folder))
    head = scripts.get_current_head()
    if head is None:
        raise ValueError(f"{folder} holds no migrations")
    base = "base" if version is None else f"{version:04}"
    with _operations(db):
        # Alembic yields the newest revision first.
        for script in reversed(list(scripts.iterate_revisions(head, base))):
            script.module.upgrade()
    return int(head)


@contextmanager
def _operations(db: Connection) -> Iterator[None]:
    with _one_at_a_time, Operations.context(MigrationContext.configure(db)):
        yield
