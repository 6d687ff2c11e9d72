"""The command's database and master key: made the first time, found where they were named, and refused with the reason."""

import os
import re
import sqlite3
import sys

import pytest
from tests.host.commanding import KEY, PIN, SECRETS, TYPED, Command, challenge

from dsc_simulator import SimulatedCard

needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="has no file modes")
not_as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")


# ---- records of one's own ----


def test_records_and_a_key_are_made_the_first_time(dscplus: Command, blank: SimulatedCard) -> None:
    done = dscplus("personalize", "IB1", stdin=TYPED)
    database, key = dscplus.folder / "data/dscplus/dsc.db", dscplus.folder / "config/dscplus/master.key"
    assert done.code == 0
    assert done.err == f"Made a master key in {key}. Keep a copy: without it the records can't be read.\n"
    assert re.fullmatch("[0-9a-f]{64}\n", key.read_text())
    if sys.platform != "win32":
        modes = [path.stat().st_mode & 0o777 for path in (database, key, database.parent, key.parent)]
        assert modes == [0o600, 0o600, 0o700, 0o700]
    made = key.read_bytes()
    identity, question = challenge(dscplus)
    answer = dscplus("respond", question, stdin=TYPED).out.strip()
    verified = dscplus("verify", identity, answer)
    assert (verified.code, verified.err) == (0, "")
    assert key.read_bytes() == made


def test_a_master_key_that_was_lost_is_not_replaced(dscplus: Command) -> None:
    dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    key = dscplus.folder / "config/dscplus/master.key"
    key.unlink()
    for command in (["challenge", "IB1"], ["enroll", "IB2"]):
        done = dscplus(*command, stdin=f"{KEY.hex()}\n{PIN}\n")
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith(f"master key: there is none in {key}; name its file with --master-key")
        assert not key.exists()


def test_a_master_key_is_not_made_for_a_database_that_was_named(dscplus: Command) -> None:
    done = dscplus("enroll", "IB1", "--db", f"sqlite:///{dscplus.folder}/x.db", stdin=f"{KEY.hex()}\n{PIN}\n")
    assert (done.code, done.error.partition(";")[0]) == (
        2,
        f"master key: there is none in {dscplus.folder}/config/dscplus/master.key",
    )
    assert list(dscplus.folder.iterdir()) == []


def test_a_master_key_may_be_in_a_file(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dscplus.folder / "my.key"
    path.touch(0o600)
    path.write_text(bytes(range(32)).hex())
    for arguments in (["--master-key", str(path)], []):
        assert dscplus("enroll", f"IB{len(arguments)}", *arguments, stdin=f"{KEY.hex()}\n{PIN}\n").code == 0
        monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", str(path))
        monkeypatch.setenv("DSCPLUS_MASTER_KEY", "cd" * 32)


def test_a_folder_that_cannot_be_made(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    (dscplus.folder / "data").write_text("a file")
    done = dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(f"folder: {dscplus.folder}/data/dscplus cannot be made: ")


# ---- records that are refused ----


@pytest.mark.parametrize("serial", ["IB9", "ib1", "A" * 17, "IB1' OR 1=1", "IB1\0", "", "\udcff"])
def test_a_challenge_for_a_card_that_is_not_enrolled(dscplus: Command, serial: str) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=SECRETS)
    done = dscplus("challenge", serial)
    assert (done.code, done.out) == (1, "")
    assert "enrolled" in done.error


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("records.db", 2, "database: must be a URL such as sqlite:///dsc.db"),
        ("mysql://me:hush@host/x", 2, "database: must be a URL such as sqlite:///dsc.db, not mysql:"),
        ("postgresql://me:hush@127.0.0.1:1/x", 1, "postgresql database x on 127.0.0.1: it cannot be used: "),
        ("sqlite://host/x", 2, "database: three slashes"),
        ("sqlite:///x?mode=ro", 2, "database: takes no options"),
        ("sqlite://", 2, "database: must name a file"),
        ("sqlite:///:memory:", 2, "database: must name a file"),
        ("sqlite:///{folder}", 1, "{folder}: it is a folder"),
        ("sqlite:///{folder}/garbage", 1, "{folder}/garbage: it is not a dscplus database"),
        ("sqlite:///{folder}/other.db", 1, "{folder}/other.db: it is the database of another program"),
        ("sqlite:///{folder}/missing/x.db", 1, "{folder}/missing/x.db: there is no"),
        ("sqlite:///{folder}/" + "x" * 300, 1, "{folder}/" + "x" * 300 + ": "),
    ],
)
@pytest.mark.parametrize(
    "command", [["enroll", "IB1"], ["challenge", "IB1"], ["verify", "id", "1"]], ids=lambda words: words[0]
)
def test_a_wrong_database(dscplus: Command, url: str, code: int, words: str, command: list[str]) -> None:
    dscplus.with_records()
    garbage, other = dscplus.folder / "garbage", dscplus.folder / "other.db"
    garbage.write_bytes(b"a letter to my aunt\n" * 9)
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE letters (text)")
    db.close()
    before = garbage.read_bytes(), other.read_bytes()
    done = dscplus(*command, "--db", url.format(folder=dscplus.folder), stdin=SECRETS)
    assert (done.code, done.out) == (code, "")
    assert done.error.startswith(words.format(folder=dscplus.folder))
    assert "hush" not in done.err
    assert (garbage.read_bytes(), other.read_bytes()) == before
    assert sorted(path.name for path in dscplus.folder.iterdir()) == ["garbage", "other.db"]


