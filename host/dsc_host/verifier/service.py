"""The verifier: draws challenges for cards and judges each response once.

Ten promises:

1. A right response is accepted only once, even if it is submitted many times, at the same time, or to several processes.
2. A counter never moves back. After a response was accepted, no response with the same or a lower counter is accepted.
3. No question is open twice for a card, or asked again among the card's next 1,000 questions. Questions with the same encoding
   (RFC 6287, 5.1) count as one. A card whose suite has no counter is never asked a question twice while it is enrolled.
4. Only the right response to an open challenge is accepted. Any other value gets a verdict that is false, and not an error.
5. If a challenge is open, a failure counts against this challenge and its card. It counts against no other challenge or card.
6. Keys and PINs are in the clear only while they are sealed or used, and in the result of `disclose`. They are never logged.
7. An unlock code is recorded before it is returned. No card gets more codes in 24 hours than the policy allows.
8. A card gets no more challenges in a period than the policy allows, unless the clock was set back. The error tells the caller
   when to try again.
9. Every change of a card and every judgment is logged in the same transaction, with the actor and the true reason. The first
   few responses to a closed challenge are logged one by one. Later responses are only counted.
10. A response is accepted only if the state of its card is enrolled or active. The secrets of a retired card are erased.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import replace
from types import TracebackType
from typing import Self

from dsc_host.errors import DscError, InputError
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.records import vault
from dsc_host.records.audit_log import AuditLog
from dsc_host.records.audit_writer import Event
from dsc_host.records.keys import Keyring, MasterKeySource
from dsc_host.records.tables import ACTOR_LETTERS
from dsc_host.records.transaction import Step
from dsc_host.schema.card_tables import CARD_ACTIONS
from dsc_host.verifier import (
    anchors,
    card_lookup,
    card_rules,
    card_sets,
    challenges,
    enrollment,
    judgment,
    lifecycle,
    master_key_change,
    unlock_codes,
)
from dsc_host.verifier.card_store import claim, open_records
from dsc_host.verifier.challenges import draw_question
from dsc_host.verifier.judgment import JudgmentRequest
from dsc_host.verifier.model import Card, Challenge, Enrollment, Policy, State, Verdict
from dsc_host.verifier.transaction import CardContext, CardTransaction

_DEFAULT_POLICY = Policy()


def _ignore(*_: object) -> None:
    """Ignore all arguments."""


class Verifier:
    """The records of the cards, and the judge of their responses.

    Threads may share a verifier. A forked process must open another one. Every call may raise `StoreError`. The call has then
    changed nothing, with two exceptions. The batches that `enroll_all` and `rekey` have finished are kept. If the connection to
    a database server was lost, the change may have been recorded.

    Examples:
        >>> from dsc_host import MasterKey, Suite, Verifier
        >>> key = bytes(range(32))
        >>> with Verifier.open("sqlite://", master_key=MasterKey.generate()) as verifier:
        ...     card = verifier.enroll("IB3000123", key=key, pin="1234")
        ...     challenge = verifier.challenge("IB3000123")
        ...     response = Suite.parse(card.suite).response(key, challenge.question, counter=0, pin="1234")
        ...     verifier.verify(challenge.id, response).accepted, verifier.verify(challenge.id, response).accepted
        (True, False)
    """

    def __init__(self, context: CardContext) -> None:
        """Use `context`, which `open` has made and checked."""
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
        """Return a verifier on the URL `database`, such as `sqlite:///dsc.db`. Create the database if it does not exist.

        `sqlite://` is a database in memory. `postgresql://user:password@host/database` is a database on a server. The server
        must have the database, which may be empty: then the tables are created. If `may_make` is false, a database without
        records is refused. A database of an older version is brought up to date. Before that, an SQLite file is copied.
        `policy` has the limits and durations.
        `master_key` is a `MasterKey`, its 32 bytes, a `Keyring` of several, or a function that returns one of these.
        `clock` returns Unix seconds. `draw` returns a question with a given number of decimal digits. Replace `draw` only in
        tests: an attacker who can predict a question can get its response in advance.
        Raises `InputError` for a wrong URL or master key, and `StoreError` for a database that cannot be used.
        """
        keys = Keyring.of(master_key)
        return cls(open_records(database, keys, policy=policy, clock=clock, draw=draw, may_make=may_make))

    def close(self) -> None:
        """Close the database. Any later call raises `StoreError`, except another `close`."""
        self._context.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def by(self, actor: str) -> Self:
        """Return a copy of this verifier whose log entries name `actor`, 1 to 64 characters. Raises `InputError`."""
        if not isinstance(actor, str) or not 0 < len(actor) <= ACTOR_LETTERS or not actor.isprintable():
            raise InputError("actor", f"must be a name of 1 to {ACTOR_LETTERS} characters")
        other = copy(self)
        other._context = replace(self._context, actor=actor)
        return other

    @property
    def context(self) -> CardContext:
        """Return the records and rules that this verifier works with. The login system builds on them."""
        return self._context

    @property
    def policy(self) -> Policy:
        """Return the policy that was given to `open`."""
        return self._context.policy

    @property
    def audit(self) -> AuditLog:
        """Return the log, for reading and checking."""
        keys, own = self._context.keys, self._context.seals
        return AuditLog(
            self._context,
            check_serial=card_rules.check_serial,
            anchors=[lambda db, _end: anchors.problems(db, keys, own), lambda db, end: vault.problems(db, keys, own, end)],
            card_actions=CARD_ACTIONS,
        )

    # ---- adding and removing cards ----

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
        """Add a card to the records, and return it.

        `serial` is 1 to 32 characters of A-Z, a-z, 0-9, `-`, `_`, `/` and `.`, but not `.` or `..`. `key` is 16 to 64 bytes.
        `pin` is 4 digits if the suite has P, else None. `counter` is the next counter of the card, 0 to 2**64 - 2. The `suite`
        must have a response of 4 to 10 digits and no session data (S). If the suite has the time (T), the card needs a clock.
        `unlock_key`, 32 bytes, is for a card that checks its PIN itself (a suite without P). Without it, `unlock_code` raises
        `NoUnlockKey`. `duress_pin` is a second PIN, for `Verdict.duress`. `owners` are names of 1 to 64 characters. The serial
        of a retired card may be used again. Raises `AlreadyEnrolled`, and `InputError`, which names the invalid value
        (`SuiteError` for a malformed suite).
        """
        wanted = Enrollment(serial, key, suite, pin, counter, unlock_key, duress_pin, owners)
        return self._context.change(lambda tx: _enroll(tx, wanted))

    def enroll_all(
        self,
        enrollments: Iterable[Enrollment],
        *,
        atomic: bool = False,
        refused: Callable[[int, str, DscError], None] = _ignore,
        enrolled: Callable[[int], None] = _ignore,
    ) -> int:
        """Add any number of cards, in batches of up to 500, each in a transaction. Return the number of added cards.

        For each card of `enrollments` that cannot be added, `refused` is called with the card's position (from 0), its serial
        and the error. The other cards are added. If `atomic` is true, all cards are in one transaction. If one of them cannot
        be added, no card is added, and 0 is returned. `enrolled` is called after each batch with the number added so far.
        """
        return enrollment.enroll_all(self._context, enrollments, atomic, refused, enrolled)

    def disclose(self, serials: Iterable[str] | None = None) -> Iterator[Enrollment]:
        """Return an iterator over the enrollments of `serials`, or of all cards, to move them to another system.

        Keys and PINs are in the clear. Retired cards are left out. The call is logged before the iterator is returned. The
        iteration raises `UnknownCard` when it reaches a serial without a card.
        """
        event = Event("cards.disclose", None, "done", "all" if serials is None else "chosen")
        self._context.change(lambda tx: tx.log(tx.now(), event))
        return enrollment.disclose(self._context, serials)

    def remove(self, serial: str) -> None:
        """Remove the card `serial` with all its records. Only its log entries stay. Raises `UnknownCard`."""
        self._context.change(lambda tx: lifecycle.remove(tx, serial))

    def card(self, serial: str) -> Card:
        """Return the card `serial` as it is now. Raises `UnknownCard` if it is not enrolled."""
        with self._context.reading() as tx:
            return card_lookup.shown(tx, [card_lookup.known_card(tx, serial)], self._context.now())[0]

    def cards(
        self, *, owner: str | None = None, state: State | None = None, after: str = "", limit: int | None = None
    ) -> Iterator[Card]:
        """Return an iterator over cards, in the order of their serials: all, or those of one `owner` or in one `state`.

        Yield at most `limit` cards, and only cards after the serial `after`. Up to 500 cards are read at a time, when the
        iteration needs them. Each card is as it was when it was read. Raises `InputError` for an invalid argument at the call,
        before the iteration.
        """
        card_lookup.check_listing(owner, state, after, limit)
        return card_lookup.listed(self._context, owner, state, after, limit)

    # ---- the lifecycle of a card ----

    def suspend(self, serial: str, reason: str = "") -> Card:
        """Suspend the card `serial`: accept none of its responses until it is resumed. Return the changed card.

        `reason` is one line of at most 200 characters, for the log and for `Card.state_reason`.
        Raises `InputError`, `UnknownCard`, and `StateError` if the card's state does not allow the call.
        """
        return self._move(serial, State.SUSPENDED, reason)

    def lost(self, serial: str, reason: str = "") -> Card:
        """Mark the card `serial` as lost: accept none of its responses until it is resumed. Return the changed card.

        See `suspend` for `reason` and the errors.
        """
        return self._move(serial, State.LOST, reason)

    def resume(self, serial: str, reason: str = "") -> Card:
        """Bring the suspended or lost card `serial` back into use. Return the changed card.

        See `suspend` for `reason` and the errors.
        """
        return self._move(serial, State.ACTIVE, reason)

    def retire(self, serial: str, reason: str = "") -> Card:
        """Retire the card `serial` for good, and erase its secrets. Return the changed card.

        See `suspend` for `reason` and the errors.
        """
        return self._move(serial, State.RETIRED, reason)

    def lock(self, serial: str, reason: str = "", seconds: float | None = None) -> Card:
        """Lock the card `serial`, as after too many wrong responses. Return the changed card.

        The lock lasts for `seconds` or, if that is None, for the policy's `lock_for`. See `suspend` for `reason` and the
        errors.
        """
        return self._context.change(lambda tx: lifecycle.lock(tx, serial, reason, seconds))

    def unlock(self, serial: str, reason: str = "") -> Card:
        """End the verifier's lock or pause of the card `serial`, and set its counts of failures to 0. Return the changed card.

        If the card itself has locked its keypad, use `unlock_code`. See `suspend` for `reason` and the errors.
        """
        return self._context.change(lambda tx: lifecycle.unlock(tx, serial, reason))

    def add_owner(self, serial: str, owner: str) -> Card:
        """Add `owner`, a name of 1 to 64 characters, to the card `serial`, and return the card.

        A card that has this owner already stays as it is. Raises `InputError`, `UnknownCard`, and `StateError` if retired.
        """
        return self._context.change(lambda tx: lifecycle.add_owner(tx, serial, owner))

    def remove_owner(self, serial: str, owner: str) -> Card:
        """Remove `owner` from the card `serial`, and return the card.

        Raises `InputError`, `UnknownCard`, and `StateError` if the card has no such owner.
        """
        return self._context.change(lambda tx: lifecycle.remove_owner(tx, serial, owner))

    def set_pin(self, serial: str, pin: str) -> Card:
        """Set the PIN of the card `serial`, which must await its PIN, to the 4 digits of `pin`, and return the card.

        Raises `InputError`, `UnknownCard`, and `StateError` if the card awaits no PIN.
        """
        return self._context.change(lambda tx: lifecycle.set_pin(tx, serial, pin))

    def set_duress_pin(self, serial: str, duress_pin: str | None) -> Card:
        """Set a second PIN for the card `serial`, and return the card.

        `duress_pin` is 4 digits, or None to remove the second PIN. A response that is made with it is accepted, and the
        `duress` of its verdict is true. `duress_pin` may equal the card's PIN, because a refusal would reveal the card's PIN:
        while the two are equal, no verdict has a true `duress`. Raises the errors of `add_owner`.
        """
        return self._context.change(lambda tx: lifecycle.set_duress_pin(tx, serial, duress_pin))

    def unlock_code(self, serial: str, challenge: str) -> str:
        """Return the 8 digits that unlock the card `serial`, which has locked its keypad and shows the 6 digits of `challenge`.

        Give the code to nobody but the card's owner, and check their identity first. Each code is recorded, and counts against
        the policy's limit whether it is used or not.
        Raises `InputError`, `UnknownCard`, `StateError`, `NoUnlockKey`, and `TooManyUnlockCodes`, which says when to try again.
        """
        unlock_codes.check_challenge(challenge)
        return self._context.change(lambda tx: lifecycle.unlock_code(tx, serial, challenge))

    # ---- challenges and responses ----

    def challenge(self, serial: str, *, conceal: bool = False) -> Challenge:
        """Return a new challenge for the card `serial`. Its other challenges stay open.

        A locked, suspended, lost or retired card gets a challenge too, so that the caller does not learn the card's state. With
        `conceal`, a serial without a card gets a challenge as well. That challenge looks like any other, but no response to it
        is accepted. Raises `UnknownCard`, `TooManyChallenges`, whose `retry_after` is the number of seconds to wait, and
        `VerifierError` if nearly all questions of this card have been used.
        """
        return self._context.finish(self._challenge(serial, conceal=conceal))

    def verify(self, challenge_id: str, response: str, *, once: bool = False) -> Verdict:
        """Judge `response` to the challenge `challenge_id`, record the consequences, and return the verdict.

        Every value except the right response to an open challenge is a failure, including values that cannot be a response. A
        failure counts against the challenge and its card. While no response of the card is accepted, for example because it is
        locked, paused or suspended, a failure counts against the challenge only. A response to a challenge that is closed or
        unknown is refused, and counts as no failure. The first two arguments may have any type and value: none of them raises
        an error. With `once`, the challenge takes no further response.
        """
        return self._context.finish(self._verify(challenge_id, response, once=once))

    def resync(self, first_id: str, first_response: str, second_id: str, second_response: str) -> Verdict:
        """Judge two successive responses of a card whose counter is further ahead than the window. Return the verdict.

        `first_response` answers the challenge `first_id`, and `second_response` answers `second_id`. Both challenges must be
        open and of one card. The card must have answered one right after the other, so that the responses have successive
        counters. The first counter may be up to the policy's `resync_window` ahead. If both responses are right, both
        challenges are closed, and the card's next counter is the one after the second response. A wrong pair counts as one
        failure of the card and one failure of each challenge, and does not change the counter. Everything else is as in
        `verify`. An attacker who has guessed or seen a single response cannot use it here.
        """
        return self._context.finish(self._resync(first_id, first_response, second_id, second_response))

    def change_pin(self, challenge_id: str, response: str, new_pin: str) -> Verdict:
        """Judge `response` to the challenge `challenge_id`, made with the 4 digits of `new_pin`, and return the verdict.

        If the response is accepted, `new_pin` becomes the card's PIN.

        Anybody who has the card can do this without the old PIN, so check the identity of the owner first. `new_pin` may equal
        the duress PIN, because a refusal would reveal the duress PIN; see `set_duress_pin`. Raises `InputError` for a value
        that is not a PIN, and for a card that checks its PIN itself.
        """
        return self._context.finish(self._change_pin(challenge_id, response, new_pin))

    # ---- keys ----

    def rekey(self, *, done: Callable[[int, int], None] = _ignore) -> int:
        """Seal every secret again under the keyring's first key, during normal operation. Return the number of cards sealed.

        Until the call returns, every process that uses the database must have both keys. An interrupted call can be repeated.
        `done` is called after each batch with two numbers: the cards sealed so far, and all cards to seal.
        """
        return master_key_change.rekey(self._context, done)

    def keys_in_use(self) -> dict[str, int]:
        """Return the number of cards that are sealed under each master key in use, by the key's id.

        Nothing in this database needs a key that is not in the result. Backups that were made earlier may still need it.
        """
        return master_key_change.in_use(self._context)

    # ---- the calls of a login, up to their last step ----

    # `AsyncVerifier` commits the last steps of many calls together, in one thread.

    def _challenge(self, serial: str, *, conceal: bool = False) -> Step[Challenge, CardTransaction]:
        return card_sets.together(self._context, challenges.Issue(serial, conceal))

    def _verify(self, challenge_id: str, response: str, *, once: bool = False) -> Step[Verdict, CardTransaction]:
        return self._begin(JudgmentRequest("verify", [(challenge_id, response)], once=once))

    def _resync(
        self, first_id: str, first_response: str, second_id: str, second_response: str
    ) -> Step[Verdict, CardTransaction]:
        answers = [(first_id, first_response), (second_id, second_response)]
        return self._begin(JudgmentRequest("resync", answers))

    def _change_pin(self, challenge_id: str, response: str, new_pin: str) -> Step[Verdict, CardTransaction]:
        card_rules.check_new_pin(new_pin)
        return self._begin(JudgmentRequest("card.change-pin", [(challenge_id, response)], new_pin))

    def _begin(self, asked: JudgmentRequest) -> Step[Verdict, CardTransaction]:
        return card_sets.together(self._context, judgment.begin(self._context, asked))

    def _move(self, serial: str, to: State, reason: str) -> Card:
        return self._context.change(lambda tx: lifecycle.move(tx, serial, to, reason))


def _enroll(tx: CardTransaction, wanted: Enrollment) -> Card:
    claim(tx)
    return card_lookup.shown(tx, [enrollment.enroll(tx, wanted)], tx.now())[0]
