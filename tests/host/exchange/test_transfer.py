"""Moving cards between a verifier's records and a file: each card is moved or reported with a reason, nothing halfway."""

import os
import re
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.host import verifier_samples
from tests.host.exchange import exchange_samples, transfer_samples
from tests.host.exchange.exchange_samples import CARDS, KEY, SUITE
from tests.host.exchange.transfer_samples import PASSPHRASE, Told, enrolled, saved, serials, untouched

from dsc_host import Enrollment, InputError, State, UnknownCard, Verifier
from dsc_host.exchange import encryption, export_csv, export_pskc, files, import_csv, import_pskc, packages, read_pskc

office, few_iterations, small_batches = transfer_samples.office, transfer_samples.few_iterations, transfer_samples.small_batches
FULL = [
    Enrollment("P-1", bytes(range(32)), pin="1234", counter=7, duress_pin="4321", owners=("anna", "ben")),
    Enrollment("U-2", bytes(range(20)), suite=SUITE, unlock_key=bytes(range(1, 33)), counter=2**64 - 2),
]
MANY = [Enrollment(f"N{number:04}", number.to_bytes(16, "big"), suite=SUITE) for number in range(61)]
"""More cards than one page of the records and one batch of an import."""


@cache
def many() -> bytes:
    return exchange_samples.written(MANY)


@pytest.mark.parametrize("secret", [{"key": KEY}, {"passphrase": PASSPHRASE}])
def test_cards_go_to_another_verifier_with_all_that_is_theirs(office: Verifier, tmp_path: Path, secret: dict[str, Any]) -> None:
    enrolled(office, FULL)
    told = Told()
    assert export_pskc(office, tmp_path / "cards.pskc", **secret, done=told.done) == 2
    assert told.progress[-1] == (2, 2)
    with Verifier.open("sqlite://", master_key=verifier_samples.MASTER) as other:
        assert import_pskc(other, tmp_path / "cards.pskc", **secret, refused=told.refusals.append, done=told.done) == 2
        assert list(other.disclose()) == FULL
    assert told.refusals == []
    size = (tmp_path / "cards.pskc").stat().st_size
    assert told.progress[-1] == (size, size)


def test_progress_goes_on_and_on(office: Verifier, tmp_path: Path) -> None:
    enrolled(office, MANY)
    out, back = Told(), Told()
    assert export_pskc(office, tmp_path / "x", key=KEY, done=out.done) == len(MANY)
    with Verifier.open("sqlite://", master_key=verifier_samples.MASTER) as other:
        assert import_pskc(other, tmp_path / "x", key=KEY, done=back.done) == len(MANY)
        assert list(other.disclose()) == MANY
    for told in (out, back):
        assert len({so_far for so_far, _ in told.progress}) > 5
        assert told.progress == sorted(told.progress)
        assert told.progress[-1][0] == told.progress[-1][1]
        assert len({of for _, of in told.progress}) == 1


def test_chosen_cards_go_alone_and_once(office: Verifier, tmp_path: Path) -> None:
    enrolled(office, CARDS)
    assert export_pskc(office, tmp_path / "x", key=KEY, serials=["C-3", "A-1", "C-3"]) == 2
    with open(tmp_path / "x", "rb") as file:
        assert list(read_pskc(file, key=KEY)) == [CARDS[2], CARDS[0]]


@pytest.mark.parametrize("chosen", [None, ["A-1", "B-2", "C-3", "S"]])
def test_a_card_that_pskc_would_bring_back_into_use_stays_here(
    office: Verifier, tmp_path: Path, chosen: list[str] | None
) -> None:
    enrolled(office, [*CARDS, Enrollment("S", bytes(16), suite=SUITE)])
    office.lost("A-1")
    office.retire("B-2")
    office.suspend("S")
    told = Told()
    assert export_pskc(office, tmp_path / "x", key=KEY, serials=chosen, left_out=told.leave_out) == 1
    assert told.left_out == [("A-1", State.LOST), ("B-2", State.RETIRED), ("S", State.SUSPENDED)]
    with open(tmp_path / "x", "rb") as file:
        assert list(read_pskc(file, key=KEY)) == [CARDS[2]]


