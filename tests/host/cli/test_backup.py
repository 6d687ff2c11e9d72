"""The commands that copy the records: `backup` and `restore`."""

import json
import os
import re
from pathlib import Path

import pytest
from tests.host import keyed
from tests.host.command_runner import SECRETS, Command
from tests.host.keyed import logs_in
from tests.host.log_samples import SIZE, add_entries

from dsc_host import Verifier
from dsc_host.cli import backup as backup_command
from dsc_host.verifier import MasterKey, restore

keys = keyed.keys


def test_a_backup_comes_back(dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "records.backup"
    assert logs_in(dscplus, 0)
    done = dscplus("backup", str(file), "--json")
    assert json.loads(done.out).items() >= {"file": str(file), "cards": 2}.items()
    assert file.stat().st_mode & 0o777 == 0o600
    again = dscplus("backup", str(file))
    assert (again.code, again.out) == (2, "")
    assert dscplus("backup", str(file), "--force").code == 0
    monkeypatch.setenv("DSCPLUS_DB", f"sqlite:///{tmp_path / 'other.db'}")
    assert json.loads(dscplus("restore", str(file), "--json").out)["cards"] == 2
    assert logs_in(dscplus, 1)
    assert dscplus("audit", "verify").code == 0
    assert "the database already has records" in dscplus.refused("restore", str(file), code=1)


def test_a_backup_beside_segments_needs_their_folder(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    file, folder, other = str(tmp_path / "records.backup"), str(tmp_path / "segments"), f"sqlite:///{tmp_path / 'other.db'}"
    assert "is not a folder; create it first" in dscplus.refused("backup", file, "--segments", folder, code=2)
    Path(folder).mkdir()
    done = dscplus("backup", file, "--segments", folder)
    assert (done.code, "No segment of the log is sealed" in done.err) == (0, True)
    with Verifier.open(f"sqlite:///{keys.with_name('records.db')}", master_key=MasterKey.from_file(keys)) as verifier:
        add_entries(verifier, SIZE)
        verifier.audit.seal(SIZE)
    done = dscplus("backup", file, "--force", "--segments", folder)
    assert (done.code, done.err) == (0, "")
    assert "give the folder with their files as `segments`" in dscplus.refused("restore", file, "--db", other, code=2)
    assert dscplus("restore", file, "--db", other, "--segments", folder).code == 0
    assert dscplus("audit", "verify", "--archive", folder, "--db", other).code == 0


def test_force_does_not_go_as_far_as_the_records_and_their_key(dscplus: Command, keys: Path) -> None:
    keys.with_name("link.db").symlink_to(keys.with_name("records.db"))
    for command in ("backup", "export"):
        for name in ("records.db", "link.db", "master.key"):
            done = dscplus(command, str(keys.with_name(name)), "--force", stdin="correct horse battery\n")
            assert (done.code, done.out) == (2, "")
            assert done.error.endswith("holds the records or their master key; choose another name")
    assert logs_in(dscplus, 0)


def test_a_name_that_is_encoded_in_the_url_is_known_too(dscplus: Command, keys: Path) -> None:
    records = keys.with_name("all records.db")
    url, file = f"sqlite:///{keys.parent}/all%20records.db", str(keys.with_name("records.backup"))
    assert dscplus("backup", file).code == 0
    assert dscplus("restore", file, "--db", url).code == 0
    whole = records.read_bytes()
    error = dscplus.refused("backup", str(records), "--force", "--db", url)
    assert error.endswith("holds the records or their master key; choose another name")
    assert records.read_bytes() == whole
    assert dscplus.refused("card", "list", "--db", f"{url}x", code=1).endswith("person add")
    assert "must name a file" in dscplus.refused("card", "list", "--db", "sqlite:///%3Amemory:")
    assert "cannot hold a NUL" in dscplus.refused("restore", str(keys), "--db", "sqlite:///a%00.db")
    assert "cannot hold a NUL" in dscplus.refused("card", "list", "--db", "sqlite:///a%00.db")


def test_the_own_folder_may_have_any_name(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(dscplus.folder / "50%20off?"))
    assert dscplus("enroll", "IB1", stdin=f"{'cd' * 32}\n1234\n").code == 0
    assert (dscplus.folder / "50%20off?" / "dscplus" / "dsc.db").exists()
    assert dscplus("backup", str(dscplus.folder / "own.backup")).code == 0
    assert "own.backup" in "".join(path.name for path in dscplus.folder.iterdir())


def test_a_backup_that_is_of_no_use_makes_no_records(dscplus: Command, keys: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.backup"
    assert dscplus("backup", str(file)).code == 0
    whole = file.read_bytes()
    before = sorted(path.name for path in tmp_path.iterdir())
    for content, words in ((b"a letter to my aunt\n", r""), (whole[:-200], r".*incomplete")):
        file.write_bytes(content)
        done = dscplus("restore", str(file), "--db", f"sqlite:///{tmp_path / 'other.db'}")
        assert (done.code, done.out) == (2, "")
        assert re.match(rf"backup: line \d+ {words}", done.error)
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    for name in ("nothing.backup", "."):
        assert dscplus("restore", str(tmp_path / name), "--db", f"sqlite:///{tmp_path / 'third.db'}").code == 2
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
        patched.setattr(backup_command, "restore", stopped)
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

    monkeypatch.setattr(backup_command, "restore", slowly)
    assert "another command has created this file" in dscplus.refused(
        "restore", str(file), "--db", f"sqlite:///{other}", code=1
    )
    assert dscplus("card", "list", "--db", f"sqlite:///{other}").rows[0].startswith("IB9 ")


def test_restoring_without_hard_links_does_not_replace_what_came_meanwhile(
    dscplus: Command, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other, new = tmp_path / "records.backup", tmp_path / "other.db", tmp_path / "new.db"
    assert dscplus("backup", str(file)).code == 0

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def slowly(*arguments: object, **options: object) -> int:
        other.write_bytes(b"from another command")
        return restore(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", no_links)
    assert dscplus("restore", str(file), "--db", f"sqlite:///{new}").code == 0
    assert dscplus("card", "list", "--db", f"sqlite:///{new}").code == 0
    monkeypatch.setattr(backup_command, "restore", slowly)
    assert "another command has created this file" in dscplus.refused(
        "restore", str(file), "--db", f"sqlite:///{other}", code=1
    )
    assert other.read_bytes() == b"from another command"


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

    monkeypatch.setattr(backup_command, "backup", stopped)
    assert dscplus("backup", str(tmp_path / "records.backup")).code == 130
    assert not list(tmp_path.glob("*backup*"))
