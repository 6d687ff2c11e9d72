"""What `Store` wants of a database, whichever it is: how to begin, whose it is, and what its errors mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from dsc_host.records.statements import Statement


@dataclass(frozen=True, slots=True)
class Identity:
    """The marks in a database that is not empty."""

    ours: bool
    version: int
    """The version of its schema; 0 if it is not ours."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How a transaction begins: with these statements, on a connection with these options."""

    statements: tuple[Statement, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """One database, before and beneath the tables. `READ`, `WRITE` and `MIGRATE` are how its transactions begin."""

    CHAINS_ERRORS: bool
    """Whether the database's own errors may be shown: whether they never quote what was stored."""
    READ: Mode
    """Sees the database as it is at the first statement; writes nothing."""
    WRITE: Mode
    MIGRATE: Mode

    name: str
    """What messages call it: never with a password."""
    engine: Engine

    def identity(self, db: Connection) -> Identity | None:
        """Its marks; None if there is nothing in it."""

    def claim(self, db: Connection) -> None:
        """Until the transaction ends, nobody else makes the tables, migrates them, or enrols a card."""

    def create(self, db: Connection) -> None:
        """Make what the tables need before them."""

    def mark(self, db: Connection, version: int) -> None:
        """Set the marks: ours, of this version."""

    def keep_copy(self, version: int) -> str | None:
        """Copy the database as it is, before it is migrated; the copy's name, None if that is left to others."""

    def check_migrated(self, db: Connection) -> None:
        """Raises `StoreError` if a migration left rows that point to none."""

    def after_migrating(self) -> None:
        """Put back what `MIGRATE` changed."""

    def finish_opening(self) -> None:
        """What is left to do once the database is known to be ours."""

    def advice(self, error: SQLAlchemyError) -> str:
        """What went wrong and what to do, quoting neither a password nor anything that was stored."""

    def was_conflict(self, error: SQLAlchemyError) -> bool:
        """Whether the transaction failed only because of others, so that it may succeed if it is tried again."""
