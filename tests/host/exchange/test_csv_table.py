"""The header of a CSV: columns that the user names, and the error about a wrong header."""

import io

import pytest

from dsc_host.errors import InputError
from dsc_host.exchange.csv_table import Columns, Row, rows


def test_a_named_column_must_occur_once() -> None:
    columns = Columns.parse(("serial", "seed"), "serial=Token,seed=Key")
    with pytest.raises(InputError, match="line 1: has more than one column 'token', which the given columns name"):
        list(rows(io.BytesIO(b"Token,Key,TOKEN\nA,1,B\n"), columns))
    (row,) = rows(io.BytesIO(b"Note,Token,Key,Note\nx,A,1,y\n"), columns)
    assert isinstance(row, Row)
    assert row.cells == {"serial": "A", "seed": "1"}


@pytest.mark.parametrize(
    ("known", "listed"),
    [
        (("serial",), "each once: serial; in"),
        (("serial", "seed"), "each once: serial, and optionally seed; in"),
        (("serial", "seed", "suite"), "each once: serial, and optionally seed and suite; in"),
        (("serial", "seed", "suite", "pin"), "each once: serial, and optionally seed, suite and pin; in"),
    ],
)
def test_the_error_lists_the_columns(known: tuple[str, ...], listed: str) -> None:
    with pytest.raises(InputError, match=listed):
        list(rows(io.BytesIO(b"number\n1\n"), Columns(known)))
