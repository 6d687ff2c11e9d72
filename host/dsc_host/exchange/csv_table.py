"""The rows of a CSV with named columns. If the first row does not have our names, the caller can name the columns."""

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.exchange.refusal import Refusal

MOST_LINE = 4096
"""The maximum length of a row in characters. A longer row is refused."""
SKIPPED = "-"
"""The name that marks a column to skip, in a list of columns by position."""

_Lines = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its place in the file, and its cells by column."""

    number: int
    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a reader knows, and their names or positions in a file."""

    known: tuple[str, ...]
    required: tuple[str, ...] = ("serial",)
    """The known columns that a file must have."""
    can_be_named: bool = True
    """Whether the user can name the columns. Then the error about a wrong header proposes `--columns`."""
    by_position: tuple[str, ...] = ()
    """The columns in their order, for a file without a header."""
    by_name: Mapping[str, str] | None = None
    """The known column for each name in the file. Other columns are not read."""

    @classmethod
    def parse(cls, known: tuple[str, ...], mapping: str | None) -> "Columns":
        """Parse a mapping: `serial,seed,-,suite` by position, or `serial=Token,seed=Secret key` by the file's names.

        By position, `-` marks a column to skip. Raises `InputError` unless each of our names is in `known`, no name occurs
        twice, and the first name of `known` is among them.
        """
        if mapping is None:
            return cls(known)
        parts = [part.strip() for part in mapping.split(",")]
        pairs = [tuple(each.strip() for each in part.split("=", 1)) for part in parts]
        ours = [pair[0].lower() for pair in pairs if pair[0] != SKIPPED]
        named = [pair[1].lower() for pair in pairs if len(pair) > 1]
        whole = not named or (len(named) == len(ours) == len(parts) == len(set(named)) and all(named))
        if not whole or known[0] not in ours or len(set(ours)) < len(ours) or not set(ours) <= set(known):
            raise InputError(
                "columns",
                f"must be names from {', '.join(known)}, each at most once and including {known[0]}, or pairs OURS=THEIRS",
            )
        if named:
            return cls(known, by_name=dict(zip(named, ours, strict=True)))
        return cls(known, by_position=tuple(pair[0].lower() for pair in pairs))

    def in_header(self, line: int, cells: list[str]) -> tuple[str, ...]:
        """Return the known column for each cell of a header. Raises `InputError` if the header does not fit the columns."""
        names = [cell.lower() for cell in cells]
        if self.by_name is not None:
            if missing := self.by_name.keys() - names:
                raise InputError("CSV", f"line {line}: has no column {min(missing)!a}, although the given columns name it")
            if twice := {name for name in self.by_name if names.count(name) > 1}:
                raise InputError("CSV", f"line {line}: has more than one column {min(twice)!a}, which the given columns name")
            return tuple(self.by_name.get(name, SKIPPED) for name in names)
        if not set(self.required) <= set(names) or len(set(names)) < len(names) or not set(names) <= set(self.known):
            problem = f"must name the columns, each once: {self._allowed()}; in UTF-8, separated by commas or semicolons"
            remedy = "; if the file has other names or no header, give --columns" if self.can_be_named else ""
            raise InputError("CSV", f"line {line}: {problem}{remedy}")
        return tuple(names)

    def _allowed(self) -> str:
        *optional, last = [name for name in self.known if name not in self.required] or [""]
        required = " and ".join(self.required)
        listed = f"{', '.join(optional)} and {last}" if optional else last
        return f"{required}, and optionally {listed}" if listed else required


def names(file: BinaryIO, columns: Columns) -> tuple[str, ...]:
    """Return the known column for each cell of a row, and `-` for a skipped cell. Raises `InputError`.

    Afterwards, the file stands where it stood before.
    """
    begin = file.tell()
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")
    try:
        return _header(_lines(text), columns)[0]
    finally:
        text.detach()
        file.seek(begin)


def rows(file: BinaryIO, columns: Columns) -> Iterator[Row | Refusal]:
    """Yield the valid rows, and a `Refusal` for each invalid row. Skip rows whose cells are all empty.

    Cells are separated by commas or semicolons. The text is UTF-8, with or without a byte order mark, and with any line ends.
    Raises `InputError` if a header is needed and the first row is no header with these columns. Does not close the file.
    """
    # Bytes that are not UTF-8 become surrogates, which no valid cell has. So only the row with these bytes is refused.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape")
    try:
        yield from _rows(_lines(text), columns)
    finally:
        # A caller that stopped early may have closed the file.
        with suppress(ValueError):
            text.detach()


def _lines(text: io.TextIOWrapper) -> _Lines:
    """Yield the lines with their numbers. Skip lines that have only separators and blanks.

    Return only the first `MOST_LINE` + 1 characters of a longer line: enough to see that it is too long.
    """
    number = 0
    while line := text.readline(MOST_LINE + 1):
        number += 1
        rest = line
        while not rest.endswith("\n") and (rest := text.readline(MOST_LINE)):
            pass
        if len(line) > MOST_LINE or line.strip("\n,; \t"):
            yield number, line.rstrip("\n")


def _header(lines: _Lines, columns: Columns) -> tuple[tuple[str, ...], str, list[tuple[int, str]]]:
    """Return the names of the columns, the separator of cells, and the lines that were read but belong to the rows."""
    line, first = next(lines, (1, ""))
    divider = ";" if first.count(";") > first.count(",") else ","
    if columns.by_position:
        return columns.by_position, divider, [(line, first)] if first else []
    try:
        cells = _cells(first, divider)
    except InputError:
        cells = []
    return columns.in_header(line, cells), divider, []


def _rows(lines: _Lines, columns: Columns) -> Iterator[Row | Refusal]:
    found, divider, read = _header(lines, columns)
    number = 0
    for source in (read, lines):
        for line, row in source:
            number += 1
            try:
                cells = zip(found, _cells(row, divider, len(found)), strict=True)
                yield Row(number, line, {name: cell for name, cell in cells if name != SKIPPED})
            except InputError as error:
                yield Refusal(number, line, None, error)


def _cells(row: str, divider: str, count: int | None = None) -> list[str]:
    if len(row) > MOST_LINE:
        raise InputError("row", f"is longer than {MOST_LINE} characters")
    try:
        # Parse each row separately, so that an unclosed quote invalidates only its own row.
        cells = next(csv.reader([row], delimiter=divider, strict=True))
    except (csv.Error, StopIteration):
        raise InputError("row", "is not CSV; is a quote not closed?") from None
    if count is not None and len(cells) != count:
        raise InputError("row", f"must have {count} cells, one for each column; it has {len(cells)}")
    return [cell.strip() for cell in cells]
