"""Files that must survive a crash: after a file is made or replaced, its entry in the folder is on the disk too."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.host.records.database_file import MASTER, posix_only

from dsc_host import files
from dsc_host.api.tokens import Scope, Tokens, add_token
from dsc_host.cli import client, radius
from dsc_host.errors import InputError
from dsc_host.exchange.files import new_file
from dsc_host.gateway.radius.attributes import Table
from dsc_host.login.messages.outbox import Letter
from dsc_host.login.messages.senders import Spool
from dsc_host.phone import app
from dsc_host.verifier import Keyring, Verifier

MAKERS: dict[str, Callable[[Path], object]] = {
    "a master key": lambda folder: MASTER.write(folder / "file"),
    "a keyring": lambda folder: Keyring(MASTER).write(folder / "file"),
    "a token": lambda folder: add_token(folder / "file", "web", [Scope.LOGIN]),
    "an export": lambda folder: exported(folder / "file", overwrite=False),
    "an export over another": lambda folder: exported(folder / "file", overwrite=True),
    "a letter": lambda folder: Spool(folder).send(Letter("file", "sms", "1", "", "", "en", 1.0)),
    "a phone": lambda folder: app._write(folder / "file", b"{}"),
    "a database": lambda folder: Verifier.open(f"sqlite:///{folder / 'file'}", master_key=MASTER).close(),
}


def exported(path: Path, *, overwrite: bool) -> None:
    with new_file(path, overwrite=overwrite) as file:
        file.write(b"x")


@posix_only
@pytest.mark.parametrize("what", MAKERS)
def test_the_name_of_what_was_made_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    kept: list[bool] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        sync(handle)
        if os.path.samestat(os.fstat(handle), tmp_path.stat()):
            kept.append(bool(list(tmp_path.glob("file*"))))

    monkeypatch.setattr(os, "fsync", watched)
    MAKERS[what](tmp_path)
    assert True in kept


def test_a_master_key_that_cannot_be_written_whole_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        MASTER.write(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def opened(path: Path) -> None:
    Verifier.open(f"sqlite:///{path}", master_key=MASTER).close()


@posix_only
@pytest.mark.parametrize(
    ("suffix", "mode", "done"),
    [
        ("", 0o620, "written"),
        ("", 0o640, "read"),
        ("", 0o604, "read"),
        ("-wal", 0o602, "written"),
        ("-journal", 0o666, "written"),
    ],
)
def test_a_database_that_others_may_open_is_told_of_and_what_sqlite_would_read_beside_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str, mode: int, done: str
) -> None:
    opened(tmp_path / "dsc.db")
    assert caplog.messages == []
    path = tmp_path / f"dsc.db{suffix}"
    path.touch()
    path.chmod(mode)
    opened(tmp_path / "dsc.db")
    assert caplog.messages == [f"{path} can be {done} by other users; restrict it: chmod 600 {path}"]


READERS: dict[str, Callable[[Path], object]] = {
    "a database": opened,
    "a keyring": Keyring.from_file,
    "tokens": Tokens.from_file,
}


@posix_only
@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize(
    ("mode", "remedy"), [(0o777, "chmod o-w {folder}, or move the file"), (0o1777, "fix it: move the file to another folder")]
)
def test_a_folder_that_everybody_may_write_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str, mode: int, remedy: str
) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    path = folder / "file"
    {"a database": opened, "a keyring": MASTER.write, "tokens": lambda path: add_token(path, "web", [Scope.LOGIN])}[what](path)
    caplog.clear()
    folder.chmod(0o775)
    READERS[what](path)
    assert caplog.messages == []
    folder.chmod(mode)
    READERS[what](path)
    assert caplog.messages[0].startswith(f"{path}: everybody can write to its folder")
    assert caplog.messages[0].endswith(remedy.format(folder=folder))


NAMED = {
    "attributes": Table.load,
    "a certificate": radius._read_certificate,
    "public keys": client._public_keys,
}


@posix_only
@pytest.mark.parametrize("read", NAMED.values(), ids=NAMED)
def test_a_named_file_is_ordinary_and_small(read: Callable[[Path], object], tmp_path: Path) -> None:
    (large := tmp_path / "large").write_bytes(bytes(1_000_001))
    os.mkfifo(pipe := tmp_path / "pipe")
    doors = {
        large: "has more than",
        tmp_path: "cannot be read: Is a directory",
        tmp_path / "none": "cannot be read: No such file",
        pipe: "must be an ordinary file",
        Path("/dev/zero"): "must be an ordinary file",
    }
    for file, problem in doors.items():
        with pytest.raises(InputError, match=problem):
            read(file)


def test_a_draft_that_appears_after_the_renaming_is_left_to_the_process_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "keys", tmp_path / "keys.new"

    def fail(_path: str) -> None:
        other.write_text("another process's")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files, "sync_name", fail)
    with pytest.raises(OSError, match="Input/output error") as raised:
        files.replace_whole(str(path), lambda file: None)
    assert (raised.value.filename, other.read_text()) == (str(path), "another process's")


def test_a_name_that_was_claimed_is_free_again_if_the_draft_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(os, "replace", fail)
    draft, path = tmp_path / "draft", tmp_path / "file"
    draft.write_text("whole")
    with pytest.raises(OSError, match="broken"):
        files.name_draft(str(draft), str(path), overwrite=False)
    assert [each.name for each in tmp_path.iterdir()] == ["draft"]


@posix_only
def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="pipe cannot be written: it is not an ordinary file"):
        Keyring(MASTER).write(pipe)
    assert pipe.is_fifo()
