"""The verifier: draws challenges for cards, and says of each response whether it is the right one, once.

Eight promises:

1. Of any number of submissions of one right response, at whatever time and in however many processes, one is accepted.
2. A counter only moves forward: a response that was accepted, and any earlier one of that card, is not accepted again.
3. No question of a card is open twice, or asked again within its next 1,000, as the card understands questions; and never,
   as long as it is enrolled, if its suite has no counter.
4. What is not the right response to an open challenge is not accepted, whatever it is: never an error, never true.
5. A failure is charged only to the challenge that it was for and to that challenge's card, and only if it was open.
6. Keys and PINs are in the clear only while a response is being computed. None is ever returned, shown or stored so.
7. An unlock code is recorded before it is given, and no card is given more in 24 hours than the policy says, whoever asks.
8. A card is given no more challenges in a time than the policy says; whoever asks too soon is told when to come back.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from dsc_host.errors import AlreadyEnrolled, InputError, NoUnlockKey, UnknownCard
from dsc_host.ocra import DEFAULT_SUITE, Responder, Suite
from dsc_host.verifier import enrollment, issuing, judging, records, unlocking
from dsc_host.verifier.issuing import draw_question
from dsc_host.verifier.keys import MasterKey, Secret
from dsc_host.verifier.model import Card, Challenge, Policy, Reason, Verdict
from dsc_host.verifier.records import CardRecord, ChallengeRecord
from dsc_host.verifier.store import Store

_DEFAULT_POLICY = Policy()


class Verifier:
    """The records of the cards, and the only place where responses are judged.

    Threads may share one. A process made by a fork must open its own. Every call may raise `StoreError`, and then has
    changed nothing; only where the connection to a server was lost may it be recorded what is not told.
    """

    def __init__(
        self,
        store: Store,
        master_key: MasterKey,
        policy: Policy,
        clock: Callable[[], float],
        draw: Callable[[int], str],
    ) -> None:
        """For `open`, which makes and checks the parts."""
        self._store = store
        self._master_key = master_key
        self._policy = policy
        self._clock = clock
        self._draw = draw

    @classmethod
    def open(
        cls,
        database: str,
        *,
        master_key: MasterKey | bytes,
        policy: Policy = _DEFAULT_POLICY,
        clock: Callable[[], float] = time.time,
        draw: Callable[[int], str] = draw_question,
        may_make: bool = True,
    ) -> Self:
        """Open the database at a URL such as `sqlite:///dsc.db`, making it if there is none; `sqlite://` is in memory.

        `postgresql://user:password@host/database` is one on a server, which must exist; an empty one is made ours. One
        of an older version is brought up to date, an SQLite file not before it was copied. Without `may_make`, a
        database without records is refused.
        `master_key` is a `MasterKey`, or its 32 bytes. `clock` gives Unix seconds. `draw` gives a question of so many
        digits, and is for tests: a question that can be foreseen can be answered beforehand.
        Raises `InputError` for a wrong URL or master key, `StoreError` for a database that cannot be used.
        """
        key = master_key if isinstance(master_key, MasterKey) else MasterKey(master_key)
        store = Store.open(database, may_make=may_make)
        verifier = cls(store, key, policy, clock, draw)
        try:
            with store.read() as db:
                verifier._check_master_key(db)
        except BaseException:
            store.close()
            raise
        return verifier

    def close(self) -> None:
        """Let go of the database. May be called again; any other call then raises `StoreError`."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # ---- cards ----

    def enroll(
        self,
        serial: str,
        *,
        key: bytes,
        suite: str = DEFAULT_SUITE,
        pin: str | None = None,
        counter: int = 0,
        unlock_key: bytes | None = None,
    ) -> Card:
        """Take a card into the records.

        `serial` is 1 to 16 of A-Z, 0-9 and `-`; `key` 16 to 64 bytes; `pin` 4 digits if the suite has P, else None;
        `counter` the one that the card will use next, 0 to 2**64 - 2. The suite's question must be QN and its response
        4 to 10 digits; C and P may be in it, S and T not. `unlock_key`, 32 bytes, is for a card that checks its PIN
        itself (a suite without P): `unlock_code` needs it.
        Raises `InputError` (`SuiteError` for a malformed suite) naming what is wrong, `AlreadyEnrolled`.
        """
        enrollment.check_serial(serial)
        parsed = enrollment.usable_suite(suite)
        enrollment.check_key(key)
        enrollment.check_pin(pin, parsed)
        enrollment.check_counter(counter, parsed)
        enrollment.check_unlock_key(unlock_key, key, parsed)
        record = CardRecord(
            serial=serial,
            suite=suite,
            counter=counter,
            failures=0,
            locked_until=None,
            enrolled_at=self._clock(),
            key_id=self._master_key.id,
            sealed_key=self._master_key.seal(key, serial, Secret.KEY),
            sealed_pin=self._sealed(None if pin is None else pin.encode("ascii"), serial, Secret.PIN),
            sealed_unlock_key=self._sealed(unlock_key, serial, Secret.UNLOCK_KEY),
            unlock_codes=0,
            unlock_times=(),
            asked=0,
        )
        self._store.change(lambda db: self._add(db, record))
        return _card(record)

    def card(self, serial: str) -> Card:
        """The card as it stands now; `UnknownCard` if there is none."""
        with self._store.read() as db:
            return _card(_lock_ended(_known_card(db, serial), self._clock()))

    def cards(self) -> list[Card]:
        """All cards as they stand now, in the order of their serials."""
        with self._store.read() as db:
            now = self._clock()
            return [_card(_lock_ended(record, now)) for record in records.all_cards(db)]

    def remove(self, serial: str) -> None:
        """Take back an enrolment, its challenges and the memory of its questions; `UnknownCard` if there is none."""
        self._store.change(lambda db: records.remove_card(db, _locked_card(db, serial).serial))

    def unlock_code(self, serial: str, challenge: str) -> str:
        """The 8 digits that unlock a card which has locked itself and shows `challenge`, 6 digits.

        They are for the card's owner alone: whoever asks must first have shown that they are. Each code is recorded,
        and counts against the policy's limit whether it is used or not.
        Raises `InputError`, `UnknownCard`, `NoUnlockKey`, and `TooManyUnlockCodes`, which says when to come back.
        """
        unlocking.check_challenge(challenge)
        return self._store.change(lambda db: self._unlock_code(db, serial, challenge))

    # ---- challenges and responses ----

    def challenge(self, serial: str) -> Challenge:
        """A new question for a card, beside those that are open.

        A locked card gets one too, so that asking does not tell who is locked.
        Raises `UnknownCard`, `TooManyChallenges`, whose `retry_after` is how many seconds to wait, and `VerifierError`
        when hardly a question is left that this card may be asked.
        """
        return self._store.change(
            lambda db: issuing.issue(db, _locked_card(db, serial), self._policy, self._clock(), self._draw)
        )

    def verify(self, challenge_id: str, response: str) -> Verdict:
        """Judge `response` and record what follows from it, in one step.

        Against an open challenge, anything but the right response is a failure, even what could be no response at all:
        it counts against the challenge and its card. If the challenge is unknown, used, exhausted or expired, or its
        card is locked, the response is not looked at and nothing changes. Values of any type may be given; none raises.
        """
        return self._judged([(challenge_id, response)])

    def resync(self, first_id: str, first_response: str, second_id: str, second_response: str) -> Verdict:
        """Catch up with a card that is further ahead than the window, by its responses to two challenges in a row.

        Both challenges must be open and of one card, which answered them one right after the other. Both responses must
        be right, with two counters in a row, the first at most the policy's `resync_window` ahead. Then both challenges
        are used up and the counter is after the second; before that, nothing moves. A wrong pair is one failure of the
        card's and one of each challenge's. Otherwise as `verify`. One response alone, guessed or seen, gains nothing here.
        """
        return self._judged([(first_id, first_response), (second_id, second_response)])

    # ---- within one transaction ----

    def _add(self, db: Connection, record: CardRecord) -> None:
        # Two who enrol the first cards at once, under two master keys, would not see each other's.
        self._store.claim(db)
        self._check_master_key(db)
        if not records.add_card(db, record):
            raise AlreadyEnrolled(f"card {record.serial}: is enrolled already")

    def _unlock_code(self, db: Connection, serial: str, challenge: str) -> str:
        card = _locked_card(db, serial)
        if card.sealed_unlock_key is None:
            raise NoUnlockKey(f"card {serial}: was enrolled without an unlock key; locked, it can only be wiped")
        times = unlocking.with_one_more(serial, card.unlock_times, self._clock(), self._policy.unlock_codes)
        code = unlocking.SUITE.response(self._opened(card, card.sealed_unlock_key, Secret.UNLOCK_KEY), challenge)
        records.change_card(db, serial, unlock_codes=card.unlock_codes + 1, unlock_times=times)
        return code

    def _judged(self, answers: Sequence[tuple[str, str]]) -> Verdict:
        """One answer to verify, two to catch up by: each the id of a challenge, and a response."""
        ids = {challenge_id for challenge_id, _ in answers if _is_id(challenge_id)}
        if len(ids) < len(answers):
            return Verdict(Reason.UNKNOWN)
        return self._store.change(lambda db: Verdict(self._judge_and_record(db, answers)))

    def _judge_and_record(self, db: Connection, answers: Sequence[tuple[str, str]]) -> Reason:
        found = records.lock_card_of(db, answers[0][0])
        if found is None:
            return Reason.UNKNOWN
        # Not before: the challenge may have expired while others had the card.
        now = self._clock()
        card = _lock_ended(found, now)
        challenges = [records.find_challenge(db, challenge_id) for challenge_id, _ in answers]
        known = [challenge for challenge in challenges if challenge is not None and challenge.serial == card.serial]
        if len(known) < len(answers):
            return Reason.UNKNOWN
        for challenge in known:
            refusal = self._refusal(challenge, card, now)
            if refusal:
                return refusal
        responses = [response for _, response in answers]
        reason, counter = self._judge(card, [challenge.question for challenge in known], responses)
        if reason is Reason.ACCEPTED:
            for challenge in known:
                records.change_challenge(db, challenge.id, used_at=now)
            records.change_card(db, card.serial, counter=counter, failures=0, locked_until=None)
        else:
            self._charge(db, known, card, now)
        return reason

    def _refusal(self, challenge: ChallengeRecord, card: CardRecord, now: float) -> Reason | None:
        """Why no response to this challenge is looked at now, if so."""
        if challenge.used_at is not None:
            return Reason.USED
        if challenge.failures >= self._policy.attempts:
            return Reason.EXHAUSTED
        if now >= challenge.expires_at:
            return Reason.EXPIRED
        if card.locked_until is not None:
            return Reason.LOCKED
        return None

    def _judge(self, card: CardRecord, questions: Sequence[str], responses: Sequence[str]) -> tuple[Reason, int]:
        """What the responses, one or two, are, and the card's counter after them."""
        suite = Suite.parse(card.suite)
        if not all(judging.is_response(response, suite.digits) for response in responses):
            return Reason.MALFORMED, card.counter
        responder = self._responder(card, suite)
        answers = list(zip(questions, responses, strict=True))
        if not suite.counter:
            rights = [judging.is_right(responder, *answer) for answer in answers]
            return (Reason.ACCEPTED if all(rights) else Reason.WRONG), card.counter
        if len(answers) == 1:
            counter = judging.counter_of(responder, *answers[0], card.counter, self._policy.window)
        else:
            counter = judging.counter_of_two(responder, answers[0], answers[1], card.counter, self._policy.resync_window)
        return (Reason.WRONG, card.counter) if counter is None else (Reason.ACCEPTED, counter + len(answers))

    def _responder(self, card: CardRecord, suite: Suite) -> Responder:
        key = self._opened(card, card.sealed_key, Secret.KEY)
        if card.sealed_pin is None:
            return suite.prepare(key)
        return suite.prepare(key, self._opened(card, card.sealed_pin, Secret.PIN).decode("ascii"))

    def _sealed(self, plain: bytes | None, serial: str, kind: Secret) -> bytes | None:
        return None if plain is None else self._master_key.seal(plain, serial, kind)

    def _opened(self, card: CardRecord, sealed: bytes, kind: Secret) -> bytes:
        if card.key_id != self._master_key.id:
            raise _other_master_key()
        return self._master_key.unseal(sealed, card.serial, kind)

    def _charge(self, db: Connection, challenges: Sequence[ChallengeRecord], card: CardRecord, now: float) -> None:
        failures = card.failures + 1
        locked_until = now + self._policy.lock_for if failures >= self._policy.lock_after else None
        for challenge in challenges:
            records.change_challenge(db, challenge.id, failures=challenge.failures + 1)
        records.change_card(db, card.serial, failures=failures, locked_until=locked_until)

    def _check_master_key(self, db: Connection) -> None:
        if records.has_other_key(db, self._master_key.id):
            raise _other_master_key()