@not_as_root
def test_a_folder_that_may_not_be_written(dscplus: Command) -> None:
    dscplus.with_records()
    folder = dscplus.folder / "locked"
    folder.mkdir(mode=0o500)
    done = dscplus("enroll", "IB1", "--db", f"sqlite:///{folder}/x.db", stdin=SECRETS)
    assert done.code == 1
    assert done.error.endswith("it cannot be made: Permission denied")


@pytest.mark.parametrize("command", [["challenge", "IB1"], ["verify", "id", "1"]], ids=lambda words: words[0])
def test_only_enrolling_makes_a_database(dscplus: Command, command: list[str]) -> None:
    done = dscplus(*command)
    assert done.code == 1
    assert "there is no such database" in done.error
    path = dscplus.with_records()
    assert dscplus(*command).error == f"{path}: there is no such database; enroll, personalize or person add makes it"
    assert list(dscplus.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("", "must be 32 bytes"),
        ("ab" * 31, "must be 32 bytes"),
        ("ab" * 33, "must be 32 bytes"),
        ("xy" * 32, "must be 64 hex digits"),
        ("é" * 64, "must be 64 hex digits"),
    ],
)
def test_a_wrong_master_key_file(dscplus: Command, content: str | None, words: str) -> None:
    path = dscplus.folder / "master.key"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
    done = dscplus("enroll", "IB1", "--master-key", str(path), "--db", f"sqlite:///{dscplus.folder}/x.db", stdin=SECRETS)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith("master key: ")
    assert words in done.error
    assert not (dscplus.folder / "x.db").exists()


@needs_modes
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_master_key_that_others_may_read(dscplus: Command, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dscplus.folder / "master.key"
    path.write_text("ab" * 32)
    path.chmod(mode)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", str(path))
    done = dscplus("enroll", "IB1", stdin=SECRETS)
    assert done.code == 2
    assert done.error.endswith(f"make it yours alone: chmod 600 {path}")


def test_a_master_key_that_is_a_folder(dscplus: Command) -> None:
    done = dscplus("enroll", "IB1", "--master-key", str(dscplus.folder), stdin=SECRETS)
    assert (done.code, done.error) == (2, f"master key: {dscplus.folder} cannot be read: Is a directory")


@pytest.mark.parametrize("digits", ["", "ab", "xy" * 32, "ab" * 33])
def test_a_wrong_master_key_in_the_environment(dscplus: Command, digits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dscplus.with_records()
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", digits)
    done = dscplus("enroll", "IB1", stdin=SECRETS)
    assert done.code == 2
    assert done.error.startswith("master key: in the environment variable DSCPLUS_MASTER_KEY: must be")
    assert not path.exists()


def test_another_master_key_than_the_records(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=SECRETS)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", "cd" * 32)
    for command in (["challenge", "IB1"], ["enroll", "IB2"], ["verify", "id", "1"]):
        done = dscplus(*command, stdin=SECRETS)
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith("master key: does not open this database")
    assert dscplus.enrolled() == ["IB1"]
