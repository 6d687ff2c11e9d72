"""The log through the command: what was cut off, put back or added is found; wrong arguments change and make nothing."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.host.commanding import MASTER, SECRETS, Command
from tests.host.databases import new_postgresql

from dsc_host import Verifier
from dsc_host.verifier.audit import AuditLog, Entry

NOWHERE = "0" * 64


@pytest.fixture
def records(dscplus: Command) -> Path:
    """With one card, and four entries in the log."""
    path = dscplus.with_records()
    assert dscplus("enroll", "IB1", stdin=SECRETS).code == 0
    for verb in ("suspend", "resume"):
        assert dscplus("card", verb, "IB1").code == 0
    return path


def checkpoint(dscplus: Command) -> str:
    found: str = json.loads(dscplus("audit", "verify", "--json").out)["checkpoint"]
    return found


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


def problems(dscplus: Command, *arguments: str) -> list[str]:
    done = dscplus("audit", "verify", "--json", *arguments)
    report = json.loads(done.out)
    assert (done.code, report["sound"]) == ((0, True) if not report["problems"] else (6, False))
    found: list[str] = report["problems"]
    return found


# ---- verify ----


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET reason = 'another' WHERE number = 3", "entry 3: is not what it was"),
        ("UPDATE audit SET at = at + 1 WHERE number = 1", "entry 1: is not what it was"),
        ("DELETE FROM audit WHERE number = 2", "entries 2 to 2 are missing"),
        ("DELETE FROM audit WHERE number > 2", "entries 3 to 4 are missing, at its end"),
        ("DELETE FROM audit", "entries 1 to 4 are missing, at its end"),
        ("UPDATE audit SET number = number + 10 WHERE number = 4", "entries 4 to 13 are missing"),
        ("UPDATE audit_head SET seal = zeroblob(32)", "its end does not have the seal of the master key"),
        ("DELETE FROM audit_head", "its end is missing"),
    ],
)
def test_whatever_is_done_to_the_log_is_found(dscplus: Command, records: Path, statement: str, words: str) -> None:
    assert problems(dscplus) == []
    change(records, statement)
    assert [problem for problem in problems(dscplus) if problem.startswith(words)]
    shown = dscplus("audit", "verify")
    assert (shown.code, shown.out.split()[:2]) == (6, ["sound", "no"])
    assert words in shown.out


def test_an_older_copy_of_everything_is_found_by_the_checkpoint(dscplus: Command, records: Path) -> None:
    copy = records.with_name("copy.db")
    shutil.copy(records, copy)
    assert dscplus("card", "suspend", "IB1").code == 0
    kept = checkpoint(dscplus)
    for suffix in ("-wal", "-shm"):
        records.with_name(records.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, records)
    assert problems(dscplus) == [], "by itself it is sound"
    assert problems(dscplus, "--since", kept) == ["it ends at entry 4, before the checkpoint's, 5"]


def test_another_history_is_found_by_the_checkpoint(dscplus: Command, records: Path) -> None:
    number = checkpoint(dscplus).partition(":")[0]
    assert problems(dscplus, "--since", f"{number}:{NOWHERE}") == ["entry 4: is another one than at the checkpoint"]


@pytest.mark.parametrize(
    "text", ["", "4", f"4:{'0' * 63}", f"4:{'0' * 65}", f"-1:{NOWHERE}", f"٤:{NOWHERE}", f"4:{NOWHERE} ", "\0"]
)
def test_what_is_no_checkpoint(dscplus: Command, records: Path, text: str) -> None:
    done = dscplus("audit", "verify", "--since", text)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith("checkpoint: must be NUMBER:HASH")


@pytest.mark.parametrize("verb", ["verify", "export"])
def test_no_records_are_made_to_be_looked_at(dscplus: Command, verb: str) -> None:
    path = dscplus.with_records()
    done = dscplus("audit", verb)
    assert (done.code, done.out) == (1, "")
    assert "there is no such database" in done.error
    assert not path.exists()


# ---- export ----


def test_an_export_goes_on_after_a_number(dscplus: Command, records: Path) -> None:
    entries = [json.loads(line) for line in dscplus("audit", "export").out.splitlines()]
    assert [entry["action"] for entry in entries] == ["log.begin", "card.enroll", "card.suspend", "card.resume"]
    later = dscplus("audit", "export", "--after", "2", "--serial", "IB1").out.splitlines()
    assert [json.loads(line) for line in later] == entries[2:]
    assert dscplus("audit", "export", "--after", "4").out == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--after", "-1"], 2),
        (["--after", "9" * 30], 2),
        (["--after", "many"], 2),
        (["--after", "1.5"], 2),
        (["--serial", "\udcff"], 2),
        (["--output", "{folder}/missing/log.jsonl"], 2),
        (["--output", "{folder}"], 2),
        (["--output", "{folder}/records.db"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_arguments_of_export(dscplus: Command, records: Path, arguments: list[str], code: int) -> None:
    before = sorted(path.name for path in dscplus.folder.iterdir())
    done = dscplus("audit", "export", *(argument.format(folder=dscplus.folder) for argument in arguments))
    assert (done.code, done.out) == (code, "")
    assert done.error
    assert sorted(path.name for path in dscplus.folder.iterdir()) == before
    assert problems(dscplus) == []


def test_an_export_that_is_stopped_leaves_no_file(dscplus: Command, records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = AuditLog.entries

    def stopped(log: AuditLog, *arguments: object) -> Iterator[Entry]:
        yield next(entries(log))
        raise KeyboardInterrupt

    monkeypatch.setattr(AuditLog, "entries", stopped)
    done = dscplus("audit", "export", "--output", str(records.with_name("log.jsonl")))
    assert (done.code, done.out, done.error) == (130, "", "stopped")
    assert not [path.name for path in dscplus.folder.iterdir() if "log" in path.name]


@pytest.mark.postgresql
def test_a_log_on_a_server(dscplus: Command) -> None:
    dscplus.with_records()
    with new_postgresql() as url:
        with Verifier.open(url, master_key=MASTER) as verifier:
            verifier.cards()
        assert dscplus("enroll", "IB1", "--db", url, stdin=SECRETS).code == 0
        exported = [json.loads(line) for line in dscplus("audit", "export", "--db", url, "--serial", "IB1").out.splitlines()]
        assert [(entry["number"], entry["action"]) for entry in exported] == [(2, "card.enroll")]
        assert problems(dscplus, "--db", url) == []
        assert dscplus("audit", "export", "--db", url, "--after", "9" * 30).code == 2
