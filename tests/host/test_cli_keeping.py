"""The commands that keep the records: master keys, backups, and cards to and from other systems."""

import json
import os
import re
import stat
import sys
import threading
from pathlib import Path

import pytest
from tests.host.commanding import KEY, PIN, SECRETS, SUITE, Command, Done, challenge

from dsc_host import Suite, Verifier
from dsc_host.cli import keeping
from dsc_host.verifier import Keyring, MasterKey, rekeying, restore


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


@pytest.mark.parametrize("command", [["add"], ["promote", "{id}"], ["drop", "{id}"]], ids=lambda words: words[0])
def test_two_changes_at_once_lose_no_key(
    dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    second = json.loads(dscplus("key", "add", "--json").out)["id"]
    write = Keyring.write
    meanwhile: list[Done | None] = []

    def slowly(ring: Keyring, path: Path) -> None:
        if not meanwhile:
            meanwhile.append(None)
            # Another command, after this one has read the file and before it writes it.
            meanwhile.append(dscplus("key", "add", "--json"))
        write(ring, path)

    monkeypatch.setattr(Keyring, "write", slowly)
    assert dscplus("key", *(word.format(id=second) for word in command)).code == 0
    other = meanwhile[1]
    assert other
    assert (other.code, other.out) == (2, "")
    assert "another command changes the file" in other.error
    assert not keys.with_name("master.key.lock").exists()
    assert ids(dscplus)


def test_a_change_that_fails_gives_the_file_free(dscplus: Command, keys: Path) -> None:
    held = keys.read_bytes()
    keys.chmod(0o644)
    assert dscplus("key", "add").code == 2
    keys.chmod(0o600)
    keys.write_text("no key")
    assert dscplus("key", "add").code == 2
    keys.write_bytes(held)
    assert dscplus("key", "add").code == 0


def test_a_file_takes_no_more_keys_than_it_can_be_read_with(dscplus: Command, keys: Path) -> None:
    codes = [dscplus("key", "add").code for _ in range(20)]
    assert codes == [0] * 7 + [1] * 13
    assert len(ids(dscplus)) == 8
    assert logs_in(dscplus, 0)


def test_keys_in_the_environment_are_not_taken_for_those_in_a_file(
    dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = dscplus.folder / "config/dscplus/master.key"
    own.parent.mkdir(parents=True)
    MasterKey.generate().write(own)
    held = own.read_bytes()
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", keys.read_text().strip())
    assert dscplus("key", "add").code == 0, "the file that is named comes first"
    monkeypatch.delenv("DSCPLUS_MASTER_KEY_FILE")
    done = dscplus("key", "add")
    assert (done.code, done.out) == (2, "")
    assert "DSCPLUS_MASTER_KEY" in done.error
    assert own.read_bytes() == held


def test_both_keys_may_be_in_the_environment(dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DSCPLUS_MASTER_KEY_FILE")
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", f"{'cd' * 32} {keys.read_text().strip()}")
    assert json.loads(dscplus("rekey", "--json").out)["cards"] == 2
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", "cd" * 32)
    assert logs_in(dscplus, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="has no owners of files")
def test_what_a_link_leads_to_is_changed_and_stays_its_owners(dscplus: Command, keys: Path) -> None:
    real = keys.rename(keys.with_name("real.key"))
    keys.symlink_to(real)
    if os.geteuid() == 0:
        os.chown(real, 12345, 12345)
    owner = real.stat().st_uid
    assert dscplus("key", "add").code == 0
    assert keys.is_symlink()
    assert len(real.read_text().split()) == 2
    assert (real.stat().st_uid, real.stat().st_mode & 0o777) == (owner, 0o600)


@pytest.mark.skipif(sys.platform == "win32", reason="has no folders that can be synced")
def test_the_new_keys_outlive_a_power_cut(dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, int]] = []
    fsync = os.fsync

    def note(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), len(keys.read_text().split())))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    assert dscplus("key", "add").code == 0
    assert synced == [(False, 1), (True, 2)], "the keys before they have the name, and then the name"


