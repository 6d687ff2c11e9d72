"""The writing of the rows that a login changes: immediately, or collected and later written for many logins together."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from dsc_host.verifier import rows
from dsc_host.verifier.rows import CardRecord, ChallengeRecord

DRAWS = 100
"""The number of draws before giving up. Even if 9 in 10 of a card's questions are taken, only 1 challenge in 37,000 fails."""

Draw = Callable[[], ChallengeRecord]
"""A function that returns the same challenge with a new question at each call."""


class Forgotten(NamedTuple):
    """A card's challenges that must be removed. The fields are the arguments of `rows.forget_challenges`."""

    serial: str
    up_to: int
    expired_at: float
    most: int


class RowWrites(Protocol):
    """The changes of rows that one login makes."""

    def write_login(self, card: CardRecord) -> None:
        """Write the columns that change when a card is given a challenge or its response is judged."""

    def write_columns(self, card: CardRecord, *columns: str) -> None:
        """Write these columns of a card, its version and its seal."""

    def write_answer(self, challenge: ChallengeRecord) -> None:
        """Write the columns of a challenge that change when a response to it is judged."""

    def forget(self, forgotten: Forgotten) -> None:
        """Remove old challenges of a card."""

    def add(self, draw: Draw) -> ChallengeRecord | None:
        """Add a challenge whose question no stored challenge of the card has. Return None after too many draws."""


class DirectWrites:
    """The writer that writes each row immediately."""

    __slots__ = ("_db",)

    def __init__(self, db: Connection) -> None:
        """Write over this connection."""
        self._db = db

    def write_login(self, card: CardRecord) -> None:
        """Write the columns of a card that a login changes."""
        rows.write_login(self._db, card)

    def write_columns(self, card: CardRecord, *columns: str) -> None:
        """Write these columns of a card."""
        rows.change_card(self._db, card, *columns)

    def write_answer(self, challenge: ChallengeRecord) -> None:
        """Write the columns of a challenge that a response changes."""
        rows.write_answer(self._db, challenge)

    def forget(self, forgotten: Forgotten) -> None:
        """Remove old challenges of a card."""
        rows.forget_challenges(self._db, *forgotten)

    def add(self, draw: Draw) -> ChallengeRecord | None:
        """Draw until no stored challenge of the card has the question, and add the challenge. Return None after 100 draws."""
        for _ in range(DRAWS):
            challenge = draw()
            if rows.add_challenge(self._db, challenge):
                return challenge
        return None


class CollectedWrites:
    """The writer that only collects the rows. `card_sets` then writes the rows of many logins together."""

    __slots__ = ("added", "answers", "cards", "columns", "forgotten")

    def __init__(self) -> None:
        """Begin with empty lists."""
        self.cards: list[CardRecord] = []
        self.columns: list[tuple[CardRecord, tuple[str, ...]]] = []
        self.answers: list[ChallengeRecord] = []
        self.forgotten: list[Forgotten] = []
        self.added: list[tuple[ChallengeRecord, Draw]] = []

    def write_login(self, card: CardRecord) -> None:
        """Collect a card."""
        self.cards.append(card)

    def write_columns(self, card: CardRecord, *columns: str) -> None:
        """Collect some columns of a card."""
        self.columns.append((card, columns))

    def write_answer(self, challenge: ChallengeRecord) -> None:
        """Collect a challenge."""
        self.answers.append(challenge)

    def forget(self, forgotten: Forgotten) -> None:
        """Collect challenges that must be removed."""
        self.forgotten.append(forgotten)

    def add(self, draw: Draw) -> ChallengeRecord:
        """Collect a new challenge. If a stored challenge of the card has the same question, `card_sets` draws again later."""
        challenge = draw()
        self.added.append((challenge, draw))
        return challenge

    def take(self, other: "CollectedWrites") -> None:
        """Add the rows of another collection."""
        self.cards += other.cards
        self.columns += other.columns
        self.answers += other.answers
        self.forgotten += other.forgotten
        self.added += other.added
