"""The verifier: draws challenges for cards, and says of each response whether it is the right one, once.

Ten promises:

1. Of any number of submissions of one right response, at whatever time and in however many processes, one is accepted.
2. A counter only moves forward: a response that was accepted, and any earlier one of that card, is not accepted again.
3. No question of a card is open twice, or asked again within its next 1,000, as the card understands questions; and never,
   as long as it is enrolled, if its suite has no counter.
4. What is not the right response to an open challenge is not accepted, whatever it is: never an error, never true.
5. A failure is charged only to the challenge that it was for and to that challenge's card, and only if it was open.
6. Keys and PINs are in the clear only while a response is being computed, and in what `disclose` gives. None is ever logged.
7. An unlock code is recorded before it is given, and no card is given more in 24 hours than the policy says, whoever asks.
8. A card is given no more challenges in a time than the policy says; whoever asks too soon is told when to come back.
9. Whatever is done or judged is in the log, in the same transaction, with who did it and the true reason. Responses that
   cannot be judged, because nobody can answer their challenge any more, are logged by themselves some times, then counted.
10. Only of a card that is enrolled or active is a response accepted; a retired card's secrets are gone.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from dsc_host.errors import DscError, InputError
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.records import audit, seals, vault
from dsc_host.records.audit import AuditLog, Event
from dsc_host.records.keys import Keyring, MasterKeySource, other_master_key
from dsc_host.records.store import Store
from dsc_host.records.tables import ACTOR_LETTERS
from dsc_host.schema import SCHEMA
from dsc_host.verifier import (
    anchors,
    card_lookup,
    card_rules,
    challenges,
    enrollment,
    lifecycle,
    master_key_change,
    responses,
    rows,
    unlock_codes,
    upgrade,
)
from dsc_host.verifier.card_seals import CardSeals
from dsc_host.verifier.challenges import draw_question
from dsc_host.verifier.model import Card, Challenge, Enrollment, Policy, State, Verdict
from dsc_host.verifier.responses import Asked
from dsc_host.verifier.transaction import CardContext, CardTransaction

_DEFAULT_POLICY = Policy()


def _untold(*_: object) -> None:
    """For whoever does not want to know."""


def _seals(store: Store, keys: Keyring) -> CardSeals:
    """Return the seals of this database, made for one that has nothing in it yet."""
    with store.read() as db:
        found = CardSeals.load(db, keys)
    return found or store.change(lambda db: _made_seals(store, keys, db))


def _made_seals(store: Store, keys: Keyring, db: Connection) -> CardSeals:
    store.claim(db)
    # Asked again: another process may have been first.
    found = CardSeals.load(db, keys)
    if found is None:
        if not audit.is_new(db) or rows.key_ids(db, 1) or vault.key_ids(db):
            raise seals.missing()
        found = CardSeals.new()
        found.store(db, keys.current)
    return found


class Verifier:
    """The records of the cards, and the only place where responses are judged.

    Threads may share one. A process made by a fork must open its own. Every call may raise `StoreError`, and then has
    changed nothing; only where the connection to a server was lost may it be recorded what is not told.
    """

    def __init__(self, context: CardContext) -> None:
        """For `open`, which makes and checks the parts."""
        self._context = context

    @classmethod
    def open(
        cls,
        database: str,
        *,
        master_key: MasterKeySource,
        policy: Policy = _DEFAULT_POLICY,
        clock: Callable[[], float] = time.time,
        draw: Callable[[int], str] = draw_question,
        may_make: bool = True,
    ) -> Self:
        """Open the database at a URL such as `sqlite:///dsc.db`, making it if there is none; `sqlite://` is in memory.

        `postgresql://user:password@host/database` is one on a server, which must exist; an empty one is made ours. One
        of an older version is brought up to date, an SQLite file not before it was copied. Without `may_make`, a
        database without records is refused.
        `master_key` is a `MasterKey`, its 32 bytes, a `Keyring` of several, or what gives one of these when it is called.
        `clock` gives Unix seconds. `draw` gives a question of so many digits, and is for tests: a question that can be
        foreseen can be answered beforehand.
        Raises `InputError` for a wrong URL or master key, `StoreError` for a database that cannot be used.
        """
        keys = Keyring.of(master_key)
        store = Store.open(database, SCHEMA, may_make=may_make, migrated=partial(upgrade.migrated, keys, clock))
        try:
            verifier = cls(
                CardContext(store=store, keys=keys, seals=_seals(store, keys), policy=policy, clock=clock, draw=draw)
            )
            with verifier.context.reading() as tx:
                verifier._check_master_key(tx)
                begins = audit.is_new(tx.db)
            if begins:
                verifier.context.change(verifier._begin_log)
        except BaseException:
            store.close()
            raise
        return verifier

    def close(self) -> None:
        """Let go of the database. May be called again; any other call then raises `StoreError`."""
        self._context.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def by(self, actor: str) -> Self:
        """This verifier, for what is done in the name of `actor`, 1 to 64 characters: the log says so. `InputError`."""
        if not isinstance(actor, str) or not 0 < len(actor) <= ACTOR_LETTERS or not actor.isprintable():
            raise InputError("actor", f"must be a name of 1 to {ACTOR_LETTERS} characters")
        other = copy(self)
        other._context = replace(self._context, actor=actor)
        return other

    @property
    def context(self) -> CardContext:
        """What this verifier works with: for what is built on the same records, the login system above all."""
        return self._context

    @property
    def policy(self) -> Policy:
        """As it was given to `open`."""
        return self._context.policy

    @property
    def audit(self) -> AuditLog:
        """The log, to read and to check."""
        store, keys, own = self._context.store, self._context.keys, self._context.seals
        return AuditLog(
            store,
            keys,
            own,
            check_serial=card_rules.check_serial,
            anchors=[lambda db, _end: anchors.problems(db, own), lambda db, end: vault.problems(db, keys, own, end)],
        )

    # ---- cards come and go ----

    def enroll(
        self,
        serial: str,
        *,
        key: bytes,
        suite: str = DEFAULT_SUITE,
        pin: str | None = None,
        counter: int = 0,
        unlock_key: bytes | None = None,
        duress_pin: str | None = None,
        owners: tuple[str, ...] = (),
    ) -> Card:
        """Take a card into the records.

        `serial` is 1 to 16 of A-Z, 0-9 and `-`; `key` 16 to 64 bytes; `pin` 4 digits if the suite has P, else None;
        `counter` the one that the card will use next, 0 to 2**64 - 2. The suite's question must be QN and its response
        4 to 10 digits; C and P may be in it, S and T not. `unlock_key`, 32 bytes, is for a card that checks its PIN
        itself (a suite without P): `unlock_code` needs it. `duress_pin` is another PIN, for `Verdict.duress`; `owners`
        any names of 1 to 64 characters. The serial of a retired card may be used again.
        Raises `InputError` (`SuiteError` for a malformed suite) naming what is wrong, `AlreadyEnrolled`.
        """
        wanted = Enrollment(serial, key, suite, pin, counter, unlock_key, duress_pin, owners)
        self._context.change(lambda tx: self._enroll(tx, wanted))
        return self.card(serial)

    def enroll_all(
        self,
        enrollments: Iterable[Enrollment],
        *,
        atomic: bool = False,
        refused: Callable[[int, str, DscError], None] = _untold,
        enrolled: Callable[[int], None] = _untold,
    ) -> int:
        """Take in any number of cards, some hundred in one transaction, and return how many came in.

        Of each that cannot be, `refused` is told its position, from 0, its serial, and why; the others go in. If `atomic`,
        one that cannot be keeps all out: the return value is then 0. `enrolled` is told again and again how many there are.
        """
        return enrollment.enroll_all(self._context, self._claim, enrollments, atomic, refused, enrolled)

    def disclose(self, serials: Iterable[str] | None = None) -> Iterator[Enrollment]:
        """All that is known of these cards, or of all but the retired ones, keys and PINs in the clear: for another system.

        Logged before the first is given. Raises `UnknownCard` where it comes to a serial that is none.
        """
        self._context.change(lambda tx: self._log_disclosing(tx, "all" if serials is None else "chosen"))
        return enrollment.disclose(self._context, serials)

    def remove(self, serial: str) -> None:
        """Take back an enrollment, its challenges and the memory of its questions; `UnknownCard` if there is none."""
        self._context.change(lambda tx: lifecycle.remove(tx, serial))

    def card(self, serial: str) -> Card:
        """The card as it stands now; `UnknownCard` if there is none."""
        with self._context.reading() as tx:
            return card_lookup.shown(tx, [card_lookup.known_card(tx, serial)], self._context.now())[0]

    def cards(
        self, *, owner: str | None = None, state: State | None = None, after: str = "", limit: int | None = None
    ) -> list[Card]:
        """All cards as they stand now, in the order of their serials: of one owner, in one state, so many after a serial.

        Raises `InputError` for what could be no owner, state, serial or number.
        """
        card_lookup.check_listing(owner, state, after, limit)
        with self._context.reading() as tx:
            found = rows.find_cards(tx.db, owner=owner, state=state, after=after, limit=limit)
            return card_lookup.shown(tx, found, self._context.now())

    # ---- a card's life ----

    # Of each of these: `reason` is one line of at most 200 characters, for the log and for `Card.state_reason`.
    # Raises `InputError`, `UnknownCard`, and `StateError` where it cannot be.

    def suspend(self, serial: str, reason: str = "") -> Card:
        """Accept nothing of a card, until it is resumed."""
        return self._moved(serial, State.SUSPENDED, reason)

    def lost(self, serial: str, reason: str = "") -> Card:
        """The same of a card that its owner misses."""
        return self._moved(serial, State.LOST, reason)

    def resume(self, serial: str, reason: str = "") -> Card:
        """Take a suspended card, or one that was found again, back into use."""
        return self._moved(serial, State.ACTIVE, reason)

    def retire(self, serial: str, reason: str = "") -> Card:
        """End a card's life for ever, and erase its secrets."""
        return self._moved(serial, State.RETIRED, reason)

    def lock(self, serial: str, reason: str = "", seconds: float | None = None) -> Card:
        """Lock a card as wrong responses do, for as long as the policy says, or for so many seconds."""
        return self._context.change(lambda tx: lifecycle.lock(tx, serial, reason, seconds))

    def unlock(self, serial: str, reason: str = "") -> Card:
        """End a lock or a pause here (not the card's own: that is `unlock_code`), and forget the failures before it."""
        return self._context.change(lambda tx: lifecycle.unlock(tx, serial, reason))

    def add_owner(self, serial: str, owner: str) -> Card:
        """One owner more; none, if they are one already."""
        return self._context.change(lambda tx: lifecycle.add_owner(tx, serial, owner))

    def remove_owner(self, serial: str, owner: str) -> Card:
        """One owner less."""
        return self._context.change(lambda tx: lifecycle.remove_owner(tx, serial, owner))

    def set_duress_pin(self, serial: str, duress_pin: str | None) -> Card:
        """Set a second PIN, or none: a response made with it is accepted, and its `Verdict.duress` is true.

        One that is equal to the card's PIN is taken like any other, because to refuse it would tell the PIN. As long as the
        two are equal, the PIN wins: no response is told to be forced.
        """
        return self._context.change(lambda tx: lifecycle.set_duress_pin(tx, serial, duress_pin))

    def unlock_code(self, serial: str, challenge: str) -> str:
        """The 8 digits that unlock a card which has locked itself and shows `challenge`, 6 digits.

        They are for the card's owner alone: whoever asks must first have shown that they are. Each code is recorded,
        and counts against the policy's limit whether it is used or not.
        Raises `InputError`, `UnknownCard`, `StateError`, `NoUnlockKey`, and `TooManyUnlockCodes`, which says when to come back.
        """
        unlock_codes.check_challenge(challenge)
        return self._context.change(lambda tx: lifecycle.unlock_code(tx, serial, challenge))

    # ---- challenges and responses ----

    def challenge(self, serial: str, *, conceal: bool = False) -> Challenge:
        """A new question for a card, beside those that are open.

        A card that is locked, suspended, lost or retired gets one too, so that asking does not tell. With `conceal`, so
        does a serial that is no card's: nothing tells its challenge from another, but no response to it is accepted.
        Raises `UnknownCard`, `TooManyChallenges`, whose `retry_after` is how many seconds to wait, and `VerifierError`
        when hardly a question is left that this card may be asked.
        """
        return self._context.change(lambda tx: challenges.issue(tx, serial, conceal))

    def verify(self, challenge_id: str, response: str) -> Verdict:
        """Judge `response` and record what follows from it, in one step.

        Against an open challenge, anything but the right response is a failure, even what could be no response at all:
        it counts against the challenge and its card. If its card is not in use, locked or paused, it counts against the
        challenge alone. If the challenge is unknown, used, exhausted or expired, it counts for nothing and nothing is
        computed. Values of any type may be given; none raises.
        """
        return responses.judge_alone(self._context, Asked("verify", [(challenge_id, response)]))

    def resync(self, first_id: str, first_response: str, second_id: str, second_response: str) -> Verdict:
        """Catch up with a card that is further ahead than the window, by its responses to two challenges in a row.

        Both challenges must be open and of one card, which answered them one right after the other. Both responses must
        be right, with two counters in a row, the first at most the policy's `resync_window` ahead. Then both challenges
        are used up and the counter is after the second; before that, nothing moves. A wrong pair is one failure of the
        card's and one of each challenge's. Otherwise as `verify`. One response alone, guessed or seen, gains nothing here.
        """
        answers = [(first_id, first_response), (second_id, second_response)]
        return responses.judge_alone(self._context, Asked("resync", answers))

    def change_pin(self, challenge_id: str, response: str, new_pin: str) -> Verdict:
        """As `verify`, of a response that was made with a new PIN, 4 digits; if it is accepted, that is the card's PIN.

        Whoever has the card can do this, without the old PIN: first have them shown who they are. The duress PIN may become
        the PIN, because to refuse it would tell it; from then on the PIN wins, as in `set_duress_pin`.
        Raises `InputError` for what is no PIN, and of a card that checks its PIN itself.
        """
        card_rules.check_new_pin(new_pin)
        return responses.judge_alone(self._context, Asked("card.change-pin", [(challenge_id, response)], new_pin))

    # ---- keys ----

    def rekey(self, *, done: Callable[[int, int], None] = _untold) -> int:
        """Seal every secret anew under the keyring's first key, while others work, and return of how many cards.

        Every process that works must know both keys until it is done. It may be stopped at any time and begun again.
        `done` is told again and again how many there are, of how many.
        """
        return master_key_change.rekey(self._context, done)

    def keys_in_use(self) -> dict[str, int]:
        """By the id of each master key that something is sealed under, how many cards are. Others may be forgotten."""
        return master_key_change.in_use(self._context)

    # ---- within one transaction ----

    def _claim(self, tx: CardTransaction) -> None:
        # Two who enroll the first cards at once, under two master keys, would not see each other's.
        self._context.store.claim(tx.db)
        self._check_master_key(tx)

    def _enroll(self, tx: CardTransaction, wanted: Enrollment) -> None:
        self._claim(tx)
        enrollment.enroll(tx, wanted)

    def _moved(self, serial: str, to: State, reason: str) -> Card:
        return self._context.change(lambda tx: lifecycle.move(tx, serial, to, reason))

    def _log_disclosing(self, tx: CardTransaction, which: str) -> None:
        tx.log(self._context.now(), Event("cards.disclose", None, "done", which))

    def _begin_log(self, tx: CardTransaction) -> None:
        self._context.store.claim(tx.db)
        # Asked again: another process may have been first. Where there are cards, somebody has emptied the log.
        if audit.is_new(tx.db) and not rows.count_cards(tx.db):
            detail = {"database": self._context.seals.database}
            tx.log(self._context.now(), Event(audit.BEGIN, None, "done", detail=detail))

    def _check_master_key(self, tx: CardTransaction) -> None:
        known = self._context.keys.ids
        if not rows.key_ids(tx.db, len(known) + 1) | vault.key_ids(tx.db) <= known:
            raise other_master_key()
