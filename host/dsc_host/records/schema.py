"""The description of a schema: its tables, version and migrations. Each package describes its own tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database and their version. Each table comes after those that it refers to."""

    tables: tuple[Table, ...]
    version: int
    oldest: int
    """The oldest version that can be migrated."""
    migrations: Path
    """The folder of the Alembic revisions that lead from each version to the next."""
    kept: Mapping[str, Select[Any] | None]
    """The tables of which a backup does not keep all rows, by name, with a query for the kept rows, or None for no rows."""
    restored: tuple[Callable[[Connection, float], None], ...]
    """The functions that run after a backup was restored, in the same transaction. They take the connection and the time."""
