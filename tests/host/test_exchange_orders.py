"""Orders of cards that are to be made, as CSV: taken in with keys of their own, and listed again without."""

import gc
import io
import re
from pathlib import Path

import pytest
from tests.host import moving
from tests.host.exchanging import CARDS, DATA, KEY, WITH_PIN
from tests.host.moving import Told, enrolled, saved, serials, untouched

from dsc_host import Enrolment, InputError, Verifier
from dsc_host.exchange import export_csv, export_pskc, import_csv, read_pskc, read_serials, sheets

office, few_iterations = moving.office, moving.few_iterations

ORDER = b"\xef\xbb\xbfserial;suite;owner\r\nA-1;;anna\r\nb-2;;\r\nC-3;OCRA-1:HOTP-SHA1-6:QN08;\r\nA-1;;ben\r\n"


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
    monkeypatch.setattr(sheets, "_check", lambda _: None)
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
    secret = Enrolment("S-9", b"SECRET0123456789", suite=WITH_PIN, pin="9876", duress_pin="6789", owners=("=1+1",))
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
