"""Files that must survive: after each is made or replaced, its folder is on the disk too, and so its name is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.host.database_file import MASTER, posix_only

from dsc_host.api.tokens import Scope, add_token
from dsc_host.errors import InputError
from dsc_host.exchange.files import new_file
from dsc_host.login.outbox import Letter
from dsc_host.login.senders import Spool
from dsc_host.phone import app
from dsc_host.verifier import Keyring, Verifier

MAKERS: dict[str, Callable[[Path], object]] = {
    "a master key": lambda folder: MASTER.write(folder / "file"),
    "a keyring": lambda folder: Keyring(MASTER).write(folder / "file"),
    "a token": lambda folder: add_token(folder / "file", "web", [Scope.LOGIN]),
    "an export": lambda folder: exported(folder / "file", overwrite=False),
    "an export over another": lambda folder: exported(folder / "file", overwrite=True),
    "a letter": lambda folder: Spool(folder).send(Letter("file", "sms", "1", "", "", "en", 1.0)),
    "a phone": lambda folder: app._write(folder / "file", {}),
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
