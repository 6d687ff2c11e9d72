"""CSV for people and shop floors: which cards there are, and which are to be made. No secret ever stands in one.

Written as RFC 4180 has it, in UTF-8. Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula: in what
somebody chose, such as an owner's name, an apostrophe goes in front of it, and is taken away where such a cell is read.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.exchange.refusal import Refusal
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.verifier import Card, card_rules

COLUMNS = ("serial", "suite", "state", "state_since", "state_reason", "owners", "enrolled_at")
"""What `write_cards` writes. Times are in UTC, as ISO 8601 has it; owners are divided by ` / `."""
ORDER_COLUMNS = ("serial", "suite", "owner")
"""What `read_serials` reads, in any order; only the first is needed."""
MOST_LINE = 4096
"""Characters in one row of a CSV that is read."""

_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # the last four are the wide forms, which some spreadsheets take too
# After a divider as well: which one it is, a spreadsheet decides by where in the world it runs.
# A quotation mark after a divider may be read as one that encloses a cell.
_BEGINS_FORMULA = re.compile(rf'(\A|[;,\t|])([\s"]*)(?=[{_FORMULA}])')
_APOSTROPHE = re.compile(rf"'(?=[\s\"]*[{_FORMULA}])")


@dataclass(frozen=True, slots=True)
class CardOrder:
    """A card that is to be made: personalised, given a key of its own, and enrolled."""

    serial: str
    suite: str = DEFAULT_SUITE
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """One, and where it stands."""

    number: int
    line: int
    order: CardOrder


def write_cards(file: BinaryIO, cards: Iterable[Card]) -> int:
    """Write a row for each card, below a row with the `COLUMNS`' names. Returns how many cards they were."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        rows = csv.writer(text)
        rows.writerow(COLUMNS)
        total = 0
        for card in cards:
            rows.writerow(_row(card))
            total += 1
        return total
    finally:
        # It is the caller's to close.
        text.detach()


def read_serials(file: BinaryIO) -> Iterator[CardOrder | Refusal]:
    """The cards that a CSV asks for, in order, each as a `CardOrder` or as the `Refusal` of its row.

    The first row names the columns: `serial`, and if wanted `suite` and `owner`. Divided by commas or semicolons; UTF-8,
    with or without a byte order mark; any line ends; cells may be quoted, but not go over several lines. Empty rows are
    nothing. An empty suite is the default one, an empty owner none. A serial that comes again is refused.

    Raises `InputError` if the first row is not that. It does not close `file`.
    """
    return (one if isinstance(one, Refusal) else one.order for one in placed_orders(file))


def placed_orders(file: BinaryIO) -> Iterator[PlacedOrder | Refusal]:
    """The same, with where each stands."""
    # What is no UTF-8 becomes what no serial, suite or owner may have, so it costs its row alone.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")
    try:
        yield from _orders(_lines(text))
    finally:
        # Whoever gave up half-way may have closed it already.
        with suppress(ValueError):
            text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[tuple[int, str]]:
    """Those that are not empty, with their numbers. Of one that is too long, no more than shows it."""
    number = 0
    while line := text.readline(MOST_LINE + 1):
        number += 1
        rest = line
        while not rest.endswith("\n") and (rest := text.readline(MOST_LINE)):
            pass
        if len(line) > MOST_LINE or line.strip("\n,; \t"):
            yield number, line.rstrip("\n")


def _orders(lines: Iterator[tuple[int, str]]) -> Iterator[PlacedOrder | Refusal]:
    line, header = next(lines, (1, ""))
    divider = ";" if header.count(";") > header.count(",") else ","
    columns = _columns(line, header, divider)
    taken: set[str] = set()
    for number, (line, row) in enumerate(lines, 1):
        serial: str | None = None
        try:
            cells = dict(zip(columns, _cells(row, divider, len(columns)), strict=True))
            serial = _meant(cells["serial"])
            order = CardOrder(serial, cells.get("suite") or DEFAULT_SUITE, _meant(cells.get("owner", "")) or None)
            _check(order)
            if serial in taken:
                raise InputError("serial", "is in the file twice")
        except InputError as error:
            yield Refusal(number, line, serial if card_rules.is_serial(serial) else None, error)
        else:
            taken.add(serial)
            yield PlacedOrder(number, line, order)


def _columns(line: int, header: str, divider: str) -> list[str]:
    try:
        columns = [name.lower() for name in _cells(header, divider)]
    except InputError:
        columns = []
    if "serial" not in columns or len(set(columns)) < len(columns) or not set(columns) <= set(ORDER_COLUMNS):
        allowed = f"{ORDER_COLUMNS[0]}, and if wanted {' and '.join(ORDER_COLUMNS[1:])}"
        raise InputError("CSV", f"line {line}: must name the columns, each once: {allowed}; in UTF-8, divided by , or ;")
    return columns


def _cells(row: str, divider: str, count: int | None = None) -> list[str]:
    if len(row) > MOST_LINE:
        raise InputError("row", f"is longer than {MOST_LINE} characters")
    try:
        # Line by line, so that a quote that is never closed costs one row and not all that follow.
        cells = next(csv.reader([row], delimiter=divider, strict=True))
    except (csv.Error, StopIteration):
        raise InputError("row", "is not CSV; is a quote not closed?") from None
    if count is not None and len(cells) != count:
        raise InputError("row", f"must have {count} cells, as the first one has; it has {len(cells)}")
    return [cell.strip() for cell in cells]


def _check(order: CardOrder) -> None:
    card_rules.check_serial(order.serial)
    card_rules.usable_suite(order.suite)
    if order.owner is not None:
        card_rules.check_owner(order.owner)


def _row(card: Card) -> tuple[str, ...]:
    return (
        _harmless(card.serial),
        card.suite,
        card.state,
        _time(card.state_since),
        _harmless(card.state_reason),
        _harmless(" / ".join(card.owners)),
        _time(card.enrolled_at),
    )


def _harmless(cell: str) -> str:
    return _BEGINS_FORMULA.sub(r"\1'\2", cell)


def _meant(cell: str) -> str:
    """A cell without the apostrophe that keeps it from being a formula."""
    return cell[1:] if _APOSTROPHE.match(cell) else cell


def _time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
