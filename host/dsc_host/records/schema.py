"""The description of a schema: its tables, version and migrations. Each package describes its own tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database and their version. Each table refers only to tables that come before it in this order."""

    tables: tuple[Table, ...]
    version: int
    oldest: int
    """The oldest version that can be migrated."""
    compatible_since: int
    """The oldest schema version whose dscplus may use these tables: later versions have only added to the tables."""
    migrations: Path
    """The folder of the Alembic revisions. Each revision migrates one version to the next."""
    kept: Mapping[str, Select[Any] | None]
    """The tables of which a backup keeps only some rows, with the query for these rows; None if it keeps no rows."""
    restored: tuple[Callable[[Connection, float], None], ...]
    """The functions to call in the transaction that restores a backup, after its rows, with the connection and the time."""
