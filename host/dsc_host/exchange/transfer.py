"""Cards out of a verifier's records into a file, and out of a file into the records: what `dscplus export` and `import` do.

Three promises:

1. A file is read twice, and nothing is changed the first time: of one that is cut off or has a DTD, or that another key
   opens, no card goes in.
2. Whatever is left out is told, with its line; with `atomic`, one that is keeps all out.
3. Memory does not grow with the number of cards.
"""

import secrets as random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import BinaryIO, TypeAlias, TypeVar

from dsc_host.errors import AlreadyEnrolled, DscError, InputError
from dsc_host.exchange import csv_files, pskc_reader, stream
from dsc_host.exchange.files import PathLike, new_file, old_file
from dsc_host.exchange.pskc_writer import write_pskc
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Enrolment, State, Verifier

Progress: TypeAlias = Callable[[int, int], None]
"""Told again and again how much is done, of how much."""

_T = TypeVar("_T")
_PAGE = 500
_OFTEN = 100
_KEY_BYTES = 32
_IN_USE = (State.ENROLLED, State.ACTIVE)


def _untold(*_: object) -> None:
    """For whoever does not want to know."""


# ---- out ----


def export_pskc(
    verifier: Verifier,
    path: PathLike,
    *,
    key: bytes | None = None,
    passphrase: str | None = None,
    serials: Iterable[str] | None = None,
    overwrite: bool = False,
    left_out: Callable[[str, State], None] = _untold,
    done: Progress = _untold,
) -> int:
    """Write these cards, or all, into a new PSKC file under a key or a passphrase, as `write_pskc`. Returns how many.

    PSKC has no word for a card that is suspended, lost or retired: the other system would let it in. So those stay here,
    also where their serials are given, and `left_out` is told of each. `done` is told cards of cards.
    Raises `InputError`, for a `path` that is there too unless `overwrite`; `UnknownCard`, `StoreError`. Then there is no file.
    """
    chosen = None if serials is None else list(dict.fromkeys(serials))
    total = sum(1 for _ in _cards(verifier)) if chosen is None else len(chosen)

    def in_use() -> Iterator[str]:
        cards = _cards(verifier) if chosen is None else map(verifier.card, chosen)
        for card in _counted(cards, total, done):
            if card.state in _IN_USE:
                yield card.serial
            else:
                left_out(card.serial, card.state)

    def disclosed() -> Iterator[Enrolment]:
        # Only here, when the key or the passphrase was found good: it goes into the log.
        yield from verifier.disclose(in_use())

    with new_file(path, overwrite=overwrite) as file:
        count = write_pskc(file, disclosed(), key=key, passphrase=passphrase)
    done(total, total)
    return count


def export_csv(verifier: Verifier, path: PathLike, *, overwrite: bool = False, done: Progress = _untold) -> int:
    """Write a row for each card into a new CSV, no secret among them, as `write_cards`. Returns how many.

    `done` is told cards of cards. Raises `InputError`, for a `path` that is there too unless `overwrite`; `StoreError`.
    """
    total = sum(1 for _ in _cards(verifier))
    with new_file(path, overwrite=overwrite) as file:
        count = csv_files.write_cards(file, _counted(_cards(verifier), total, done))
    done(total, total)
    return count


def _cards(verifier: Verifier) -> Iterator[Card]:
    after = ""
    while page := verifier.cards(after=after, limit=_PAGE):
        yield from page
        after = page[-1].serial


def _counted(cards: Iterable[Card], total: int, done: Progress) -> Iterator[Card]:
    for number, card in enumerate(cards):
        if number % _OFTEN == 0:
            done(min(number, total), total)
        yield card


# ---- in ----


