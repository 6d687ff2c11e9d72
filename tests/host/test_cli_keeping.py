"""The commands that keep the records: master keys, backups, and cards to and from other systems."""

import json
import re
import threading
from pathlib import Path

import pytest
from tests.host.commanding import KEY, PIN, SECRETS, SUITE, Command, challenge

from dsc_host import Suite
from dsc_host.cli import keeping
from dsc_host.verifier import MasterKey


@pytest.fixture
def keys(dscplus: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Records with two cards, whose master key is in a file."""
    dscplus.with_records()
    monkeypatch.delenv("DSCPLUS_MASTER_KEY")
    path = tmp_path / "master.key"
    MasterKey(bytes(range(32))).write(path)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", str(path))
    for serial in ("IB1", "IB2"):
        assert dscplus("enroll", serial, stdin=SECRETS).code == 0
    return path


def ids(dscplus: Command) -> list[tuple[str, bool, int]]:
    return [(key["id"], key["seals"], key["cards"]) for key in json.loads(dscplus("key", "list", "--json").out)]


def logs_in(dscplus: Command, counter: int) -> bool:
    issued, question = challenge(dscplus)
    return dscplus("verify", issued, Suite.parse(SUITE).response(KEY, question, counter=counter, pin=PIN)).code == 0


# ---- master keys ----


def test_a_master_key_is_changed_step_by_step(dscplus: Command, keys: Path) -> None:
    old = MasterKey(bytes(range(32))).id
    assert ids(dscplus) == [(old, True, 2)]
    new = json.loads(dscplus("key", "add", "--json").out)["id"]
    assert ids(dscplus) == [(old, True, 2), (new, False, 0)]
    assert logs_in(dscplus, 0)
    assert dscplus("key", "promote", new).code == 0
    assert ids(dscplus) == [(new, True, 0), (old, False, 2)]
    refused = dscplus("key", "drop", old)
    assert (refused.code, refused.error) == (
        1,
        f"2 cards, or the end of the log, are still sealed under {old}; dscplus rekey first",
    )
    assert json.loads(dscplus("rekey", "--json").out) == {"key": new, "cards": 2}
    assert json.loads(dscplus("rekey", "--json").out) == {"key": new, "cards": 0}, "begun again, there is nothing left"
    assert logs_in(dscplus, 1)
    assert dscplus("key", "drop", old).code == 0
    assert ids(dscplus) == [(new, True, 2)]
    assert logs_in(dscplus, 2)
    assert dscplus("audit", "verify").code == 0
    assert keys.stat().st_mode & 0o777 == 0o600
    assert len(keys.read_text().split()) == 1
    dscplus.assert_no_secret_was_printed()


def test_the_key_that_seals_is_not_dropped_and_others_are_named(dscplus: Command, keys: Path) -> None:
    held = keys.read_bytes()
    assert "promote another one first" in dscplus("key", "drop", ids(dscplus)[0][0]).error
    for command in ("drop", "promote"):
        done = dscplus("key", command, "0123456789abcdef")
        assert (done.code, done.out) == (2, "")
        assert ids(dscplus)[0][0] in done.error
    assert keys.read_bytes() == held


def test_another_who_changes_the_file_is_not_written_over(dscplus: Command, keys: Path) -> None:
    draft = keys.with_name("master.key.new")
    draft.write_text("somebody's")
    held = keys.read_bytes()
    done = dscplus("key", "add")
    assert (done.code, done.out) == (2, "")
    assert str(draft) in done.error
    assert (keys.read_bytes(), draft.read_text()) == (held, "somebody's")


def test_keys_that_are_not_in_a_file_are_not_changed(dscplus: Command) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=SECRETS)
    done = dscplus("key", "add")
    assert (done.code, done.out) == (2, "")
    assert "--master-key" in done.error


def test_without_the_old_key_it_says_so(dscplus: Command, keys: Path) -> None:
    new = json.loads(dscplus("key", "add", "--json").out)["id"]
    dscplus("key", "promote", new)
    keys.write_text(keys.read_text().split()[0])
    done = dscplus("rekey")
    assert (done.code, done.out) == (2, "")
    assert "master key" in done.error


# ---- backups ----


def test_a_backup_comes_back(dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "records.backup"
    assert logs_in(dscplus, 0)
    done = dscplus("backup", str(file), "--json")
    assert json.loads(done.out) == {"file": str(file), "cards": 2}
    assert file.stat().st_mode & 0o777 == 0o600
    again = dscplus("backup", str(file))
    assert (again.code, again.out) == (2, "")
    assert dscplus("backup", str(file), "--force").code == 0
    monkeypatch.setenv("DSCPLUS_DB", f"sqlite:///{tmp_path / 'other.db'}")
    assert json.loads(dscplus("restore", str(file), "--json").out)["cards"] == 2
    assert logs_in(dscplus, 1)
    assert dscplus("audit", "verify").code == 0
    twice = dscplus("restore", str(file))
    assert (twice.code, twice.out) == (1, "")
    assert "there are records in it already" in twice.error


def test_a_backup_that_was_cut_short_is_refused(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.backup"
    dscplus("backup", str(file))
    file.write_bytes(file.read_bytes()[:-200])
    done = dscplus("restore", str(file), "--db", f"sqlite:///{tmp_path / 'other.db'}")
    assert (done.code, done.out) == (2, "")
    assert re.search(r"backup: line \d+ .*not whole", done.error)
    for name in ("nothing.backup", "."):
        assert dscplus("restore", str(tmp_path / name), "--db", f"sqlite:///{tmp_path / 'third.db'}").code == 2


def test_a_backup_that_is_stopped_leaves_nothing(
    dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_verifier: object, file: object, **_: object) -> int:
        file.write(b"half")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "backup", stopped)
    assert dscplus("backup", str(tmp_path / "records.backup")).code == 130
    assert not list(tmp_path.glob("*backup*"))


# ---- other systems ----


def test_cards_move_by_pskc(dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pskc")
    file = tmp_path / "cards.pskc"
    passphrase = "correct horse battery\n"
    assert json.loads(dscplus("export", str(file), "--json", stdin=passphrase).out)["cards"] == 2
    assert KEY.hex() not in file.read_text()
    monkeypatch.setenv("DSCPLUS_DB", f"sqlite:///{tmp_path / 'other.db'}")
    dscplus("enroll", "IB2", stdin=SECRETS)
    wrong = dscplus("import", str(file), stdin="wrong horse battery\n")
    assert (wrong.code, wrong.out) == (2, "")
    none = dscplus("import", str(file), "--atomic", "--json", stdin=passphrase)
    assert (none.code, json.loads(none.out)) == (1, {"file": str(file), "cards": 0, "left_out": 1})
    assert "nothing was imported" in none.error
    some = dscplus("import", str(file), stdin=passphrase)
    assert some.code == 1
    assert re.search(r"^left out: line \d+, card IB2: .*enrolled already", some.err, re.MULTILINE)
    assert logs_in(dscplus, 0)
    dscplus.assert_no_secret_was_printed()


def test_a_key_of_its_own_encrypts_it(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    pytest.importorskip("pskc")
    file, key = tmp_path / "one.pskc", tmp_path / "transport.key"
    key.write_text("00112233445566778899aabbccddeeff\n")
    done = dscplus("export", str(file), "IB2", "--key-file", str(key), "--json")
    assert json.loads(done.out)["cards"] == 1
    dscplus("card", "retire", "IB2", "--yes")
    assert json.loads(dscplus("import", str(file), "--key-file", str(key), "--json").out)["cards"] == 1
    for text in ("0011", "x" * 32, ""):
        key.write_text(text)
        bad = dscplus("import", str(file), "--key-file", str(key))
        assert (bad.code, bad.out) == (2, "")
        assert "16, 24 or 32 bytes in hex" in bad.error


def test_serials_of_a_shop_floor(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "order.csv"
    file.write_text("serial,owner\nSHOP-1,alice\nshop-2,bob\nSHOP-3,\nIB1,carol\n")
    done = dscplus("import", str(file), "--json")
    assert (done.code, json.loads(done.out)["cards"], json.loads(done.out)["left_out"]) == (1, 2, 2)
    assert [line.split(":")[1] for line in done.err.splitlines()[:2]] == [" line 3", " line 5, card IB1"]
    assert dscplus("card", "list", "--owner", "alice").out.startswith("SHOP-1 ")
    listed = tmp_path / "cards.csv"
    assert json.loads(dscplus("export", str(listed), "--json").out)["cards"] == 4
    assert "SHOP-3" in listed.read_text()
    for arguments in (["export", str(listed), "IB1"], ["import", str(file), "--suite", SUITE]):
        assert dscplus(*arguments).code == 2


def test_two_backups_at_once_are_two_backups(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    names = [str(tmp_path / f"{number}.backup") for number in range(2)]
    from dsc_host.cli.main import run

    threads = [threading.Thread(target=run, args=(["backup", name],)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number, name in enumerate(names):
        assert dscplus("restore", name, "--db", f"sqlite:///{tmp_path / str(number)}.db").code == 0