def test_a_rekeying_that_is_stopped_goes_on(dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rekeying, "BATCH", 1)
    new = json.loads(dscplus("key", "add", "--json").out)["id"]
    dscplus("key", "promote", new)
    rekey = Verifier.rekey

    def stopped(verifier: Verifier, **_: object) -> int:
        def stop(_done: int, _of: int) -> None:
            raise KeyboardInterrupt

        return rekey(verifier, done=stop)

    with monkeypatch.context() as patched:
        patched.setattr(Verifier, "rekey", stopped)
        done = dscplus("rekey")
    assert (done.code, done.out, done.error) == (130, "", "stopped")
    assert "dscplus rekey goes on with those that are left" in done.err
    assert [cards for _, _, cards in ids(dscplus)] == [1, 1]
    assert logs_in(dscplus, 0)
    assert json.loads(dscplus("rekey", "--json").out)["cards"] == 1
    assert [cards for _, _, cards in ids(dscplus)] == [2, 0]


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


@pytest.mark.parametrize("command", ["backup", "export"])
@pytest.mark.parametrize("name", ["records.db", "link.db", "master.key"])
def test_force_does_not_go_as_far_as_the_records_and_their_key(dscplus: Command, keys: Path, command: str, name: str) -> None:
    keys.with_name("link.db").symlink_to(keys.with_name("records.db"))
    done = dscplus(command, str(keys.with_name(name)), "--force", stdin="correct horse battery\n")
    assert (done.code, done.out) == (2, "")
    assert done.error.endswith("is where the records or their master key are; choose another name")
    assert logs_in(dscplus, 0)


def test_a_backup_that_is_of_no_use_makes_no_records(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.backup"
    assert dscplus("backup", str(file)).code == 0
    whole = file.read_bytes()
    before = sorted(path.name for path in tmp_path.iterdir())
    for content in (b"", b"a letter to my aunt\n", whole[:-200], whole + b"\n", whole.replace(b"IB2", b"IB3"), b"\0" * 100_000):
        file.write_bytes(content)
        done = dscplus("restore", str(file), "--db", f"sqlite:///{tmp_path / 'other.db'}")
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith("backup: line ")
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    file.write_bytes(whole)
    assert dscplus("restore", str(file), "--db", f"sqlite:///{tmp_path / 'other.db'}").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "other.db"])
    assert (tmp_path / "other.db").stat().st_mode & 0o777 == 0o600


def test_a_restoring_that_is_stopped_leaves_nothing(
    dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "records.backup"
    assert dscplus("backup", str(file)).code == 0
    before = sorted(path.name for path in tmp_path.iterdir())

    def stopped(url: str, *_: object, **__: object) -> int:
        Verifier.open(url, master_key=MasterKey.generate()).close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "restore", stopped)
        assert dscplus("restore", str(file), "--db", f"sqlite:///{tmp_path / 'other.db'}").code == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_restoring_does_not_replace_what_came_meanwhile(
    dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other = tmp_path / "records.backup", tmp_path / "other.db"
    assert dscplus("backup", str(file)).code == 0

    def slowly(*arguments: object, **options: object) -> int:
        assert dscplus("enroll", "IB9", "--db", f"sqlite:///{other}", stdin=SECRETS).code == 0
        return restore(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "restore", slowly)
    done = dscplus("restore", str(file), "--db", f"sqlite:///{other}")
    assert (done.code, done.out) == (1, "")
    assert "another command has made it meanwhile" in done.error
    assert dscplus("card", "list", "--db", f"sqlite:///{other}").out.split()[0] == "IB9"


def test_the_users_own_records_come_back(dscplus: Command, tmp_path: Path) -> None:
    assert dscplus("enroll", "IB1", stdin=SECRETS).code == 0
    assert dscplus("backup", str(tmp_path / "records.backup")).code == 0
    (dscplus.folder / "data/dscplus/dsc.db").unlink()
    (dscplus.folder / "data/dscplus").rmdir()
    assert dscplus("restore", str(tmp_path / "records.backup")).code == 0
    assert logs_in(dscplus, 0)


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