def import_pskc(
    verifier: Verifier,
    path: PathLike,
    *,
    key: bytes | None = None,
    passphrase: str | None = None,
    allow_plain: bool = False,
    suite: str | None = None,
    atomic: bool = False,
    refused: Callable[[Refusal], None] = _untold,
    done: Progress = _untold,
) -> int:
    """Enrol the cards of a PSKC file, which is read as by `read_pskc`, and return how many came in.

    `refused` is told of each that did not; the others go in. With `atomic`, one that cannot keeps all out, and the return
    value is 0. `done` is told bytes of bytes.
    Raises `InputError` for a file, a key or a passphrase of no use; then nothing is changed. `StoreError`.
    """
    with old_file(path) as (file, size):
        stream.check(file)
        file.seek(0)
        found = pskc_reader.placed(file, key=key, passphrase=passphrase, allow_plain=allow_plain, suite=suite)
        count = _taken_in(verifier, _watched(found, file, size, done), atomic, refused)
    done(size, size)
    return count


def import_csv(
    verifier: Verifier,
    path: PathLike,
    *,
    atomic: bool = False,
    refused: Callable[[Refusal], None] = _untold,
    done: Progress = _untold,
) -> int:
    """Enrol the cards that a CSV asks for, which is read as by `read_serials`, and return how many came in.

    Each is given a key of 32 random bytes, and a random PIN if its suite has one; `export_pskc` hands them on to whoever
    makes the cards. All else as `import_pskc`.
    """
    with old_file(path) as (file, size):
        orders = csv_files.placed_orders(file)
        found = (one if isinstance(one, Refusal) else Placed(one.number, one.line, _made(one.order)) for one in orders)
        count = _taken_in(verifier, _watched(found, file, size, done), atomic, refused)
    done(size, size)
    return count


def _made(order: csv_files.CardOrder) -> Enrolment:
    has_pin = Suite.parse(order.suite).pin_hash is not None
    return Enrolment(
        order.serial,
        random.token_bytes(_KEY_BYTES),
        suite=order.suite,
        pin=f"{random.randbelow(10_000):04}" if has_pin else None,
        owners=() if order.owner is None else (order.owner,),
    )


class _Records:
    """Gives the verifier what is found, one after the other, and tells what is not taken."""

    def __init__(self, found: Iterator[Placed | Refusal], atomic: bool, refused: Callable[[Refusal], None]) -> None:
        self._found = found
        self._atomic = atomic
        self._refused = refused
        self._bad = False
        self._ended = False
        self._given = 0
        self._waiting: dict[int, Refusal] = {}
        """What would be said of those that the records have not judged yet; no more than they take in at a time."""

    def enrolments(self) -> Iterator[Enrolment]:
        for one in self._found:
            if isinstance(one, Refusal):
                self._bad = True
                self._refused(one)
                continue
            serial = one.enrolment.serial
            self._waiting[self._given] = Refusal(one.number, one.line, serial, InputError("serial", "is enrolled already"))
            self._given += 1
            yield one.enrolment
        self._ended = True
        if not self._waiting:
            self._end()

    def refuse(self, position: int, _serial: str, error: DscError) -> None:
        refusal = self._waiting[position]
        self._refused(refusal if isinstance(error, AlreadyEnrolled) else replace(refusal, error=_named(error)))

    def judged(self, _total: int) -> None:
        self._waiting.clear()
        if self._ended:
            self._end()

    def _end(self) -> None:
        """Undo the import if it must be whole and is not; only now have the records judged every card."""
        if self._atomic and self._bad:
            raise _NoneTaken


class _NoneTaken(Exception):
    """Undoes the transaction that it comes out of."""


def _taken_in(verifier: Verifier, found: Iterator[Placed | Refusal], atomic: bool, refused: Callable[[Refusal], None]) -> int:
    # Now, and not in a transaction that others wait for: the first one takes as long as the passphrase's key.
    first = list(islice(found, 1))
    records = _Records(chain(first, found), atomic, refused)
    try:
        return verifier.enroll_all(records.enrolments(), atomic=atomic, refused=records.refuse, enrolled=records.judged)
    except _NoneTaken:
        return 0


def _named(error: DscError) -> InputError:
    return error if isinstance(error, InputError) else InputError("card", str(error))


def _watched(found: Iterator[_T], file: BinaryIO, size: int, done: Progress) -> Iterator[_T]:
    for number, one in enumerate(found):
        if number % _OFTEN == 0:
            done(min(file.tell(), size), size)
        yield one
