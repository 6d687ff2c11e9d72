"""Serials in and out as CSV, with whatever spreadsheets make of one."""

import csv
import io
import re
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_host import Card, InputError, State
from dsc_host.exchange import CardOrder, Refusal, read_serials, write_cards
from dsc_host.ocra import DEFAULT_SUITE

SUITE = "OCRA-1:HOTP-SHA1-6:QN08"


def read(data: bytes) -> list[CardOrder | Refusal]:
    return list(read_serials(io.BytesIO(data)))


def card(serial: str = "A-1", owners: tuple[str, ...] = (), reason: str = "") -> Card:
    return Card(
        serial=serial,
        suite=SUITE,
        counter=5,
        failures=2,
        locked_until=None,
        enrolled_at=1_700_000_000.75,
        state=State.LOST,
        state_since=1_700_000_060,
        state_reason=reason,
        owners=owners,
    )


def written(*cards: Card) -> bytes:
    file = io.BytesIO()
    assert write_cards(file, cards) == len(cards)
    assert not file.closed
    return file.getvalue()


def cells(data: bytes, row: int = 1) -> dict[str, str]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))[row - 1]


@pytest.mark.parametrize(
    "data",
    [
        b"serial,suite,owner\nA-1,,anna\nB-2,OCRA-1:HOTP-SHA1-6:QN08,\n",
        b"serial,suite,owner\r\nA-1,,anna\r\nB-2,OCRA-1:HOTP-SHA1-6:QN08,\r\n",
        b"serial,suite,owner\rA-1,,anna\rB-2,OCRA-1:HOTP-SHA1-6:QN08,",
        b"\xef\xbb\xbfSerial;Suite;Owner\r\nA-1;;anna\r\nB-2;OCRA-1:HOTP-SHA1-6:QN08;\r\n",
        b'\xef\xbb\xbf"serial","suite","owner"\r\n"A-1","","anna"\r\n"B-2","OCRA-1:HOTP-SHA1-6:QN08",""\r\n',
        b"\n ,,\nowner , serial, suite\n\nanna,A-1,\n,,\n, B-2 ,OCRA-1:HOTP-SHA1-6:QN08\n;;;\n",
    ],
    ids=["LF", "CRLF", "CR", "semicolons", "quoted", "blank rows"],
)
def test_every_spreadsheets_csv_is_read(data: bytes) -> None:
    assert read(data) == [CardOrder("A-1", DEFAULT_SUITE, "anna"), CardOrder("B-2", SUITE, None)]


def test_serials_alone_are_enough() -> None:
    assert read(b"serial\nA\nB\n") == [CardOrder("A"), CardOrder("B")]
    assert read(b"serial\n") == []


BAD_ROWS = {
    "serial": [b"a-1,,", b",,anna", b"A\0,,", "\u0661,,".encode(), b"\xc4,,", b"AAAAAAAAAAAAAAAAA,,", b"OK,,"],
    "suite": [b"A,OCRA-1,", b"A,OCRA-1:HOTP-SHA1-6:QN08-T1M,"],
    "owner": [b"A,,M\xfcller", b"A,,\0", b"A,," + b"x" * 1000],
    "row": [b"A", b"A,,,", b'A,,"never closed', b'A,,"x"y'],
}


@pytest.mark.parametrize(("row", "field"), [(row, field) for field, rows in BAD_ROWS.items() for row in rows])
def test_a_bad_row_is_told_with_its_line_and_the_rest_are_read(row: bytes, field: str) -> None:
    found = read(b"serial,suite,owner\r\nOK,,\r\n\r\n" + row + b"\r\nLAST,,\r\n")
    assert [found[0], found[2]] == [CardOrder("OK"), CardOrder("LAST")]
    assert len(found) == 3
    assert isinstance(found[1], Refusal)
    assert (found[1].number, found[1].line, found[1].error.field) == (2, 4, field)
    assert str(found[1]).startswith("line 4")


NO_HEADERS = [b"A-1\nB-2\n", b"suite,owner\n", b"serial,serial\n", b"serial,colour\n", b"serial\towner\n", b'"serial\n']
NO_CSV = [b"", b"\n\n", "serial\n".encode("utf-16"), b"\0" * 100, b"A" * 10_000_000]