def test_what_is_written_is_its_owners_alone_and_nothing_else_is_left(office: Verifier, tmp_path: Path) -> None:
    enrolled(office, CARDS)
    before = os.umask(0)
    try:
        export_pskc(office, tmp_path / "cards.pskc", key=KEY)
        export_csv(office, tmp_path / "cards.csv")
    finally:
        os.umask(before)
    assert sorted(os.listdir(tmp_path)) == ["cards.csv", "cards.pskc"]
    for name in os.listdir(tmp_path):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_fails_half_way_leaves_what_was_there(office: Verifier, tmp_path: Path, overwrite: bool) -> None:
    enrolled(office, MANY)
    (tmp_path / "x").write_bytes(b"before")
    path = tmp_path / ("x" if overwrite else "y")

    def stop(so_far: int, _of: int) -> None:
        if so_far > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_pskc(office, path, key=KEY, overwrite=overwrite, done=stop)
    with pytest.raises(KeyboardInterrupt):
        export_csv(office, path, overwrite=overwrite, done=stop)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"before")]


def test_a_file_is_replaced_only_if_that_is_said(office: Verifier, tmp_path: Path) -> None:
    enrolled(office, CARDS)
    path = tmp_path / "x"
    path.write_bytes(b"before")
    path.chmod(0o644)
    with pytest.raises(InputError, match=r"^file: .*already exists"):
        export_pskc(office, path, key=KEY)
    with pytest.raises(InputError, match=r"^file: .*already exists"):
        export_csv(office, path)
    assert path.read_bytes() == b"before"
    assert "cards.disclose" not in [entry.action for entry in office.audit.entries()]
    assert export_pskc(office, path, key=KEY, overwrite=True) == 3
    assert b"KeyContainer" in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "folder", "dangling", "folder/none/x", "nul\0"):
        with pytest.raises(InputError, match=r"^file: "), files.new_file(tmp_path / name, overwrite=overwrite):
            pytest.fail("the file was opened")
    assert sorted(os.listdir(tmp_path)) == ["dangling", "folder", "pipe"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_somebody_else_makes_meanwhile_is_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "there are no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "x"

    def write() -> None:
        with files.new_file(path) as file:
            file.write(b"ours")
            path.write_bytes(b"theirs")

    with pytest.raises(InputError, match="already exists"):
        write()
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"theirs")]
    path.unlink()
    with files.new_file(path) as file:
        file.write(b"ours")
        file.flush()
        assert not path.exists(), "the file is never there half-written"
        assert [stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()] == [0o600]
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("x", b"ours")]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, InputError),
        ({"passphrase": "short"}, InputError),
        ({"key": KEY, "passphrase": PASSPHRASE}, InputError),
        ({"key": KEY, "serials": []}, InputError),
        ({"key": KEY, "serials": ["A-1", "NONE"]}, UnknownCard),
        ({"key": KEY, "serials": ["\u0661"]}, UnknownCard),
    ],
)
def test_an_export_that_cannot_be_leaves_no_file(
    office: Verifier, tmp_path: Path, given: dict[str, Any], error: type[Exception]
) -> None:
    enrolled(office, CARDS)
    with pytest.raises(error):
        export_pskc(office, tmp_path / "x", **given)
    assert list(tmp_path.iterdir()) == []
    if "key" not in given or "passphrase" in given:
        assert "cards.disclose" not in [entry.action for entry in office.audit.entries()]


def test_a_bad_package_is_told_with_its_line_and_the_rest_go_in(office: Verifier, tmp_path: Path) -> None:
    enrolled(office, CARDS[2:])
    data = exchange_samples.in_second_package(rb"<pskc:ValueMAC>....", b"<pskc:ValueMAC>AAAA")
    told = Told()
    assert import_pskc(office, saved(tmp_path, data), key=KEY, refused=told.refusals.append) == 1
    starts = [at for at, line in enumerate(data.splitlines(), 1) if b"<pskc:KeyPackage>" in line]
    assert told.lines == [(starts[1], "B-2", "package"), (starts[2], "C-3", "serial")]
    assert str(told.refusals[1]) == f"line {starts[2]}, card C-3: serial: is already enrolled"
    assert serials(office) == ["A-1", "C-3"]


