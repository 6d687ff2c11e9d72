"""The last steps of many login calls, done together in one transaction, with one statement for each common kind of change.

This is used for databases whose transactions lock single rows. First, the rows of all cards are locked and read at once,
without waiting: if another transaction has locked a card, the step for this card is done later and alone. Then each step is
decided: it raises an error, or it collects its changes. So a step that raises an error has changed nothing, and needs no
savepoint. Finally, the changes of all steps are written.

If several steps are about the same card, each step is decided after the changes of the step before it were written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import ARRAY, Connection, String, any_, bindparam, select

from dsc_host.errors import StoreError, out_of_memory
from dsc_host.records.audit_writer import PendingEntries
from dsc_host.records.group_commit import Outcome, Outcomes, SetWork
from dsc_host.records.row_sets import RowSet, insert_into, update_of
from dsc_host.records.statements import PendingResult, Statement
from dsc_host.records.transaction import Repeated, Step
from dsc_host.schema.card_tables import cards, challenges
from dsc_host.verifier import closed_challenges, decoys, judgment, rows
from dsc_host.verifier.card_rules import is_serial
from dsc_host.verifier.challenges import Issue, issue_to
from dsc_host.verifier.judgment import Judgment
from dsc_host.verifier.model import Challenge
from dsc_host.verifier.row_writes import DRAWS, CollectedWrites, Draw
from dsc_host.verifier.rows import ANSWER_COLUMNS, LOGIN_COLUMNS, CardRecord, ChallengeRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

T = TypeVar("T")


def _any_of(name: str) -> Any:
    return any_(bindparam(name, type_=ARRAY(String)))


_CARDS = select(cards).where(cards.c.serial == _any_of("serials"))
_ASKED_CARDS = select(cards).where(
    cards.c.serial.in_(
        select(challenges.c.serial).where(challenges.c.id == _any_of("ids"), challenges.c.judged < bindparam("most"))
    )
)
_LOCK_CARDS, _LOCK_ASKED_CARDS = (
    Statement(found.with_for_update(of=cards, skip_locked=True)) for found in (_CARDS, _ASKED_CARDS)
)
# The next two statements begin after the rows were locked, so they see what the previous holders of the locks have committed.
_ISSUED_BEFORE = Statement(
    select(cards.c.serial, challenges.c.issued_at)
    .select_from(cards)
    .outerjoin(
        challenges,
        (challenges.c.serial == cards.c.serial) & (challenges.c.number == cards.c.asked + 1 - bindparam("ago")),
    )
    .where(cards.c.serial == _any_of("serials"))
)
_CHALLENGES = Statement(select(challenges).where(challenges.c.id == _any_of("ids")))
_USED = update_of(cards, *LOGIN_COLUMNS)
_ANSWERED = update_of(challenges, *ANSWER_COLUMNS)
_ADD = insert_into(challenges, "ON CONFLICT DO NOTHING RETURNING id")
_FORGET = RowSet(
    "DELETE FROM challenges WHERE id IN (SELECT o.id FROM {rows}, LATERAL (SELECT c.id FROM challenges c"
    " WHERE c.serial = v.serial AND c.number <= v.number AND c.expires_at <= v.expires_at ORDER BY c.number LIMIT v.judged) o)",
    [challenges.c.serial, challenges.c.number, challenges.c.expires_at, challenges.c.judged],
)


@dataclass(frozen=True, slots=True)
class CardWork(SetWork[T], Generic[T]):
    """The last step of a login call, done in the name of the context's actor."""

    context: CardContext
    step: Issue | Judgment
    repeated: Repeated = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, db: Connection, entries: PendingEntries) -> Any:
        """Do the step alone."""
        return self.step(self.context.transaction(db, entries, self.repeated))

    @staticmethod
    def do_set(db: Connection, entries: PendingEntries, works: Sequence[SetWork[Any]]) -> Outcomes:
        """Do these steps together. Return a function that returns the outcomes, as `SetWork.do_set` describes it."""
        part = _Set(db, entries, [work for work in works if isinstance(work, CardWork)])
        part.do()
        return part.outcomes


