"""Import and export between a verifier's records and a file, for `dscplus import` and `dscplus export`.

Three promises:

1. A PSKC file is checked from its beginning to its end before the import. So no card is imported if the file is cut off or has
   a DTD. A wrong key is found before any encrypted card is imported.
2. An import reports every card that it leaves out, with its line. With `atomic`, one such card prevents the import of all
   cards.
3. Memory does not grow with the length of a file, with three exceptions. It holds all serials of a CSV. Of a PSKC file, it
   holds each card whose PIN is in a package elsewhere in the file, and each such PIN. With `atomic` and in a dry run, it holds
   a log entry for each card until the end.
"""

import secrets as random
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import BinaryIO, TypeAlias, TypeVar

from dsc_host.errors import AlreadyEnrolled, DscError, InputError
from dsc_host.exchange import csv_files, csv_seeds, csv_table, pskc_reader, stream
from dsc_host.exchange.files import PathLike, new_file, old_file
from dsc_host.exchange.pskc_writer import write_pskc
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Enrollment, State, Verifier, card_rules

Progress: TypeAlias = Callable[[int, int], None]
"""A function that is called repeatedly with the number of finished cards or bytes, and their total."""

_T = TypeVar("_T")
_CARDS_PER_REPORT = 100
_KEY_BYTES = 32
_IN_USE = (State.ENROLLED, State.ACTIVE)


def _ignore(*_: object) -> None:
    """Ignore all arguments."""


# ---- export ----


def export_pskc(
    verifier: Verifier,
    path: PathLike,
    *,
    key: bytes | None = None,
    passphrase: str | None = None,
    serials: Iterable[str] | None = None,
    overwrite: bool = False,
    left_out: Callable[[str, State], None] = _ignore,
    done: Progress = _ignore,
) -> int:
    """Write the cards with these serials, or all cards, into a new PSKC file. Return the number of cards.

    `write_pskc` describes the encryption. PSKC cannot express that a card is suspended, lost or retired, so another system
    would accept such a card. Such cards are left out, even if `serials` names them, and `left_out` is called with the serial
    and the state of each. `done` is called with the number of finished cards and the total. Raises `UnknownCard`,
    `StoreError`, and `InputError`, for example if `path` exists and `overwrite` is not set. After an error, no new file
    remains.
    """
    chosen = None if serials is None else list(dict.fromkeys(serials))
    total = sum(1 for _ in verifier.cards()) if chosen is None else len(chosen)

    def in_use() -> Iterator[str]:
        cards = verifier.cards() if chosen is None else map(verifier.card, chosen)
        for card in _report_cards(cards, total, done):
            if card.state in _IN_USE:
                yield card.serial
            else:
                left_out(card.serial, card.state)

    def disclosed() -> Iterator[Enrollment]:
        # Disclose only now, after `write_pskc` has checked the key or the passphrase, because `disclose` writes to the log.
        yield from verifier.disclose(in_use())

    with new_file(path, overwrite=overwrite) as file:
        count = write_pskc(file, disclosed(), key=key, passphrase=passphrase)
    done(total, total)
    return count


def export_csv(verifier: Verifier, path: PathLike, *, overwrite: bool = False, done: Progress = _ignore) -> int:
    """Write one row for each card into a new CSV, as `write_cards` does. Return the number of cards. No row holds a secret.

    `done` is called with the number of finished cards and the total. Raises `StoreError`, and `InputError`, for example
    if `path` exists and `overwrite` is not set.
    """
    total = sum(1 for _ in verifier.cards())
    with new_file(path, overwrite=overwrite) as file:
        count = csv_files.write_cards(file, _report_cards(verifier.cards(), total, done))
    done(total, total)
    return count


def _report_cards(cards: Iterable[Card], total: int, done: Progress) -> Iterator[Card]:
    for number, card in enumerate(cards):
        if number % _CARDS_PER_REPORT == 0:
            done(min(number, total), total)
        yield card


