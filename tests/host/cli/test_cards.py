"""The commands for the cards in the records, for their responses, and for their log."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.host.command_runner import KEY, PIN, SECRETS, SUITE, Command, challenge

from dsc_host import Suite
from dsc_host.cli.output import show_array
from dsc_host.records.audit_entries import Entry
from dsc_host.records.audit_log import AuditLog


@pytest.fixture
def records(dscplus: Command) -> Path:
    path = dscplus.with_records()
    assert dscplus("enroll", "IB1", "--owner", "alice", "--owner", "bob", stdin=SECRETS).code == 0
    return path


def facts(dscplus: Command, serial: str = "IB1") -> dict[str, object]:
    shown: dict[str, object] = json.loads(dscplus("card", "show", serial, "--json").out)
    return shown


def right(question: str, counter: int, pin: str = PIN) -> str:
    return Suite.parse(SUITE).response(KEY, question, counter=counter, pin=pin)


def test_a_cards_life(dscplus: Command, records: Path) -> None:
    assert dscplus("card", "list").rows == ["IB1  enrolled  0  -  alice, bob"]
    steps = [
        (("suspend", "IB1", "--reason", "on leave"), "suspended", "on leave"),
        (("resume", "IB1"), "active", ""),
        (("lost", "IB1", "--reason", "in a train"), "lost", "in a train"),
        (("retire", "IB1", "--yes"), "retired", ""),
    ]
    for arguments, state, reason in steps:
        done = dscplus("card", *arguments)
        assert (done.code, done.rows[0].split()[:2], done.err) == (0, ["IB1", state], "")
        assert (facts(dscplus)["state"], facts(dscplus)["reason"]) == (state, reason)
    assert dscplus.refused("card", "resume", "IB1", code=1) == "card IB1: is retired, so it cannot become active"


def test_to_retire_is_asked_about(dscplus: Command, records: Path) -> None:
    for answer in ("n\n", "\n", "yes please\n"):
        assert dscplus.refused("card", "retire", "IB1", stdin=answer, code=1) == "nothing was changed"
    assert facts(dscplus)["state"] == "enrolled"
    assert dscplus("card", "retire", "IB1", stdin="y\n").code == 0
    assert facts(dscplus)["state"] == "retired"


def test_locked_and_unlocked(dscplus: Command, records: Path) -> None:
    locked = json.loads(dscplus("card", "lock", "IB1", "--seconds", "60", "--json").out)
    assert locked["locked_until"]
    issued, question = challenge(dscplus)
    done = dscplus("verify", issued, right(question, 0), "--json")
    assert done.code == 4
    assert 50 < json.loads(done.out)["retry_after"] <= 60
    assert json.loads(dscplus("card", "unlock", "IB1", "--json").out)["locked_until"] is None
    assert dscplus("verify", issued, right(question, 0)).code == 0


def test_owners_and_lists(dscplus: Command, records: Path) -> None:
    for serial in ("IB2", "IB3"):
        dscplus("enroll", serial, stdin=SECRETS)
    assert dscplus("card", "add-owner", "IB3", "Zoë O'Neill").rows == ["IB3  enrolled  0  -  Zoë O'Neill"]
    assert dscplus("card", "add-owner", "IB3", "alice").code == 0
    assert dscplus("card", "remove-owner", "IB1", "bob").rows == ["IB1  enrolled  0  -  alice"]
    dscplus("card", "suspend", "IB2")
    listed = [json.loads(dscplus("card", "list", *options, "--json").out) for options in ([], ["--owner", "alice"])]
    assert [[card["serial"] for card in cards] for cards in listed] == [["IB1", "IB2", "IB3"], ["IB1", "IB3"]]
    assert dscplus("card", "list", "--state", "suspended").rows[0].startswith("IB2 ")
    nobodys = dscplus("card", "list", "--owner", "nobody")
    assert (nobodys.out, nobodys.err) == ("", "There are no such cards.\n")
    assert dscplus("card", "remove-owner", "IB1", "bob").error == "card IB1: has no such owner"
    assert dscplus("card", "list", "--state", "gone").code == 2


def test_a_list_begins_after_a_serial_and_ends_after_a_number(dscplus: Command) -> None:
    dscplus.with_cards("IB1", "IB2", "IB3")
    second, none = (dscplus("card", "list", "--after", "IB1", "--limit", limit, "--json").out for limit in "10")
    assert [card["serial"] for card in json.loads(second)] == ["IB2"]
    assert none == "[]\n"
    assert [row.split()[0] for row in dscplus("card", "list", "--limit", "2").rows] == ["IB1", "IB2"]
    assert dscplus("card", "list", "--after", "IB3").err == "There are no such cards.\n"
    assert dscplus.refused("card", "list", "--limit", "-1") == "limit: must be a whole number, 0 or more"
    assert dscplus.refused("card", "list", "--after", "?") == "after: must be a serial"


@pytest.mark.parametrize("number", [0, 1, 100, 101, 250])
def test_an_array_is_printed_as_it_comes_in_the_form_of_one_text(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    results = [{"serial": f"IB{n}", "owners": ["a\n"] * (n % 2), "reason": "\n  x"} for n in range(number)]
    seen = ""

    def coming() -> Iterator[dict[str, object]]:
        nonlocal seen
        for at, result in enumerate(results):
            if at == 200:
                seen = capsys.readouterr().out
                assert seen.count("serial") == 200
            yield {**result}

    show_array(coming())
    assert seen + capsys.readouterr().out == json.dumps(results, indent=2) + "\n"


def test_a_pin_is_changed_by_a_response_with_the_new_one(dscplus: Command, records: Path) -> None:
    issued, question = challenge(dscplus)
    assert dscplus.refused("card", "pin", issued, stdin=f"7777\n{right(question, 0)}\n", code=4) == "not accepted"
    assert dscplus("card", "pin", issued, stdin=f"7777\n{right(question, 0, '7777')}\n").code == 0
    issued, question = challenge(dscplus)
    assert dscplus("verify", issued, right(question, 1)).code == 4
    assert dscplus("verify", issued, right(question, 1, "7777")).code == 0
    for stdin in ("77\n12345678\n", "\n", "7777\n"):
        assert dscplus("card", "pin", issued, stdin=stdin).code == 2
    dscplus.assert_no_secret_was_printed()


def test_a_duress_pin_is_accepted_and_told_to_programs(dscplus: Command, records: Path) -> None:
    assert dscplus("card", "duress-pin", "IB1", stdin="0911\n").code == 0
    assert facts(dscplus)["duress_pin"] is True
    issued, question = challenge(dscplus)
    done = dscplus("verify", issued, right(question, 0, "0911"), "--json")
    assert (done.code, json.loads(done.out)["duress"]) == (0, True)
    issued, question = challenge(dscplus)
    assert dscplus("verify", issued, right(question, 1, "0911")).out == "accepted\n", "nothing tells who looks on"
    assert dscplus("card", "duress-pin", "IB1", "--remove").code == 0
    other, equal = (dscplus("card", "duress-pin", "IB1", stdin=f"{pin}\n") for pin in ("0911", PIN))
    assert (other.code, other.out, other.err) == (equal.code, equal.out, equal.err), "it does not tell the PIN"


def test_a_lock_of_any_length_leaves_the_cards_listed(dscplus: Command, records: Path) -> None:
    for seconds in ("1e9", "1e10", "1e300", "9" * 400):
        assert dscplus("card", "lock", "IB1", "--seconds", seconds).code in (0, 2)
        assert dscplus("card", "list").rows[0].startswith("IB1 ")
    locked = facts(dscplus)["locked_until"]
    assert str(locked) > "2300"
    for arguments in (["lock", "--seconds", "0"], ["lock", "--seconds", "nan"], ["suspend", "--reason", "two\nlines"]):
        assert dscplus("card", *arguments, "IB1").code == 2
    assert (facts(dscplus)["locked_until"], facts(dscplus)["state"]) == (locked, "enrolled")


def test_the_log_names_who_is_logged_in(dscplus: Command, records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_host.cli.database.user_name", lambda: "maria")
    issued, question = challenge(dscplus)
    dscplus("verify", issued, right(question, 0))
    dscplus("card", "suspend", "IB1", "--reason", "on leave")
    entries = [json.loads(line) for line in dscplus("audit", "export").out.splitlines()]
    assert [entry["number"] for entry in entries] == [1, 2, 3, 4, 5]
    assert [(entry["actor"], entry["action"], entry["outcome"], entry["reason"]) for entry in entries[-3:]] == [
        ("cli:maria", "challenge", "done", ""),
        ("cli:maria", "verify", "accepted", ""),
        ("cli:maria", "card.suspend", "done", "on leave"),
    ]
    assert dscplus("audit", "export", "--after", "4").out.count("\n") == 1
    assert dscplus("audit", "export", "--serial", "IB9").out == ""
    assert dscplus("audit", "export", "--after", "-1").code == 2


def test_the_log_of_ones_own_records_names_one_too(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_host.cli.database.user_name", lambda: "Zo\x1b\u00eb" + "x" * 100)
    assert dscplus("enroll", "IB1", stdin=SECRETS).code == 0
    entries = [json.loads(line) for line in dscplus("audit", "export", "--serial", "IB1").out.splitlines()]
    assert [entry["actor"] for entry in entries] == ["cli:Zo\u00eb" + "x" * 57]


def test_the_log_goes_into_a_new_file(dscplus: Command, records: Path) -> None:
    file = records.with_name("log.jsonl")
    done = dscplus("audit", "export", "--output", str(file))
    assert (done.code, done.out, done.err) == (0, "", f"{file}: 2 entries\n")
    assert file.read_text().count("\n") == 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert dscplus("audit", "export", "--output", str(file)).code == 2
    assert file.read_text().count("\n") == 2


def test_a_sound_log_and_its_checkpoint(dscplus: Command, records: Path) -> None:
    shown = json.loads(dscplus("audit", "verify", "--json").out)
    assert (shown["sound"], shown["entries"], shown["problems"]) == (True, 2, [])
    dscplus("card", "suspend", "IB1")
    done = dscplus("audit", "verify", "--since", shown["checkpoint"])
    assert done.code == 0
    assert "sound" in done.out
    assert dscplus("audit", "verify", "--since", "yesterday").code == 2


def test_a_log_that_was_touched(dscplus: Command, records: Path) -> None:
    dscplus("card", "suspend", "IB1")
    checkpoint = json.loads(dscplus("audit", "verify", "--json").out)["checkpoint"]
    with closing(sqlite3.connect(records)) as db:
        db.execute("UPDATE audit SET actor = 'cli:mallory' WHERE number = 2")
        db.commit()
    done = dscplus("audit", "verify")
    assert done.code == 6
    assert "entry 2: was changed or moved" in done.out
    assert "restore a backup" in done.error
    with closing(sqlite3.connect(records)) as db:
        db.execute("DELETE FROM audit WHERE number = 3")
        db.commit()
    done = dscplus("audit", "verify", "--since", checkpoint, "--json")
    assert (done.code, json.loads(done.out)["sound"]) == (6, False)


def test_what_is_not_given_costs_no_attempt(dscplus: Command, records: Path) -> None:
    issued, _ = challenge(dscplus)
    assert dscplus.refused("verify", issued) == "response: give it on standard input, one line"
    assert dscplus("verify", issued, "--jsno").code == 2
    assert facts(dscplus)["failures"] == 0


def test_two_in_a_row_bring_the_counter_after_the_second(dscplus: Command, records: Path) -> None:
    (first, one), (second, two) = challenge(dscplus), challenge(dscplus)
    done = dscplus("resync", first, second, "--json", stdin=f"{right(one, 500)}\n{right(two, 501)}\n")
    assert (done.code, done.err, json.loads(done.out)["accepted"]) == (0, "", True)
    assert (facts(dscplus)["counter"], facts(dscplus)["state"]) == (502, "active")
    identity, question = challenge(dscplus)
    assert dscplus("verify", identity, right(question, 502)).code == 0


def test_a_wrong_pair_is_one_failure_and_what_is_not_typed_is_none(dscplus: Command, records: Path) -> None:
    first, second = challenge(dscplus)[0], challenge(dscplus)[0]
    assert dscplus.refused("resync", first, second, stdin="a\0b\nc\n", code=4) == "not accepted"
    for typed in ("", "12345678\n", b"\xff\n"):
        assert "response: " in dscplus.refused("resync", first, second, stdin=typed)
    assert facts(dscplus)["failures"] == 1


def test_wrong_arguments_of_export(dscplus: Command, records: Path) -> None:
    before = sorted(path.name for path in dscplus.folder.iterdir())
    for option, value in (
        ("--after", "-1"),
        ("--after", "9" * 30),
        ("--after", "1.5"),
        ("--serial", "\udcff"),
        ("--output", f"{dscplus.folder}/missing/log.jsonl"),
        ("--output", f"{dscplus.folder}"),
        ("--output", f"{dscplus.folder}/records.db"),
    ):
        assert dscplus.refused("audit", "export", option, value)
    assert sorted(path.name for path in dscplus.folder.iterdir()) == before
    assert dscplus("audit", "verify").code == 0


def test_an_export_that_is_stopped_leaves_no_file(dscplus: Command, records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = AuditLog.entries

    def stopped(log: AuditLog, *arguments: object) -> Iterator[Entry]:
        yield next(entries(log))
        raise KeyboardInterrupt

    monkeypatch.setattr(AuditLog, "entries", stopped)
    assert dscplus.refused("audit", "export", "--output", str(records.with_name("log.jsonl")), code=130) == "stopped"
    assert not [path.name for path in dscplus.folder.iterdir() if "log" in path.name]