def together(context: CardContext, step: Step[T, CardTransaction]) -> Step[T, CardTransaction]:
    """Return a step that draws a challenge, or judges without a draft, as a `CardWork`. Return any other step unchanged."""
    return CardWork(context, step) if isinstance(step, Issue | Judgment) else step


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows that were found for some steps."""

    cards: dict[str, CardRecord]
    """The cards and decoys that were locked, by serial."""
    issued: dict[str, float | None]
    """For each card or decoy that exists, by serial: the time of the challenge that decides about the rate limit, or None."""
    challenges: dict[str, ChallengeRecord]
    """The challenges that exist, by id."""


class _Set:
    """The steps that one transaction does together."""

    def __init__(self, db: Connection, entries: PendingEntries, works: Sequence[CardWork[Any]]) -> None:
        self._db = db
        self._entries = entries
        self._works = works
        # The statements use the limits of the first step's policy. A step with another policy is done alone.
        self._policy = works[0].context.policy
        self._outcomes: list[Outcome | None] = [None] * len(works)
        self._added: list[tuple[PendingResult, list[tuple[ChallengeRecord, Draw]]]] = []

    def do(self) -> None:
        """Do the steps. Send the statements that write their rows, but do not wait for the results."""
        left: Sequence[int] = [at for at, work in enumerate(self._works) if work.context.policy is self._policy]
        while left:
            left = self._do_first(left)

    def outcomes(self) -> list[Outcome | None]:
        """Return the outcome of each step, or None for a step that must be done alone."""
        for asked, added in self._added:
            there = {challenge_id for (challenge_id,) in asked.rows()}
            for challenge, draw in added:
                if challenge.id not in there:
                    self._draw_again(challenge, draw)
        return self._outcomes

    def _draw_again(self, challenge: ChallengeRecord, draw: Draw) -> None:
        """Add the challenge with another question, because the card has already had the question that was drawn first."""
        for _ in range(DRAWS):
            other = draw()
            if rows.add_challenge(self._db, other):
                break
        else:
            # Each step is then done again alone, and only the step for this card fails.
            raise StoreError("nearly all questions of a card have been used")
        for index, outcome in enumerate(self._outcomes):
            if outcome and isinstance(outcome.result, Challenge) and outcome.result.id == challenge.id:
                self._outcomes[index] = Outcome(replace(outcome.result, question=other.question))

    # ---- one step for each card ----

    def _do_first(self, left: Sequence[int]) -> list[int]:
        """Do the first step for each card. Return the remaining steps."""
        found = self._find([self._works[index] for index in left])
        writes, busy, later = CollectedWrites(), set[str](), list[int]()
        for index in left:
            own = CollectedWrites()
            outcome = self._decide(index, found, busy, own)
            if outcome is _LATER:
                later.append(index)
                continue
            self._outcomes[index] = outcome
            if outcome is None or outcome.error is None:
                busy |= {card.serial for card in own.cards} | {challenge.serial for challenge in own.answers}
                writes.take(own)
        self._write(writes)
        return later

    def _find(self, works: Sequence[CardWork[Any]]) -> _Found:
        issues = [work.step for work in works if isinstance(work.step, Issue) and is_serial(work.step.serial)]
        serials = list({name for step in issues for name in _names(step)})
        ids = list({each for work in works if isinstance(work.step, Judgment) for each in work.step.asked.ids()})
        locked, issued, known = list[PendingResult](), None, None
        # Send both locking statements before reading any challenge. The second statement may lock a card that another
        # transaction held during the first statement. A challenge that was read before that lock could be out of date.
        if serials:
            locked.append(_LOCK_CARDS.ask(self._db, {"serials": serials}))
        if ids:
            locked.append(_LOCK_ASKED_CARDS.ask(self._db, {"ids": ids, "most": closed_challenges.most_logged(self._policy)}))
            known = _CHALLENGES.ask(self._db, {"ids": ids})
        if serials:
            issued = _ISSUED_BEFORE.ask(self._db, {"serials": serials, "ago": self._policy.challenges})
        found = [CardRecord(*row) for each in locked for row in each.rows()]
        return _Found(
            {card.serial: card for card in found},
            dict(issued.rows()) if issued else {},
            {row[0]: ChallengeRecord(*row) for row in known.rows()} if known else {},
        )

    def _decide(self, index: int, found: _Found, busy: set[str], writes: CollectedWrites) -> Outcome | None:
        """Decide the step at `index`, and collect its changes in `writes`.

        Return the outcome, `_LATER` if another step for the same card comes first, or None if the step must be done alone.
        `busy` has the serials of the cards that the steps before this step have changed.
        """
        work, mark = self._works[index], len(self._entries)
        tx = CardTransaction(work.context, self._db, self._entries, work.repeated, writes)
        try:
            with out_of_memory():
                if isinstance(work.step, Issue):
                    return _issue(tx, work.step, found, busy)
                return _judge(tx, work.step, found, busy)
        except Exception as error:
            self._entries.cut(mark)
            return Outcome(error=error)

    def _write(self, writes: CollectedWrites) -> None:
        db = self._db
        _FORGET.send(db, writes.forgotten)
        if writes.added:
            added = [challenge for challenge, _ in writes.added]
            self._added.append((_ADD.ask(db, added), writes.added))
        _ANSWERED.send(db, [(row.id, *(getattr(row, name) for name in ANSWER_COLUMNS)) for row in writes.answers])
        _USED.send(db, [(row.serial, *(getattr(row, name) for name in LOGIN_COLUMNS)) for row in writes.cards])
        for card, columns in writes.columns:
            rows.change_card(db, card, *columns)


_LATER = Outcome()
"""Marks a step that must wait for another step on the same card."""


def _issue(tx: CardTransaction, step: Issue, found: _Found, busy: set[str]) -> Outcome | None:
    serial = step.serial
    if not is_serial(serial):
        return Outcome(issue_to(tx, serial, None, None))
    decoy = None
    if step.conceal:
        name = decoys.name_of(serial)
        decoy = found.cards.get(name)
        if name in busy or serial in busy:
            return _LATER
        # A step whose decoy must be written first is done alone. This is rare, and does not depend on whether the card exists.
        if decoy is None or not decoys.is_fresh(tx, decoy, tx.now()):
            return None
    if serial in busy:
        return _LATER
    card = found.cards.get(serial)
    if card is None and serial in found.issued:
        return None
    card = card or decoy
    return Outcome(issue_to(tx, serial, card, found.issued.get(card.serial) if card else None))


def _judge(tx: CardTransaction, step: Judgment, found: _Found, busy: set[str]) -> Outcome | None:
    asked = step.asked
    known = [found.challenges[each] for each in asked.ids() if each in found.challenges]
    if len(known) != len(asked.answers) or len({challenge.serial for challenge in known}) != 1:
        return Outcome(judgment.judge_found(tx, asked, None, []))
    serial = known[0].serial
    if serial in busy:
        return _LATER
    card = found.cards.get(serial)
    if card is None:
        refused = closed_challenges.refuse_unlocked(tx, asked.action, known)
        return None if refused is None else Outcome(refused)
    return Outcome(judgment.judge_found(tx, asked, card, known))


def _names(step: Issue) -> Iterator[str]:
    yield step.serial
    if step.conceal:
        yield decoys.name_of(step.serial)