# ---- import ----


def import_pskc(
    verifier: Verifier,
    path: PathLike,
    *,
    key: bytes | None = None,
    passphrase: str | None = None,
    allow_plain: bool = False,
    suite: str | None = None,
    atomic: bool = False,
    dry_run: bool = False,
    taken: Callable[[Placed], None] = _ignore,
    refused: Callable[[Refusal], None] = _ignore,
    done: Progress = _ignore,
) -> int:
    """Enroll the cards of a PSKC file, and return their number. The file is read as `read_pskc` reads it.

    `refused` is called for each card that cannot be enrolled, and `taken` for each card that is enrolled. With `atomic`, one
    refused card undoes the import of all cards, even of cards for which `taken` was called, and 0 is returned. With `dry_run`,
    everything is checked and nothing is enrolled. The number of cards that would be enrolled is returned, which is 0 if
    `atomic` is set too and one card is refused. `done` is called with the number of finished bytes and the total. Raises
    `StoreError`, and `InputError` for an unusable file, key or passphrase.
    """
    with old_file(path) as (file, size):
        stream.check(file)
        file.seek(0)
        found = pskc_reader.placed(file, key=key, passphrase=passphrase, allow_plain=allow_plain, suite=suite)
        records = _Records(_report_bytes(found, file, size, done), atomic, dry_run, taken, refused)
        count = _enroll_all(verifier, records)
    done(size, size)
    return count


def import_csv(
    verifier: Verifier,
    path: PathLike,
    *,
    columns: str | None = None,
    allow_plain: bool = False,
    suite: str | None = None,
    atomic: bool = False,
    dry_run: bool = False,
    taken: Callable[[Placed], None] = _ignore,
    refused: Callable[[Refusal], None] = _ignore,
    done: Progress = _ignore,
) -> int:
    """Enroll the cards of a CSV, and return their number.

    A file without a column `seed` is an order, which is read as `read_serials` reads it. Each card gets a key of 32 random
    bytes, and a random PIN if its suite has a PIN. `export_pskc` writes keys and PINs to a file for the maker of the cards. A
    file with a column `seed` has keys in the clear, so `allow_plain` is required. `suite` applies to HOTP keys, and
    to cards whose row has no suite.

    `columns` maps the file's column names to ours, or lists the columns of a file without a header: see
    `csv_table.Columns.parse`. Everything else works as in `import_pskc`.
    """
    with old_file(path) as (file, size):
        found = _csv_cards(file, columns, allow_plain, suite)
        records = _Records(_report_bytes(found, file, size, done), atomic, dry_run, taken, refused)
        count = _enroll_all(verifier, records)
    done(size, size)
    return count


def read_csv(
    file: BinaryIO, *, columns: str | None = None, allow_plain: bool = False, suite: str | None = None
) -> Iterator[Enrollment | Refusal]:
    """Read the cards of a CSV as `import_csv` does. Yield an `Enrollment` for each row, or a `Refusal` if the row is invalid.

    The file must be seekable. Raises `InputError` for a file that is neither an order nor a list of keys.
    """
    found = _csv_cards(file, columns, allow_plain, suite)
    return (one if isinstance(one, Refusal) else one.enrollment for one in found)


def _csv_cards(file: BinaryIO, columns: str | None, allow_plain: bool, suite: str | None) -> Iterator[Placed | Refusal]:
    if "seed" in csv_table.names(file, csv_table.Columns.parse(csv_seeds.SEED_COLUMNS, columns)):
        return csv_seeds.placed_seeds(file, columns, allow_plain=allow_plain, suite=suite)
    if allow_plain or suite:
        raise InputError(
            "file",
            "a CSV without a column named seed has no keys, and names the suites in a column; omit --allow-plain and --suite",
        )
    orders = csv_files.placed_orders(file, columns)
    return (one if isinstance(one, Refusal) else Placed(one.number, one.line, _make_enrollment(one.order)) for one in orders)


