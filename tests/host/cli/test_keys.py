"""The commands for the master keys: how a key is changed, and what must not happen to any key."""

import errno
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from tests.host import keyed
from tests.host.command_runner import Command
from tests.host.keyed import ids, logs_in

from dsc_host import Verifier
from dsc_host.verifier import Keyring, MasterKey, master_key_change

keys = keyed.keys


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
        f"2 cards, and perhaps other secrets, are still sealed under {old}; run dscplus rekey first",
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


def test_a_key_without_cards_that_seals_the_log_is_not_dropped(dscplus: Command, keys: Path) -> None:
    old = MasterKey(bytes(range(32))).id
    for serial in ("IB1", "IB2"):
        assert dscplus("card", "retire", serial, "--yes").code == 0
    assert dscplus("key", "promote", json.loads(dscplus("key", "add", "--json").out)["id"]).code == 0
    assert ids(dscplus)[1] == (old, False, 0)
    refused = dscplus("key", "drop", old)
    assert (refused.code, refused.error) == (
        1,
        f"secrets other than cards are still sealed under {old}; run dscplus rekey first",
    )


def test_the_key_that_seals_is_not_dropped_and_others_are_named(dscplus: Command, keys: Path) -> None:
    held = keys.read_bytes()
    assert "promote another key first" in dscplus("key", "drop", ids(dscplus)[0][0]).error
    for command in ("drop", "promote"):
        assert ids(dscplus)[0][0] in dscplus.refused("key", command, "0123456789abcdef")
    assert keys.read_bytes() == held


def test_another_who_changes_the_file_is_not_written_over(dscplus: Command, keys: Path) -> None:
    draft = keys.with_name("master.key.new")
    draft.write_text("somebody's")
    held = keys.read_bytes()
    assert str(draft) in dscplus.refused("key", "add")
    assert (keys.read_bytes(), draft.read_text()) == (held, "somebody's")


@pytest.mark.parametrize("command", [["add"], ["promote", "{id}"], ["drop", "{id}"]], ids=lambda words: words[0])
def test_two_changes_at_once_lose_no_key(
    dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    second = json.loads(dscplus("key", "add", "--json").out)["id"]
    write = Keyring.write
    meanwhile: list[str] = []

    def slowly(ring: Keyring, path: Path) -> None:
        if not meanwhile:
            # Another command runs after this one has read the file and before it writes it.
            meanwhile.append(dscplus.refused("key", "add"))
        write(ring, path)

    monkeypatch.setattr(Keyring, "write", slowly)
    assert dscplus("key", *(word.format(id=second) for word in command)).code == 0
    assert "another command is changing the file" in meanwhile[0]
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
    assert "DSCPLUS_MASTER_KEY" in dscplus.refused("key", "add")
    assert own.read_bytes() == held


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


@pytest.mark.skipif(sys.platform == "win32", reason="has no owners of files")
def test_a_group_that_one_may_not_give_does_not_matter(dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chown(_file: object, _uid: int, gid: int) -> None:
        if gid != -1:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", chown)
    done = dscplus("key", "add", "--json")
    assert done.code == 0
    monkeypatch.undo()
    assert json.loads(done.out)["id"] in [key.id for key in Keyring.from_file(keys).keys]


@pytest.mark.skipif(sys.platform == "win32", reason="has no owners of files")
def test_a_file_that_cannot_stay_its_owners_is_not_changed(
    dscplus: Command, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = keys.read_bytes()

    def fstat(handle: int) -> os.stat_result:
        found = stat_of(handle)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:]))

    def chown(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    stat_of = os.fstat
    monkeypatch.setattr(os, "fstat", fstat)
    monkeypatch.setattr(os, "chown", chown)
    assert "cannot be written: Operation not permitted" in dscplus.refused("key", "add")
    assert keys.read_bytes() == held
    assert sorted(path.name for path in keys.parent.glob("master.key*")) == ["master.key"]


def test_a_key_that_is_in_the_file_twice_still_seals(dscplus: Command, keys: Path) -> None:
    keys.write_text(2 * keys.read_text())
    ((key, seals, cards),) = ids(dscplus)
    assert (seals, cards) == (True, 2)
    held = keys.read_bytes()
    assert dscplus("card", "retire", "IB1", "--yes").code == dscplus("card", "retire", "IB2", "--yes").code == 0
    assert "is the key that seals" in dscplus.refused("key", "drop", key, code=1)
    assert keys.read_bytes() == held


@pytest.mark.skipif(sys.platform == "win32", reason="has no links without rights")
def test_a_link_that_leads_in_a_circle_is_refused(dscplus: Command, keys: Path) -> None:
    circle = keys.with_name("circle.key")
    circle.symlink_to(circle)
    for command in (["key", "add"], ["key", "promote", "0"], ["key", "list"]):
        assert "cannot be read" in dscplus.refused(*command, "--master-key", str(circle))


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
    monkeypatch.setattr(master_key_change, "BATCH", 1)
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
    assert "Run dscplus rekey again for the remaining cards" in done.err
    assert [cards for _, _, cards in ids(dscplus)] == [1, 1]
    assert logs_in(dscplus, 0)
    assert json.loads(dscplus("rekey", "--json").out)["cards"] == 1
    assert [cards for _, _, cards in ids(dscplus)] == [2, 0]