@pytest.mark.parametrize("number", [3, 51, 61])
def test_with_atomic_every_bad_one_is_told(office: Verifier, tmp_path: Path, number: int) -> None:
    """Bad cards after the last whole batch of 50 are reported too."""
    enrolled(office, MANY[number - 1 : number])
    data = exchange_samples.written(MANY[:number])
    data = exchange_samples.in_second_package(rb"<pskc:ValueMAC>....", b"<pskc:ValueMAC>AAAA", data)
    told = Told()
    assert import_pskc(office, saved(tmp_path, data), key=KEY, atomic=True, refused=told.refusals.append) == 0
    assert [(refusal.number, refusal.serial) for refusal in told.refusals] == [(2, "N0001"), (number, f"N{number - 1:04}")]
    assert serials(office) == [MANY[number - 1].serial]


@pytest.mark.parametrize("apart", [2, 60])
def test_a_serial_that_comes_again_is_refused_with_its_line(office: Verifier, tmp_path: Path, apart: int) -> None:
    again = Enrollment(MANY[0].serial, bytes(20), suite=SUITE)
    data = exchange_samples.written([*MANY[:apart], again], key=KEY)
    told = Told()
    assert import_pskc(office, saved(tmp_path, data), key=KEY, refused=told.refusals.append) == apart
    last = max(at for at, line in enumerate(data.splitlines(), 1) if b"<pskc:KeyPackage>" in line)
    assert told.lines == [(last, MANY[0].serial, "serial")]
    assert next(office.disclose([MANY[0].serial])) == MANY[0]


ENTITY = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
# Changes at the head of the file, at its end, and to all of it. tests/host/exchange/test_hostile.py has all kinds.
OF_NO_USE: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("document type", lambda data: ENTITY + data.partition(b"?>")[2].lstrip()),
    ("is it complete", lambda data: data[:-100]),
    ("nothing in it decrypts", lambda _: exchange_samples.written(MANY[:20], key=bytes(16))),
]


@pytest.mark.parametrize(("problem", "change"), OF_NO_USE)
def test_of_a_file_of_no_use_nothing_goes_in(
    office: Verifier, tmp_path: Path, problem: str, change: Callable[[bytes], bytes]
) -> None:
    path = saved(tmp_path, change(many()))
    for atomic in (False, True):
        with pytest.raises(InputError, match=problem) as raised:
            import_pskc(office, path, key=KEY, atomic=atomic)
        assert raised.value.field == "PSKC file"
        assert untouched(office)


def test_a_file_that_is_encrypted_needs_its_key(office: Verifier, tmp_path: Path) -> None:
    clear = re.findall(rb"<pskc:KeyPackage>.*</pskc:KeyPackage>", exchange_samples.plain({"serial": "CLEAR"}), re.DOTALL)
    encrypted = exchange_samples.written(CARDS, key=KEY)
    data = encrypted.replace(b"</pskc:MACMethod>", b"</pskc:MACMethod>" + b"".join(clear))
    with pytest.raises(InputError, match="is encrypted; give its key"):
        import_pskc(office, saved(tmp_path, data), allow_plain=True)
    assert untouched(office)


@pytest.mark.parametrize("work", [lambda v, path: import_pskc(v, path, key=KEY), import_csv], ids=["pskc", "csv"])
@pytest.mark.parametrize("name", ["none", "folder", "pipe", "nul\0"], ids=["none", "folder", "pipe", "NUL"])
def test_what_is_no_file_is_refused(office: Verifier, tmp_path: Path, work: Any, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"^file: "):
        work(office, tmp_path / name)
    assert untouched(office)


def test_the_passphrases_key_is_made_before_anybody_has_to_wait(
    office: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    opener, enroll_all = encryption.Opener, Verifier.enroll_all

    def open_it(*given: Any) -> Any:
        events.append("key")
        return opener(*given)

    def enroll(*given: Any, **named: Any) -> int:
        events.append("enroll")
        return enroll_all(*given, **named)

    monkeypatch.setattr(packages, "Opener", open_it)
    monkeypatch.setattr(Verifier, "enroll_all", enroll)
    path = saved(tmp_path, exchange_samples.written(CARDS, passphrase=PASSPHRASE))
    assert import_pskc(office, path, passphrase=PASSPHRASE, atomic=True) == 3
    assert events == ["key", "enroll"]