def _make_enrollment(order: csv_files.CardOrder) -> Enrollment:
    has_pin = Suite.parse(order.suite).pin_hash is not None
    return Enrollment(
        order.serial,
        random.token_bytes(_KEY_BYTES),
        suite=order.suite,
        pin=card_rules.random_pin() if has_pin else None,
        owners=() if order.owner is None else (order.owner,),
    )


class _Records:
    """The cards of one import, as a source of enrollments for the verifier. It reports the outcome for each card."""

    def __init__(
        self,
        found: Iterator[Placed | Refusal],
        atomic: bool,
        dry_run: bool,
        taken: Callable[[Placed], None],
        refused: Callable[[Refusal], None],
    ) -> None:
        self._found = found
        self.is_dry_run = dry_run
        """Whether the transaction is always rolled back at the end."""
        self.atomic = atomic or dry_run
        self._all_or_none = atomic
        self._taken = taken
        self._refused = refused
        self._bad = False
        self._ended = False
        self._given = 0
        self.total = 0
        """The number of cards that were enrolled."""
        self._waiting: dict[int, Placed] = {}
        """The cards that the verifier has neither enrolled nor refused yet, by their position: at most one batch."""

    def read_first(self) -> None:
        """Read the first card or refusal, which `enrollments` later yields or reports."""
        self._found = chain(list(islice(self._found, 1)), self._found)

    def enrollments(self) -> Iterator[Enrollment]:
        """Yield the enrollments in order, and report the refusals in between."""
        for one in self._found:
            if isinstance(one, Refusal):
                self._bad = True
                self._refused(one)
                continue
            self._waiting[self._given] = one
            self._given += 1
            yield one.enrollment
        self._ended = True
        if not self._waiting:
            self._end()

    def refuse(self, position: int, _serial: str, error: DscError) -> None:
        """Report the card at `position`, which the verifier refused with `error`."""
        self._bad = True
        card = self._waiting.pop(position)
        reason = InputError("serial", "is already enrolled") if isinstance(error, AlreadyEnrolled) else _as_input_error(error)
        self._refused(Refusal(card.number, card.line, card.enrollment.serial, reason))

    def enrolled(self, _total: int) -> None:
        """Report that the waiting cards were enrolled.

        The verifier calls this method when it has enrolled or refused every card that it has got.
        """
        for card in self._waiting.values():
            self._taken(card)
        self.total += len(self._waiting)
        self._waiting.clear()
        if self._ended:
            self._end()

    @property
    def would_enroll(self) -> int:
        """The number of cards that the import would enroll if it were no dry run."""
        return 0 if self._all_or_none and self._bad else self.total

    def _end(self) -> None:
        """Roll back a dry run, or an atomic import with a refused card.

        The verifier has enrolled or refused every card before.
        """
        if self.is_dry_run or (self.atomic and self._bad):
            raise _ImportUndone


class _ImportUndone(Exception):
    """Raised to roll back the transaction."""


def _enroll_all(verifier: Verifier, records: _Records) -> int:
    # Read the first card before the transaction begins, because deriving the key from a passphrase takes long. Meanwhile, other
    # transactions would have to wait.
    records.read_first()
    try:
        return verifier.enroll_all(
            records.enrollments(), atomic=records.atomic, refused=records.refuse, enrolled=records.enrolled
        )
    except _ImportUndone:
        return records.would_enroll if records.is_dry_run else 0


def _as_input_error(error: DscError) -> InputError:
    return error if isinstance(error, InputError) else InputError("card", str(error))


def _report_bytes(found: Iterator[_T], file: BinaryIO, size: int, done: Progress) -> Iterator[_T]:
    for number, one in enumerate(found):
        if number % _CARDS_PER_REPORT == 0:
            done(min(file.tell(), size), size)
        yield one
