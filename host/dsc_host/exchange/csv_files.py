"""CSV files without secrets: lists of existing cards, and orders of new cards.

The files follow RFC 4180, in UTF-8. Spreadsheets interpret a cell that begins with `=`, `+`, `-` or `@` as a formula.
Free text, such as an owner's name, may have such a character at its beginning or after a separator. Then the writer puts an
apostrophe before the character, and the reader removes the apostrophe. So a text that was written comes back unchanged.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.exchange import csv_table
from dsc_host.exchange.refusal import Refusal
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.verifier import Card, card_rules

COLUMNS = ("serial", "suite", "state", "state_since", "state_reason", "owners", "enrolled_at")
"""The columns that `write_cards` writes. Times are in ISO 8601, in UTC. Owners are separated by ` / `."""
ORDER_COLUMNS = ("serial", "suite", "owner")
"""The columns that `read_serials` reads, in any order. Only `serial` is required."""

_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20"  # the last four are full-width forms, which some spreadsheets accept too
# A formula may begin after a separator too: a spreadsheet's locale decides which character separates cells. A quotation
# mark after a separator may be read as the beginning of a quoted cell. If the text already has an apostrophe there,
# the writer adds a second apostrophe, because the reader removes one.
_BEGINNING, _FOLLOWS = r"(\A|(?<=[;,\t|]))", rf"(?=['\s\"]*[{_FORMULA}])"
_BEGINS_FORMULA = re.compile(_BEGINNING + _FOLLOWS)
_APOSTROPHE = re.compile(f"{_BEGINNING}'{_FOLLOWS}")


@dataclass(frozen=True, slots=True)
class CardOrder:
    """An order for a new card. `import_csv` enrolls the card with a new key."""

    serial: str
    suite: str = DEFAULT_SUITE
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order with its place in the file."""

    number: int
    line: int
    order: CardOrder


def write_cards(file: BinaryIO, cards: Iterable[Card]) -> int:
    """Write a row with the names in `COLUMNS`, then one row for each card. Return the number of cards."""
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
        # Do not close the file, which belongs to the caller.
        text.detach()


def read_serials(file: BinaryIO) -> Iterator[CardOrder | Refusal]:
    """Read orders of cards from a CSV. Yield a `CardOrder` for each row, or a `Refusal` if the row is invalid.

    The first row names the columns: `serial`, and optionally `suite` and `owner`. Cells are separated by commas or
    semicolons. The text is UTF-8, with or without a byte order mark, and with any line ends. Cells may be quoted, but
    may not span lines. Empty rows are skipped. An empty suite means the default suite. An empty owner means no owner. A
    repeated serial is refused, so all serials are kept in memory.

    Raises `InputError` if the first row does not name the columns. Does not close the file.
    """
    return (one if isinstance(one, Refusal) else one.order for one in placed_orders(file))


def placed_orders(file: BinaryIO, mapping: str | None = None) -> Iterator[PlacedOrder | Refusal]:
    """Read orders as `read_serials` does. Yield each order with its place in the file."""
    taken: set[str] = set()
    for row in csv_table.rows(file, csv_table.Columns.parse(ORDER_COLUMNS, mapping)):
        if isinstance(row, Refusal):
            yield row
            continue
        serial = unescape_formula(row.cells["serial"])
        owner = unescape_formula(row.cells.get("owner", "")) or None
        try:
            order = CardOrder(serial, row.cells.get("suite") or DEFAULT_SUITE, owner)
            _check(order)
            if serial in taken:
                raise InputError("serial", "occurs twice in the file")
        except InputError as error:
            yield Refusal(row.number, row.line, serial if card_rules.is_serial(serial) else None, error)
        else:
            taken.add(serial)
            yield PlacedOrder(row.number, row.line, order)


def _check(order: CardOrder) -> None:
    card_rules.check_serial(order.serial)
    card_rules.usable_suite(order.suite)
    if order.owner is not None:
        card_rules.check_owner(order.owner)


def _row(card: Card) -> tuple[str, ...]:
    return (
        _escape_formula(card.serial),
        card.suite,
        card.state,
        _time(card.state_since),
        _escape_formula(card.state_reason),
        _escape_formula(" / ".join(card.owners)),
        _time(card.enrolled_at),
    )


def _escape_formula(cell: str) -> str:
    return _BEGINS_FORMULA.sub("'", cell)


def unescape_formula(cell: str) -> str:
    """Remove each apostrophe that keeps a spreadsheet from reading text as a formula."""
    return _APOSTROPHE.sub("", cell)


def _time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
