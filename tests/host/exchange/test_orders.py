"""Cards and orders of cards as CSV: files that spreadsheets have changed are read, and no secret is written."""

import csv
import gc
import io
import re
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.host.exchange import transfer_samples
from tests.host.exchange.exchange_samples import CARDS, DATA, KEY, WITH_PIN
from tests.host.exchange.transfer_samples import Told, enrolled, saved, serials, untouched

from dsc_host import Card, Enrollment, InputError, State, Verifier
from dsc_host.exchange import (
    CardOrder,
    Refusal,
    csv_files,
    export_csv,
    export_pskc,
    import_csv,
    read_csv,
    read_pskc,
    read_serials,
    write_cards,
)
from dsc_host.ocra import DEFAULT_SUITE

office, few_iterations = transfer_samples.office, transfer_samples.few_iterations

ORDER = b"\xef\xbb\xbfserial;suite;owner\r\nA-1;;anna\r\nb+2;;\r\nC-3;OCRA-1:HOTP-SHA1-6:QN08;\r\nA-1;;ben\r\n"


def test_the_cards_of_an_order_get_keys_and_pins_of_their_own(office: Verifier, tmp_path: Path) -> None:
    told = Told()
    assert import_csv(office, saved(tmp_path, ORDER), refused=told.refusals.append, done=told.done) == 2
    assert told.lines == [(3, None, "serial"), (5, "A-1", "serial")]
    assert told.progress[-1] == (len(ORDER), len(ORDER))
    first, second = office.disclose()
    assert (first.serial, first.owners, second.serial, second.owners) == ("A-1", ("anna",), "C-3", ())
    assert first.pin is not None
    assert re.fullmatch("[0-9]{4}", first.pin)
    assert second.pin is None
    assert len(first.key) == len(second.key) == 32
    assert first.key != second.key
    assert export_pskc(office, tmp_path / "x", key=KEY) == 2
    with open(tmp_path / "x", "rb") as file:
        assert list(read_pskc(file, key=KEY)) == [first, second]


def test_what_the_records_refuse_is_told_in_their_words(
    office: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "_check", lambda _: None)
    told = Told()
    order = saved(tmp_path, b"serial,owner\nA-1,anna\nB-2," + b"x" * 1000 + b"\n")
    assert import_csv(office, order, refused=told.refusals.append) == 1
    assert told.lines == [(3, "B-2", "owner")]


def test_pins_of_an_order_differ(office: Verifier, tmp_path: Path) -> None:
    import_csv(office, saved(tmp_path, b"serial\n" + b"".join(b"N%d\n" % number for number in range(50))))
    assert len({card.pin for card in office.disclose()}) > 25


def test_an_order_goes_in_whole_or_not_at_all(office: Verifier, tmp_path: Path) -> None:
    told = Told()
    assert import_csv(office, saved(tmp_path, ORDER), atomic=True, refused=told.refusals.append) == 0
    assert [line for line, *_ in told.lines] == [3, 5]
    assert serials(office) == []
    assert import_csv(office, saved(tmp_path, b"serial\nA-1\nC-3\n"), atomic=True) == 2
    assert import_csv(office, saved(tmp_path, b"serial\nD-4\nC-3\n"), refused=told.refusals.append) == 1
    assert told.lines[-1] == (3, "C-3", "serial")


@pytest.mark.parametrize("data", [b"", DATA[:9000]], ids=range(2))
def test_what_is_no_order_changes_nothing(office: Verifier, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match=r"^CSV: line 1: must name the columns"):
        import_csv(office, saved(tmp_path, data))
    assert untouched(office)


def test_a_csv_of_all_cards_holds_no_secret(office: Verifier, tmp_path: Path) -> None:
    secret = Enrollment("S-9", b"SECRET0123456789", suite=WITH_PIN, pin="9876", duress_pin="6789", owners=("=1+1",))
    enrolled(office, [*CARDS, secret])
    office.retire("A-1")
    told = Told()
    assert export_csv(office, tmp_path / "x", done=told.done) == 4
    assert told.progress[-1] == (4, 4)
    data = (tmp_path / "x").read_bytes()
    assert [row.split(b",")[0] for row in data.splitlines()] == [b"serial", b"A-1", b"B-2", b"C-3", b"S-9"]
    assert b",'=1+1," in data
    for word in (b"SECRET", b"9876", b"6789", secret.key.hex().encode()):
        assert word not in data


def test_a_file_may_be_closed_while_its_orders_are_read() -> None:
    file = io.BytesIO(ORDER)
    orders = read_serials(file)
    assert next(orders)
    file.close()
    del orders
    gc.collect()


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
    "serial": [b"a+1,,", b",,anna", b"A\0,,", "\u0661,,".encode(), b"\xc4,,", b"A" * 33 + b",,", b"OK,,"],
    "suite": [b"A,OCRA-1,", b"A,OCRA-1:HOTP-SHA1-6:QN08-S064,"],
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


NO_HEADERS = [b"A-1\nB-2\n", b"suite,owner\n", b"serial,serial\n", b"serial,color\n", b"serial\towner\n", b'"serial\n']
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
        "line 4: row: must have 2 cells, one for each column; it has 1",
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
                assert isinstance(order, Refusal) or re.fullmatch("[A-Za-z0-9._/-]{1,32}", order.serial)


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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\r=", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
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
        ("\t=1+1", "'\t'=1+1"),
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


@given(st.text("=+-@'\"; ,|A\uff1d", min_size=1, max_size=12).map(str.strip).filter(bool))
@example("A;=B")
@example("'=x")
@example("''=x;'\"'-y")
def test_what_is_written_comes_back_as_it_was(owner: str) -> None:
    data, columns = io.BytesIO(written(card(owners=(owner,)))), "serial=serial,owner=owners"
    (order,) = csv_files.placed_orders(data, columns)
    assert isinstance(order, csv_files.PlacedOrder)
    assert order.order.owner == owner


@pytest.mark.parametrize("owner", ["A;=B", "=1+1", "'anna", "a;'b", "'", "A,-B", "- x"])
def test_an_owner_in_a_file_of_another_program_is_read_as_it_is(owner: str) -> None:
    assert read(f'serial,owner\nA,"{owner}"\n'.encode()) == [CardOrder("A", owner=owner)]


def test_a_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"a letter before\n" + ORDER)
    file.readline()
    found = list(read_csv(file))
    assert [each.serial for each in found if isinstance(each, Enrollment)] == ["A-1", "C-3"]


def test_text_of_any_script_is_utf_8() -> None:
    assert "Ωμέγα 鈴木".encode() in written(card(owners=("Ωμέγα 鈴木",)))
