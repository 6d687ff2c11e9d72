"""The description of a schema: its tables, version and migrations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database, their version, and the rules for their backups."""

    tables: tuple[Table, ...]
    """The tables, in an order in which each table refers only to earlier tables."""
    version: int
    oldest: int
    """The oldest version that can be migrated."""
    compatible_since: int
    """The oldest schema version whose dscplus may use these tables. Later versions have only added to the tables."""
    migrations: Path
    """The folder of the Alembic revisions. Each revision migrates one version to the next."""
    kept: Mapping[str, Select[Any] | None]
    """The tables of which a backup leaves out rows, by name. A value is a query for the rows to keep, or None for no row."""
    after_restore: tuple[Callable[[Connection, float], None], ...]
    """The functions to call with the connection and the time after the rows of a backup were added, in that transaction."""
