"""Enrollment: adding any number of cards to the records, and disclosing their secrets to another system.

A serial that is already enrolled is refused, unless its card is retired. The new card then replaces the retired card and all
its records, except for its log entries.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from dsc_host.errors import AlreadyEnrolled, DscError
from dsc_host.records.audit_writer import Event
from dsc_host.records.keys import Secret
from dsc_host.verifier import card_lookup, card_rules, rows
from dsc_host.verifier.card_seals import Holder, new_enrollment
from dsc_host.verifier.card_store import claim
from dsc_host.verifier.model import Enrollment, State
from dsc_host.verifier.rows import CardRecord
from dsc_host.verifier.transaction import CardContext, CardTransaction

BATCH = 500
"""The largest number of cards in one transaction, except in an atomic enrollment, which has one transaction for all cards."""

Refusals = Callable[[int, str, DscError], None]
Progress = Callable[[int], None]


class _UndoEnrollments(Exception):
    """The error that undoes the transaction of an atomic enrollment."""


def enroll(tx: CardTransaction, enrollment: Enrollment) -> CardRecord:
    """Enroll one card in this transaction, and return its row. Raises `InputError` and `AlreadyEnrolled`."""
    card_rules.check(enrollment)
    now = tx.now()
    record = _record(tx.context, enrollment, now)
    refusals = _add(tx, [(enrollment, record)], now)
    if refusals:
        raise refusals[0][1]
    return record


def enroll_all(
    context: CardContext, enrollments: Iterable[Enrollment], atomic: bool, refused: Refusals, enrolled: Progress
) -> int:
    """Enroll many cards: see `Verifier.enroll_all`."""
    numbered = enumerate(enrollments)
    if not atomic:
        total = 0
        while batch := list(islice(numbered, BATCH)):
            added, refusals = context.change_in_turn(lambda tx, batch=batch: _claim_and_add(tx, batch))  # type: ignore[misc]
            total += _report(added, refusals, refused)
            enrolled(total)
        return total
    return _all_or_none(context, numbered, refused, enrolled)


def _all_or_none(
    context: CardContext, numbered: Iterator[tuple[int, Enrollment]], refused: Refusals, enrolled: Progress
) -> int:
    total = bad = 0
    try:
        # Do not repeat the transaction after a conflict: the enrollments can be read only once.
        with context.writing() as tx:
            claim(tx)
            while batch := list(islice(numbered, BATCH)):
                added, refusals = _add_batch(tx, batch)
                total += _report(added, refusals, refused)
                bad += len(refusals)
                enrolled(total)
            if bad:
                raise _UndoEnrollments
    except _UndoEnrollments:
        return 0
    return total


def _claim_and_add(tx: CardTransaction, batch: Sequence[tuple[int, Enrollment]]) -> tuple[int, list[tuple[int, str, DscError]]]:
    claim(tx)
    return _add_batch(tx, batch)


def _report(added: int, refusals: list[tuple[int, str, DscError]], refused: Refusals) -> int:
    for refusal in refusals:
        refused(*refusal)
    return added


def _add_batch(tx: CardTransaction, batch: Sequence[tuple[int, Enrollment]]) -> tuple[int, list[tuple[int, str, DscError]]]:
    """Add the cards that can be added. Return the number of these, and the position, serial and error of each other card."""
    now = tx.now()
    good: dict[str, tuple[int, Enrollment, CardRecord]] = {}
    refusals: list[tuple[int, str, DscError]] = []
    for position, enrollment in batch:
        try:
            card_rules.check(enrollment)
            if enrollment.serial in good:
                raise _already_enrolled(enrollment.serial)
            good[enrollment.serial] = (position, enrollment, _record(tx.context, enrollment, now))
        except DscError as error:
            refusals.append((position, card_rules.shown_serial(enrollment.serial), error))
    taken = _add(tx, [(enrollment, record) for _, enrollment, record in good.values()], now)
    refusals += [(good[serial][0], serial, error) for serial, error in taken]
    return len(good) - len(taken), sorted(refusals, key=lambda refusal: refusal[0])


def _add(tx: CardTransaction, wanted: Sequence[tuple[Enrollment, CardRecord]], now: float) -> list[tuple[str, DscError]]:
    """Add the cards that can be added, and log them. Return the serial and the error of each other card."""
    states = rows.states_of(tx.db, [record.serial for _, record in wanted])
    rows.remove_cards(tx.db, [serial for serial, state in states.items() if state == State.RETIRED])
    free = [record for _, record in wanted if states.get(record.serial) in (None, State.RETIRED)]
    # Skip a serial that another transaction has enrolled in the meantime.
    added = rows.add_cards(tx.db, free) if free else set[str]()
    rows.add_owners(tx.db, [(e.serial, owner) for e, _ in wanted if e.serial in added for owner in sorted(set(e.owners))])
    events = [
        Event("card.enroll", record.serial, "done", "", {"suite": record.suite, "counter": str(record.counter)}, record)
        for _, record in wanted
        if record.serial in added
    ]
    if events:
        tx.log(now, *events)
    return [(record.serial, _already_enrolled(record.serial)) for _, record in wanted if record.serial not in added]


def _record(context: CardContext, enrollment: Enrollment, now: float) -> CardRecord:
    serial = enrollment.serial
    holder = Holder(serial, new_enrollment(), enrollment.suite)
    record = CardRecord(
        serial=serial,
        suite=enrollment.suite,
        counter=enrollment.counter,
        failures=0,
        locked_until=None,
        enrolled_at=now,
        key_id=context.keys.current.id,
        sealed_key=context.sealed(enrollment.key, holder, Secret.KEY) or b"",
        sealed_pin=context.sealed(enrollment.pin, holder, Secret.PIN),
        sealed_unlock_key=context.sealed(enrollment.unlock_key, holder, Secret.UNLOCK_KEY),
        unlock_codes=0,
        unlock_times=(),
        asked=0,
        state=State.ENROLLED,
        state_since=now,
        state_reason="",
        sealed_duress_pin=context.sealed(enrollment.duress_pin, holder, Secret.DURESS_PIN),
        enrolment=holder.enrolment,
        owners_hash=card_lookup.owners_hash(enrollment.owners),
        valid_from=enrollment.valid_from,
        valid_until=enrollment.valid_until,
    )
    return context.seals.sealed(record)


def _already_enrolled(serial: str) -> AlreadyEnrolled:
    return AlreadyEnrolled(f"card {serial}: is already enrolled; use another serial, or remove the enrolled card first")


# ---- disclosing ----


def disclose(context: CardContext, serials: Iterable[str] | None) -> Iterator[Enrollment]:
    """Yield the cards of these serials, or all cards, with their secrets. Leave out retired cards. See `Verifier.disclose`."""
    for page in _all_pages(context) if serials is None else _chosen_pages(context, serials):
        yield from page


def _all_pages(context: CardContext) -> Iterator[list[Enrollment]]:
    after = ""
    while True:
        with context.reading() as tx:
            found = rows.find_cards(tx.db, owner=None, state=None, after=after, limit=BATCH)
            page = _disclose(tx, found)
        yield page
        if len(found) < BATCH:
            return
        after = found[-1].serial


def _chosen_pages(context: CardContext, serials: Iterable[str]) -> Iterator[list[Enrollment]]:
    chosen = iter(serials)
    while batch := list(islice(chosen, BATCH)):
        with context.reading() as tx:
            page = _disclose(tx, [card_lookup.known_card(tx, serial) for serial in batch])
        yield page


def _disclose(tx: CardTransaction, found: Sequence[CardRecord]) -> list[Enrollment]:
    kept = [record for record in found if record.state != State.RETIRED]
    owners = card_lookup.owners_of(tx, kept)
    return [_enrollment(tx.context, record, owners.get(record.serial, ())) for record in kept]


def _enrollment(context: CardContext, record: CardRecord, owners: tuple[str, ...]) -> Enrollment:
    unlock_key = record.sealed_unlock_key
    return Enrollment(
        serial=record.serial,
        key=context.opened(record, record.sealed_key, Secret.KEY),
        suite=record.suite,
        pin=context.opened_pin(record, record.sealed_pin, Secret.PIN),
        counter=record.counter,
        unlock_key=None if unlock_key is None else context.opened(record, unlock_key, Secret.UNLOCK_KEY),
        duress_pin=context.opened_pin(record, record.sealed_duress_pin, Secret.DURESS_PIN),
        owners=owners,
        awaits_pin=card_lookup.awaits_pin(record),
        valid_from=record.valid_from,
        valid_until=record.valid_until,
    )
