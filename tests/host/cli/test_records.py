"""The command's database and master key: created the first time, found where they were named, or refused with the reason."""

import os
import re
import sys

import pytest
from tests.host.command_runner import KEY, PIN, SECRETS, TYPED, Command, challenge

from dsc_simulator import SimulatedCard

not_as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")


def test_records_and_a_key_are_made_the_first_time(dscplus: Command, blank: SimulatedCard) -> None:
    done = dscplus("personalize", "IB1", stdin=TYPED)
    database, key = dscplus.folder / "data/dscplus/dsc.db", dscplus.folder / "config/dscplus/master.key"
    assert done.code == 0
    assert done.err == f"Created a master key in {key}. Keep a copy: without it the records can't be read.\n"
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


def test_a_response_may_be_typed_in_groups(dscplus: Command, blank: SimulatedCard) -> None:
    dscplus("personalize", "IB1", stdin=TYPED)
    for given in ("argument", "typed"):
        identity, question = challenge(dscplus)
        answer = dscplus("respond", question, stdin=TYPED).out.strip()
        grouped = f"{answer[:4]}-{answer[4:]}"
        done = (
            dscplus("verify", identity, grouped) if given == "argument" else dscplus("verify", identity, stdin=f"{grouped}\n")
        )
        assert done.out == "accepted\n"


def test_a_challenge_says_what_comes_next(dscplus: Command) -> None:
    dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    done = dscplus("challenge", "IB1")
    identity = re.search(r"^id +(\w+)$", done.out, re.MULTILINE)
    assert identity
    assert done.err.endswith(f"dscplus verify {identity[1]} RESPONSE\n")
    assert dscplus("challenge", "IB1", "--json").err == ""


def test_a_master_key_that_was_lost_is_not_replaced(dscplus: Command) -> None:
    dscplus("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n")
    key = dscplus.folder / "config/dscplus/master.key"
    key.unlink()
    for command in (["challenge", "IB1"], ["enroll", "IB2"]):
        assert dscplus.refused(*command, stdin=f"{KEY.hex()}\n{PIN}\n").startswith(
            f"master key: there is none in {key}; name its file with --master-key"
        )
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
    assert dscplus.refused("enroll", "IB1", stdin=f"{KEY.hex()}\n{PIN}\n").startswith(
        f"folder: {dscplus.folder}/data/dscplus cannot be created: "
    )


@pytest.mark.parametrize("url", ["mysql://me:hush@host/x", "dsc.db", "sqlite://"])
def test_a_wrong_database_is_named_before_a_missing_master_key(dscplus: Command, url: str) -> None:
    done = dscplus("challenge", "IB1", "--db", url)
    assert (done.code, done.error.partition(":")[0]) == (2, "database")


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        (
            "mysql://me:hush@host/x",
            2,
            "database: must be a URL such as sqlite:///dsc.db or postgresql://user@host/database, not mysql:",
        ),
        ("sqlite://", 2, "database: must name a file"),
        ("sqlite:///{folder}/garbage", 1, "{folder}/garbage: it is not a dscplus database"),
    ],
)
def test_a_wrong_database(dscplus: Command, url: str, code: int, words: str) -> None:
    dscplus.with_records()
    garbage = dscplus.folder / "garbage"
    garbage.write_bytes(b"a letter to my aunt\n" * 9)
    for command in (["enroll", "IB1"], ["challenge", "IB1"], ["verify", "id", "1"]):
        done = dscplus(*command, "--db", url.format(folder=dscplus.folder), stdin=SECRETS)
        assert (done.code, done.out) == (code, "")
        assert done.error.startswith(words.format(folder=dscplus.folder))
        assert "hush" not in done.err
    assert garbage.read_bytes() == b"a letter to my aunt\n" * 9
    assert list(dscplus.folder.iterdir()) == [garbage]


@not_as_root
def test_a_folder_that_may_not_be_written(dscplus: Command) -> None:
    dscplus.with_records()
    folder = dscplus.folder / "locked"
    folder.mkdir(mode=0o500)
    done = dscplus("enroll", "IB1", "--db", f"sqlite:///{folder}/x.db", stdin=SECRETS)
    assert done.code == 1
    assert done.error.endswith("it cannot be created: Permission denied")