@pytest.mark.parametrize("data", NO_HEADERS + NO_CSV)
def test_a_file_that_is_not_such_a_csv_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^CSV: line [0-9]+: "):
        read(data)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("row", [b"A" * 5000, b"A" * 4097, b"," * 5000, b'"' + b"A" * 10_000_000])
def test_a_row_that_is_too_long_costs_itself_alone(row: bytes, end: bytes) -> None:
    tracemalloc.start()
    first, refusal, last = read(end.join([b"serial", b"B-2", row, b"C-3"]))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [first, last] == [CardOrder("B-2"), CardOrder("C-3")]
    assert str(refusal) == "line 3: row: is longer than 4096 characters"
    assert most < len(row) + 2_000_000


def test_a_row_of_the_greatest_length_is_read() -> None:
    assert read(b"serial\n" + b" " * 4093 + b"A-1\nB-2") == [CardOrder("A-1"), CardOrder("B-2")]


def test_a_cell_over_two_lines_is_refused_with_the_line_of_each() -> None:
    found = read(b'serial,owner\nA-1,anna\nB-2,"ben\nor carl"\nC-3,dora\n')
    assert [str(one) for one in found if isinstance(one, Refusal)] == [
        "line 3: row: is not CSV; is a quote not closed?",
        "line 4: row: must have 2 cells, as the first one has; it has 1",
    ]
    assert [one.serial for one in found if isinstance(one, CardOrder)] == ["A-1", "C-3"]


def test_the_callers_file_stays_open() -> None:
    file = io.BytesIO(b"serial\nA\nB\n")
    orders = read_serials(file)
    next(orders)
    orders.close()  # type: ignore[attr-defined]
    assert not file.closed


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused_in_words(data: bytes) -> None:
    for start in (b"", b"serial,owner\n"):
        with suppress(InputError):
            for order in read(start + data):
                assert isinstance(order, Refusal) or re.fullmatch("[A-Z0-9-]{1,16}", order.serial)


def test_a_card_is_a_row() -> None:
    data = written(card(owners=("anna", "Ben, jr.")), card("B"))
    assert data.startswith(b"serial,suite,state,state_since,state_reason,owners,enrolled_at\r\n")
    assert cells(data) == {
        "serial": "A-1",
        "suite": SUITE,
        "state": "lost",
        "state_since": "2023-11-14T22:14:20Z",
        "state_reason": "",
        "owners": "anna / Ben, jr.",
        "enrolled_at": "2023-11-14T22:13:20Z",
    }
    assert cells(data, 2)["serial"] == "B"


def test_no_cards_are_a_header() -> None:
    assert written().count(b"\n") == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_what_somebody_wrote_does_not_become_a_formula(start: str) -> None:
    formula = f"{start}HYPERLINK(A1)"
    found = cells(written(card(owners=(formula,), reason=formula)))
    assert found["owners"] == found["state_reason"] == f"'{formula}"


@pytest.mark.parametrize(
    ("reason", "written_as"),
    [
        *((f"x{divider} =1+1", f"x{divider}' =1+1") for divider in ";,\t|"),
        ('x;"=1+1"', 'x;\'"=1+1"'),
        ('"=1+1"', '\'"=1+1"'),
    ],
)
def test_nor_does_it_behind_another_divider_or_its_quotation_mark(reason: str, written_as: str) -> None:
    assert cells(written(card(reason=reason)))["state_reason"] == written_as


@pytest.mark.parametrize("name", ["anna", "a-b", "anna@example.com", "1+1=2", "O'Neill", "'", "Müller, jr."])
def test_a_harmless_name_is_written_as_it_is(name: str) -> None:
    assert cells(written(card(owners=(name,))))["owners"] == name


def test_a_serial_that_would_be_a_formula_comes_back_without_the_apostrophe() -> None:
    serial = cells(written(card("-A1")))["serial"]
    assert serial == "'-A1"
    assert read(f"serial\n{serial}\n".encode()) == read(b"serial\n-A1\n") == [CardOrder("-A1")]


def test_an_owner_comes_back_without_the_apostrophe() -> None:
    found = cells(written(card(owners=("=1+1",))))
    assert read(f'serial,owner\nA,"{found["owners"]}"\nB,\'anna\n'.encode()) == [
        CardOrder("A", owner="=1+1"),
        CardOrder("B", owner="'anna"),
    ]


def test_text_of_any_script_is_utf_8() -> None:
    assert "Ωμέγα 鈴木".encode() in written(card(owners=("Ωμέγα 鈴木",)))
