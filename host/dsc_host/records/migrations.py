"""Migrations, which bring a database of an older dscplus up to date.

Each file in the folder's `versions` holds one Alembic revision: the schema's version as four digits, and `upgrade`. There is
no downgrade: to go back, use the copy that was made. The version is read from and written to the database's own marks, so there
is no second record of it that could differ.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

# Alembic's `op` works on one object for the whole process.
_one_at_a_time = Lock()


def migrate(db: Connection, version: int | None, folder: Path) -> int:
    """Bring the tables from `version` (None: there are none) to the newest version, in the open transaction.

    Returns the newest version. The marks are left as they are.
    """
    scripts = ScriptDirectory(str(folder))
    head = scripts.get_current_head()
    if head is None:
        raise ValueError(f"{folder} holds no migrations")
    base = "base" if version is None else f"{version:04}"
    with _operations(db):
        # Alembic yields the newest first.
        for script in reversed(list(scripts.iterate_revisions(head, base))):
            script.module.upgrade()
    return int(head)


@contextmanager
def _operations(db: Connection) -> Iterator[None]:
    with _one_at_a_time, Operations.context(MigrationContext.configure(db)):
        yield
