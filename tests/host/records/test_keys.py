"""The master key: its sources, its refusals, and what it seals."""

import os
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest

from dsc_host.errors import InputError, StoreError
from dsc_host.records.keys import Secret
from dsc_host.verifier import MasterKey

MASTER = bytes(range(32))
SECRET = b"sixteen bytes or so"


@pytest.fixture
def master() -> MasterKey:
    return MasterKey(MASTER)


def key_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_master_key_is_32_bytes() -> None:
    for wrong in (b"", b"short", bytes(31), bytes(33), "0" * 32, None, bytearray(32)):
        got = len(wrong) if isinstance(wrong, bytes) else type(wrong).__name__
        with pytest.raises(InputError, match=rf"^master key: must be 32 bytes.*got {got}$"):
            MasterKey(wrong)  # type: ignore[arg-type]


def test_hex_in_either_case_and_with_white_space_around_is_read_and_nothing_else_is(master: MasterKey) -> None:
    for text in (MASTER.hex(), MASTER.hex().upper(), f"  {MASTER.hex()}\r\n"):
        assert MasterKey.from_hex(text).id == master.id
    for text in ("", "zz" * 32, MASTER.hex()[:-1], MASTER.hex()[:-2], "\uff10" * 64, "0" * 63 + "\ud800"):
        with pytest.raises(InputError) as caught:
            MasterKey.from_hex(text)
        assert not text or text not in str(caught.value)


def test_a_written_key_is_read_back_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    master = MasterKey.generate()
    master.write(path)
    assert MasterKey.from_file(path).id == master.id
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_is_never_written_over(tmp_path: Path, master: MasterKey) -> None:
    path = key_file(tmp_path / "master.key", "another key")
    with pytest.raises(InputError, match=r"master.key cannot be written"):
        master.write(path)
    assert path.read_text() == "another key"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_key_file_open_to_others_is_refused_with_the_remedy(tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o620, 0o610, 0o666):
        path = key_file(tmp_path / "master.key", MASTER.hex(), mode)
        with pytest.raises(InputError, match=f"chmod 600 {path}"):
            MasterKey.from_file(path)


def test_a_key_file_that_is_none_is_named(tmp_path: Path) -> None:
    for text in ("", "not hex", MASTER.hex() * 2, "0" * 5000, "\xe0" * 32):
        path = key_file(tmp_path / "master.key", text)
        with pytest.raises(InputError, match=r"^master key: in .*master.key: must be"):
            MasterKey.from_file(path)
    for name in ("missing.key", "."):
        with pytest.raises(InputError, match="cannot be read"):
            MasterKey.from_file(tmp_path / name)


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, master: MasterKey) -> None:
    monkeypatch.setenv("MASTER", MASTER.hex())
    assert MasterKey.from_environment("MASTER").id == master.id


def test_an_environment_without_a_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER", raising=False)
    with pytest.raises(InputError, match="environment variable MASTER is not set"):
        MasterKey.from_environment("MASTER")
    monkeypatch.setenv("MASTER", "secret")
    with pytest.raises(InputError, match="in the environment variable MASTER: must be 64 hex digits"):
        MasterKey.from_environment("MASTER")


def test_a_key_never_shows(master: MasterKey) -> None:
    for shown in (repr(master), str(master), f"{master}", master.id):
        assert MASTER.hex() not in shown
        assert repr(MASTER) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(master)


def test_an_id_is_the_same_for_ever(master: MasterKey) -> None:
    # Databases store it: HKDF-SHA256 of the key, no salt, info "dscplus 1 id", 8 bytes.
    assert master.id == "93a64c5a1d0066e9"


def test_what_is_sealed_opens_and_is_never_sealed_alike(master: MasterKey) -> None:
    sealed = master.seal(SECRET, "IB3000123", Secret.KEY)
    assert SECRET not in sealed
    assert MasterKey(MASTER).unseal(sealed, "IB3000123", Secret.KEY) == SECRET
    assert sealed != master.seal(SECRET, "IB3000123", Secret.KEY)


def test_it_opens_only_as_what_it_was_sealed_as(master: MasterKey) -> None:
    sealed = master.seal(SECRET, "A", Secret.KEY)
    for serial, kind in [("B", Secret.KEY), ("A", Secret.PIN), ("", Secret.KEY)]:
        with pytest.raises(StoreError, match="does not open"):
            master.unseal(sealed, serial, kind)
    with pytest.raises(StoreError):
        MasterKey.generate().unseal(sealed, "A", Secret.KEY)


@pytest.mark.parametrize(("kind", "named"), [(Secret.VAULT, "secret ticket key: "), (Secret.PIN, "card ticket key: its PIN ")])
@pytest.mark.parametrize("sealed", [b"", "text", None])
def test_the_error_names_what_does_not_open(master: MasterKey, kind: Secret, named: str, sealed: Any) -> None:
    """SQLite accepts values of any type in a column, so a changed secret may be text or missing."""
    with pytest.raises(StoreError, match=f"^{named}"):
        master.unseal(sealed, "ticket key", kind)


def test_a_change_of_any_byte_and_a_cut_anywhere_are_noticed(master: MasterKey) -> None:
    sealed = master.seal(SECRET, "A", Secret.KEY)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        for wrong in (bytes(changed), sealed[:place]):
            with pytest.raises(StoreError):
                master.unseal(wrong, "A", Secret.KEY)