def _known_card(db: Connection, serial: str) -> CardRecord:
    return _known(serial, lambda: records.find_card(db, serial))


def _locked_card(db: Connection, serial: str) -> CardRecord:
    """The card, which nobody else changes until the transaction ends."""
    return _known(serial, lambda: records.lock_card(db, serial))


def _known(serial: str, find: Callable[[], CardRecord | None]) -> CardRecord:
    if not enrollment.is_serial(serial):
        raise UnknownCard("card: none is enrolled under such a serial")
    record = find()
    if record is None:
        raise UnknownCard(f"card {serial}: is not enrolled")
    return record


def _is_id(challenge_id: object) -> bool:
    return isinstance(challenge_id, str) and re.fullmatch("[0-9a-f]{22}", challenge_id) is not None


def _lock_ended(card: CardRecord, now: float) -> CardRecord:
    """The card, free of a lock that is over and of the failures that led to it."""
    if card.locked_until is None or now < card.locked_until:
        return card
    return replace(card, failures=0, locked_until=None)


def _card(record: CardRecord) -> Card:
    return Card(
        serial=record.serial,
        suite=record.suite,
        counter=record.counter,
        failures=record.failures,
        locked_until=record.locked_until,
        enrolled_at=record.enrolled_at,
        has_unlock_key=record.sealed_unlock_key is not None,
        unlock_codes=record.unlock_codes,
        unlock_code_at=record.unlock_times[-1] if record.unlock_times else None,
    )


def _other_master_key() -> InputError:
    return InputError("master key", "does not open this database: its cards were enrolled under another one")
