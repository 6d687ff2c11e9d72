"""The commands that seal and archive the log."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.host.command_runner import Command
from tests.host.log_samples import add_entries


@pytest.fixture
def records(dscplus: Command) -> Path:
    """Records whose log has some 2,500 entries."""
    path = dscplus.with_records()
    with dscplus.verifier() as verifier:
        add_entries(verifier, 2500)
    return path


def test_the_log_is_sealed_archived_and_checked_with_its_files(dscplus: Command, records: Path) -> None:
    folder = dscplus.folder / "archive"
    assert dscplus.refused("audit", "seal", "--every", "999").startswith("entries of a segment: must be")
    sealed = json.loads(dscplus("audit", "seal", "--every", "1000", "--json").out)
    assert (sealed["sound"], sealed["sealed"].split(":")[0]) == (True, "2000")
    new = json.loads(dscplus("audit", "verify", "--since", "last", "--json").out)
    assert (new["sound"], new["entries"] < 600, new["unseen"]) == (
        True, True, ["entries 1 to 2000 are before the checkpoint, and were not checked again"],
    )  # fmt: skip
    archive = ("audit", "archive", str(folder), "--older-than", "0")
    assert dscplus.refused(*archive, "--yes") == f"folder: {folder} is not a folder; create it first"
    folder.mkdir()
    assert dscplus.refused(*archive, stdin="n\n", code=1).endswith("nothing was changed")
    assert list(folder.iterdir()) == []
    assert json.loads(dscplus(*archive, "--json", stdin="y\n").out) == {"segments": 2, "entries": 2000, "folder": str(folder)}
    assert "segments 1 to 2 are archived (entries 1 to 2000), and were not given" in dscplus("audit", "verify").out
    whole = json.loads(dscplus("audit", "verify", "--archive", str(folder), "--json").out)
    assert (whole["sound"], whole["entries"] > 2500, whole["unseen"]) == (True, True, [])
    done = dscplus("audit", "export")
    assert done.err == "Entries 1 to 2000 are archived, and are not exported.\n"
    assert json.loads(done.out.splitlines()[0])["number"] == 2001
    (folder / "audit-000002.jsonl.xz").write_bytes(b"")
    done = dscplus("audit", "verify", "--archive", str(folder))
    assert done.code == 6
    assert "segment 2: " in done.out


@pytest.mark.parametrize("days", ["-1", "36501", "x", "1e3"])
def test_wrong_arguments_archive_nothing(dscplus: Command, records: Path, tmp_path: Path, days: str) -> None:
    assert dscplus("audit", "archive", str(tmp_path), "--older-than", days, "--yes").code == 2
    assert dscplus("audit", "verify", "--since", "last", "--archive", str(tmp_path)).code == 2
    assert dscplus.refused("audit", "verify", "--archive", str(tmp_path / "mistyped")).startswith(
        f"archive: {tmp_path / 'mistyped'} is not a folder; "
    )


def test_what_is_too_young_stays(dscplus: Command, records: Path, tmp_path: Path) -> None:
    dscplus("audit", "seal", "--every", "1000")
    done = dscplus("audit", "archive", str(tmp_path), "--json")
    assert (done.code, json.loads(done.out)["segments"]) == (0, 0)
    assert "No sealed segment is older than 365 days." in done.err


# ---- how long entries stay, by the policy ----


@pytest.fixture
def long_kept(dscplus: Command) -> Path:
    """The folder of an archive, for records with two sealed segments whose entries are 500 days old."""
    dscplus.with_records()
    with dscplus.verifier() as verifier:
        add_entries(verifier, 2500, days_ago=500)
    assert dscplus("audit", "seal", "--every", "1000").code == 0
    folder = dscplus.folder / "archive"
    folder.mkdir()
    return folder


def _policy(dscplus: Command, text: str) -> str:
    file = dscplus.folder / "policy.toml"
    file.write_text(text)
    return str(file)


def _archived(dscplus: Command, folder: Path, *more: str) -> int:
    return int(json.loads(dscplus("audit", "archive", str(folder), "--yes", "--json", *more).out)["segments"])


def test_the_policy_says_how_long_entries_stay(dscplus: Command, long_kept: Path) -> None:
    done = dscplus(
        "audit", "archive", str(long_kept), "--yes", "--policy", _policy(dscplus, "[audit]\narchive_after_days = 501")
    )
    assert "No sealed segment is older than 501 days." in done.err
    assert _archived(dscplus, long_kept, "--policy", _policy(dscplus, "[audit]\narchive_after_days = 499")) == 2
    unseen = json.loads(dscplus("audit", "verify", "--json").out)["unseen"]
    assert unseen == ["segments 1 to 2 are archived (entries 1 to 2000), and were not given"]


def test_the_policy_may_be_named_by_the_variable(dscplus: Command, long_kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_POLICY", _policy(dscplus, "[audit]\narchive_after_days = 501"))
    assert _archived(dscplus, long_kept) == 0
    assert _archived(dscplus, long_kept, "--older-than", "499") == 2


def test_a_policy_without_the_setting_keeps_entries_for_a_year(dscplus: Command, long_kept: Path) -> None:
    policy = _policy(dscplus, "[activation]\nautomatic_days = 20")
    assert _archived(dscplus, long_kept, "--older-than", "501", "--policy", policy) == 0
    assert _archived(dscplus, long_kept, "--policy", policy) == 2


def test_a_wrong_policy_archives_nothing(dscplus: Command, long_kept: Path) -> None:
    policy = _policy(dscplus, "[audit]\narchive_after_days = 0")
    assert dscplus.refused("audit", "archive", str(long_kept), "--yes", "--policy", policy) == (
        f"policy: {policy}: [audit] archive_after_days: must be more than 0"
    )
    assert list(long_kept.iterdir()) == []


def test_doctor_checks_what_is_new(dscplus: Command, records: Path) -> None:
    def found() -> str:
        return next(str(row) for row in json.loads(dscplus("doctor", "--json").out) if row["check"] == "log")

    dscplus("audit", "seal", "--every", "1000")
    assert "since the checkpoint at entry 2000, unchanged" in found()
    with closing(sqlite3.connect(records)) as db:
        db.execute("UPDATE audit_segments SET seal = x'00' WHERE number = 2")
        db.commit()
    assert "checkpoint 2: does not have the seal" in found()
