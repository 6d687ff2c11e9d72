"""CSV with keys as other servers write it: each row becomes the card that its server had, or is refused with its line."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from tests.host.exchange import transfer_samples
from tests.host.exchange.transfer_samples import Told, saved, serials, untouched

from dsc_host import Enrollment, InputError, Verifier
from dsc_host.exchange import Refusal, import_csv, read_csv

office = transfer_samples.office

KEY = bytes(range(20))
SUITE, WITH_PIN = "OCRA-1:HOTP-SHA1-6:C-QN08", "OCRA-1:HOTP-SHA1-6:QN08-PSHA1"
SEED = KEY.hex()
NAMED = "serial,seed,type,suite"


def read(text: str, columns: str | None = None, suite: str | None = None) -> list[Enrollment | Refusal]:
    return list(read_csv(io.BytesIO(text.encode()), columns=columns, allow_plain=True, suite=suite))


CARD = Enrollment("AB1", KEY, suite=SUITE)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (f"serial,seed,type,suite\nAB1,{SEED},OCRA,{SUITE}\n", None),
        (f"AB1,{SEED},ocra2,{SUITE}\n", NAMED),
        (f"AB1;x;{SEED};{SUITE}", "serial,-,seed,suite"),
        (f"\ufeffSUITE;Serial;Seed\r\n{SUITE};AB1;0x{SEED.upper()}\r\n", None),
        (f"Token,Secret key,Vendor\n AB1 , {SEED} ,acme\n", "serial=Token,seed=secret KEY"),
    ],
    ids=["names", "no names", "skipped", "spreadsheet", "other names"],
)
def test_columns_are_found_by_name_or_place(text: str, columns: str | None) -> None:
    assert read(text, columns, suite=SUITE) == [CARD]


@pytest.mark.parametrize("seed", [base64.b32encode(KEY).decode(), base64.b32encode(KEY).decode().lower(), SEED.upper()])
def test_a_seed_is_hex_or_base32(seed: str) -> None:
    assert read(f"AB1,{seed},,{SUITE}", NAMED) == [CARD]


def test_a_row_may_have_counter_pin_and_owner() -> None:
    text = f"serial,seed,suite,counter,pin,owner\nAB1,{SEED},{SUITE},7,,anna\nAB2,{SEED},{WITH_PIN},,1234,\n"
    assert read(text) == [
        Enrollment("AB1", KEY, suite=SUITE, counter=7, owners=("anna",)),
        Enrollment("AB2", KEY, suite=WITH_PIN, pin="1234"),
    ]


def test_an_hotp_row_is_taken_under_the_suite_that_is_given() -> None:
    card, refusal = read(f"AB1,{SEED},HOTP,6\nAB2,{SEED},HOTP,8", NAMED, suite=SUITE)
    assert card == CARD
    assert isinstance(refusal, Refusal)
    assert "responses have 8 digits" in str(refusal)


BAD_ROWS = {
    "seed": ["AB1,,,", f"AB1,{SEED[1:]},,", f"AB1,{base64.b64encode(KEY).decode()},,", f"AB1,{SEED[:-1]}O,,", "AB1,ä,,"],
    "key": [f"AB1,{SEED[:30]},,{SUITE}"],
    "type": [f"AB1,{SEED},yubico,"],
    "suite": [f"AB1,{SEED},hotp,6", f"AB1,{SEED},ocra,", f"AB1,{SEED},ocra,OCRA-1"],
    "algorithm": [f"AB1,{SEED},TOTP,6"],
    "serial": [f"AB 1,{SEED},,{SUITE}", f"OK,{SEED},,{SUITE}"],
    "row": [f"AB1,{SEED}"],
}


@pytest.mark.parametrize(("row", "field"), [(row, field) for field, rows in BAD_ROWS.items() for row in rows])
def test_a_bad_row_is_told_with_its_line_and_without_its_seed(row: str, field: str) -> None:
    found = read(f"OK,{SEED},,{SUITE}\n\n{row}\nLAST,{SEED},,{SUITE}\n", NAMED)
    assert [one.serial for one in found if isinstance(one, Enrollment)] == ["OK", "LAST"]
    assert isinstance(found[1], Refusal)
    assert (found[1].number, found[1].line, found[1].error.field) == (2, 3, field)
    assert not any(part in f"{found[1]} {found[1]!r}" for part in (SEED[1:30], "AAECAwQF"))


@pytest.mark.parametrize(
    "columns",
    [
        "",
        "seed",
        "serial,seed,seed",
        "serial,color",
        "serial=a,seed",
        "serial=a,seed=a",
        "serial=,seed=b",
        "serial=a,x=b",
        "-=a,serial=b",
    ],
)
def test_columns_that_cannot_be_are_refused(columns: str) -> None:
    with pytest.raises(InputError, match=r"^columns: must be names from"):
        read(f"AB1,{SEED}\n", columns)


def test_a_column_that_the_file_lacks_is_named() -> None:
    with pytest.raises(InputError, match=r"^CSV: line 1: has no column 'token'"):
        read(f"serial,seed\nAB1,{SEED}\n", "serial=Token,seed=seed")


def test_keys_in_the_clear_must_be_allowed(office: Verifier, tmp_path: Path) -> None:
    file = saved(tmp_path, f"serial,seed,suite\nAB1,{SEED},{SUITE}\n".encode())
    with pytest.raises(InputError, match="holds keys in the clear"):
        import_csv(office, file)
    assert untouched(office)
    assert import_csv(office, file, allow_plain=True) == 1
    assert list(office.disclose()) == [CARD]


def test_a_dry_run_tells_of_each_card_and_keeps_none(office: Verifier, tmp_path: Path) -> None:
    office.enroll("AB2", key=KEY, suite=SUITE)
    rows = "".join(f"AB{number},{SEED},{SUITE}\n" for number in (*range(120), "*"))
    told = Told()
    taken: list[int] = []
    file = saved(tmp_path, f"serial,seed,suite\n{rows}".encode())
    options: dict[str, Any] = {
        "allow_plain": True,
        "refused": told.refusals.append,
        "taken": lambda card: taken.append(card.line),
    }
    assert import_csv(office, file, dry_run=True, **options) == 119 == len(taken)
    assert set(taken) == set(range(2, 122)) - {4}
    assert sorted(told.lines) == [(4, "AB2", "serial"), (122, None, "serial")]
    assert import_csv(office, file, dry_run=True, atomic=True, **options) == 0
    known = saved(tmp_path, f"serial,seed,suite\nAB1,{SEED},{SUITE}\nAB2,{SEED},{SUITE}\n".encode())
    assert import_csv(office, known, dry_run=True, atomic=True, **options) == 0, "the records refuse a card of the file"
    new = saved(tmp_path, f"serial,seed,suite\nAB1,{SEED},{SUITE}\n".encode())
    assert import_csv(office, new, dry_run=True, atomic=True, **options) == 1
    assert serials(office) == ["AB2"]


def test_an_order_has_other_names_of_columns_too(office: Verifier, tmp_path: Path) -> None:
    assert import_csv(office, saved(tmp_path, b"AB1,anna\n"), columns="serial,owner") == 1
    assert office.card("AB1").owners == ("anna",)