def test_only_enrolling_makes_a_database(dscplus: Command) -> None:
    commands = [
        ["challenge", "IB1"],
        ["verify", "id", "1"],
        ["card", "unlock-code", "IB1", "482913"],
        ["audit", "verify"],
        ["audit", "export"],
    ]
    for command in commands:
        assert "there is no such database" in dscplus.refused(*command, code=1)
    path = dscplus.with_records()
    for command in commands:
        assert dscplus(*command).error == f"{path}: there is no such database; create it with enroll, personalize or person add"
    assert list(dscplus.folder.iterdir()) == []


def test_a_wrong_master_key_makes_nothing(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    key = dscplus.folder / "master.key"
    done = dscplus("enroll", "IB1", "--master-key", str(key), stdin=SECRETS)
    assert (done.code, done.error) == (2, f"master key: {key} cannot be read: No such file or directory")
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", "ab")
    done = dscplus("enroll", "IB1", stdin=SECRETS)
    assert done.code == 2
    assert done.error.startswith("master key: in the environment variable DSCPLUS_MASTER_KEY: must be")
    assert list(dscplus.folder.iterdir()) == []


def test_another_master_key_than_the_records(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=SECRETS)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", "cd" * 32)
    for command in (["challenge", "IB1"], ["enroll", "IB2"], ["verify", "id", "1"]):
        assert dscplus.refused(*command, stdin=SECRETS).startswith("master key: does not open this database")
    assert dscplus.enrolled() == ["IB1"]


def test_wrong_arguments_of_enroll(dscplus: Command) -> None:
    path = dscplus.with_records()
    counter = "counter: must be a whole number from 0"
    refused = [
        (["ib+1"], "serial: must be 1 to 32"),
        (["IB1", "--owner", " x"], "owner: must be a name"),
        (["IB1", "--suite", ""], "suite: must have three parts"),
        (["IB1", "--counter", "-1"], counter),
        (["IB1", "--counter", "9" * 400], counter),
    ]
    for arguments, words in refused:
        assert dscplus.refused("enroll", *arguments, stdin=SECRETS).startswith(words)
    assert not path.exists()


def test_wrong_secrets_of_enroll(dscplus: Command) -> None:
    path = dscplus.with_records()
    key, pin = "key: must be 16 to 64 bytes", "pin: must be 4 digits"
    refused: list[tuple[str | bytes, str]] = [
        ("", "key: give it on standard input"),
        ("\n", key),
        (f"{'ab' * 16}a\n{PIN}\n", key),
        (f"{'xy' * 16}\n{PIN}\n", key),
        (f"{'١٢' * 16}\n{PIN}\n", key),
        (b"\xff\xfe\n", "key: must be one line of text"),
        (f"{KEY.hex()}\n", "pin: give it on standard input"),
        (f"{KEY.hex()}\n\n", pin),
        (f"{KEY.hex()}\n{PIN} \n", pin),
    ]
    for typed, words in refused:
        assert dscplus.refused("enroll", "IB1", stdin=typed).startswith(words)
    assert not path.exists()


def test_standard_input_may_be_closed(dscplus: Command) -> None:
    assert dscplus("enroll", "IB1", stdin=None).error.startswith("key: give it on standard input")


def test_a_card_is_enrolled_once(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("enroll", "IB1", "--counter", "7", stdin=SECRETS).code == 0
    refusal = "card IB1: is already enrolled; use another serial, or remove the enrolled card first"
    assert dscplus.refused("enroll", "IB1", stdin=f"{'00' * 16}\n0000\n", code=1) == refusal
    with dscplus.verifier() as verifier:
        assert verifier.card("IB1").counter == 7


def test_a_suite_without_a_pin_wants_none(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("enroll", "IB1", "--suite", "OCRA-1:HOTP-SHA1-6:QN08", stdin=f"{KEY.hex()}\n").code == 0
