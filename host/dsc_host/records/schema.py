"""The schema of a database of records, as the packages that have tables in it describe it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, Table


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database, in an order in which each comes after those that it points to, and their version."""

    tables: tuple[Table, ...]
    version: int
    oldest: int
    """The oldest version that can be migrated."""
    migrations: Path
    """The folder of the Alembic revisions that lead from each version to the next."""
    kept: Mapping[str, Select[Any] | None]
    """The rows that a backup keeps of a table, by its name, where these are not all; None for none."""
    restored: tuple[Callable[[Connection, float], None], ...]
    """What is done once a backup was restored, at this time, in the same transaction."""
