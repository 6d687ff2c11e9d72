"""The conventions of the command: help, usage, JSON and messages on their streams, and the choice of the card."""

import json
import os
import re
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from types import SimpleNamespace
from typing import Any

import pytest
from serial.tools.list_ports_common import ListPortInfo
from tests.checkout import ROOT
from tests.host.command_runner import KEY, PIN, SECRETS, Command, hurry, needs_pty

from dsc_host.cli.lazy import Command as ListedCommand
from dsc_host.cli.lazy import Section
from dsc_host.cli.main import command, main
from dsc_simulator import Profile, SimulatedCard

COMMANDS = {name: sorted(getattr(each, "commands", [])) for name, each in command().commands.items()}
"""The commands, with the names of the commands in each group."""


def full_names(group: Any) -> Iterator[str]:
    """Yield the names of all commands in a group and the groups in it."""
    for name, each in group.commands.items():
        within = list(full_names(each)) if hasattr(each, "commands") else [""]
        yield from (f"{name} {rest}".rstrip() for rest in within)


FULL_NAMES = sorted(full_names(command()))


@pytest.fixture
def mine() -> Iterator[SimulatedCard]:
    """Attach a card that holds a key."""
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        yield card


@pytest.fixture
def silent_port() -> Iterator[str]:
    """Return a port that nobody answers."""
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("command", FULL_NAMES)
def test_every_command_has_help_with_examples(dscplus: Command, command: str) -> None:
    done = dscplus(*command.split(), "--help")
    assert done.code == 0
    words = r"[\w-]+" + r" [\w-]+" * command.count(" ")
    examples = re.findall(rf"^ {{4}}(?:echo \w+ \| )?dscplus ({words})", done.out.partition("Examples:")[2], re.MULTILINE)
    assert len(examples) >= 2
    assert set(examples) == {command}
    assert max(map(len, done.out.splitlines())) <= 88
    assert done.err == ""


@pytest.mark.parametrize("command_name", FULL_NAMES)
def test_a_list_of_commands_says_what_their_help_says(dscplus: Command, command_name: str) -> None:
    *noun, verb = command_name.split()
    listed = re.search(rf"^  {verb} +(.+)", dscplus(*noun, "-h").out, re.MULTILINE)
    first = " ".join(dscplus(*noun, verb, "-h").out.partition("\n\n")[2].partition("\n\n")[0].split())
    assert listed is not None
    assert f"{first} ".startswith(f"{listed[1]} ")


def test_without_arguments_it_lists_the_commands(dscplus: Command) -> None:
    done = dscplus()
    assert done.code == 2
    assert set(COMMANDS) <= set(re.findall(r"^  ([\w-]+)", done.err, re.MULTILINE))
    assert done.out == ""


def test_help_and_version_are_results(dscplus: Command) -> None:
    for option in ("-h", "--help"):
        done = dscplus(option)
        assert (done.code, done.err) == (0, "")
        for title in ("A connected card", "Records", "Login system", "Boards", "Service", "Simulator"):
            assert f"\n{title}:\n" in done.out
    assert re.fullmatch(r"dscplus \d+\.\d+\.\d+\n", dscplus("--version").out)


def test_the_page_about_the_command_lists_every_command() -> None:
    page = (ROOT / "docs" / "reference" / "command.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z][a-z-]*(?: [a-z-]+){0,2})[ `]", page, re.MULTILINE)
    assert sorted(rows) == FULL_NAMES


def test_wrong_usage(dscplus: Command) -> None:
    for words, named in {
        "nope": "nope",
        "info --nope": "--nope",
        "info IB1": "IB1",
        "respond": "CHALLENGE",
        "challenge IB1 --db": "--db",
        "enroll IB1 --counter many": "--counter",
        "personalize IB1 --tries 5.5": "--tries",
        "respond 482913 --timeout soon": "--timeout",
        "verify --bd x": "--bd",
        "card nope": "nope",
        "card unlock-code": "SERIAL",
        "card unlock-code IB1 482913 more": "more",
    }.items():
        assert named in dscplus.refused(*words.split())


def test_json_is_all_that_is_on_standard_output(dscplus: Command) -> None:
    dscplus.with_records()
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        runs = [
            dscplus("list", "--json"),
            dscplus("info", "--card", card.url, "--json"),
            dscplus("respond", "482913", "--card", card.url, "--json", stdin=f"{PIN}\n"),
            dscplus("enroll", "IB2", "--json", stdin=SECRETS),
            dscplus("challenge", "IB2", "--json"),
        ]
        issued = json.loads(runs[-1].out)
        runs.append(dscplus("verify", issued["id"], "00000000", "--json"))
        card.press("OK")
        runs.append(dscplus("wipe", "--card", card.url, "--json", stdin="y\n"))
        runs.append(dscplus("personalize", "IB1", "--card", card.url, "--json", stdin=f"{PIN}\n"))
    results = [json.loads(done.out) for done in runs]
    assert [done.code for done in runs] == [0, 0, 0, 0, 0, 4, 0, 0]
    assert results[0] == []
    assert results[1]["serial"] == "IB1"
    assert re.fullmatch("[0-9]{8}", results[2]["response"])
    assert results[3] == {"serial": "IB2", "suite": "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", "counter": 0}
    assert set(results[4]) == {"challenge", "id", "serial", "valid_until"}
    assert results[5] == {"accepted": False, "duress": False, "retry_after": None}
    assert results[6] == {"serial": "IB1", "wiped": True}
    assert results[7]["serial"] == "IB1"


def test_ports_are_listed_one_a_line(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [_port("/dev/ttyACM1"), _port("/dev/ttyACM0")])
    assert dscplus("list").out == "URL           DESCRIPTION\n/dev/ttyACM0  a board\n/dev/ttyACM1  a board\n"
    assert json.loads(dscplus("list", "--json").out)[0] == {"url": "/dev/ttyACM0", "description": "a board"}


def _port(device: str, description: str = "a board") -> ListPortInfo:
    port = ListPortInfo(device)
    port.vid, port.description = 0x2E8A, description
    return port


@pytest.mark.usefixtures("dscplus")
def test_a_terminal_that_cannot_show_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [_port("/dev/ttyACM0", "\N{CHECK MARK} board")])
    shown = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(shown, "latin-1", write_through=True))
    monkeypatch.setattr(sys, "argv", ["dscplus", "list"])
    with pytest.raises(SystemExit) as done:
        main()
    assert (done.value.code, shown.getvalue()) == (0, b"URL           DESCRIPTION\n/dev/ttyACM0  \\u2713 board\n")


def test_info_in_words(dscplus: Command, mine: SimulatedCard) -> None:
    done = dscplus("info", "--card", mine.url)
    assert (done.code, done.err) == (0, "")
    assert dict(re.findall(r"^(\w+(?: \w+)*)  +(\S+)$", done.out, re.MULTILINE)) == {
        "condition": "ready",
        "serial": "IB1",
        "suite": "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256",
        "pin policy": "ocra",
        "counter": "0",
        "tries left": "-",
        "locked": "no",
        "unlock tries left": "-",
        "free memory": "-",
        "board": "simulator",
        "firmware": "0.1.0",
        "state": "off",
    }


def test_no_card(dscplus: Command) -> None:
    done = dscplus("info")
    assert done.code == 3
    assert done.error == "no card is attached: name one with --card or DSCPLUS_CARD"


def test_several_cards_are_listed(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [_port("/dev/ttyACM0"), _port("/dev/ttyACM1")])
    done = dscplus("info")
    assert done.code == 3
    assert "/dev/ttyACM0, /dev/ttyACM1" in done.error


def test_the_card_may_be_named_by_the_environment(
    dscplus: Command, mine: SimulatedCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSCPLUS_CARD", mine.url)
    assert json.loads(dscplus("info", "--json").out)["serial"] == "IB1"


def test_a_card_that_cannot_be_reached(dscplus: Command) -> None:
    for url, words in {
        "/dev/no-such-port": "there is no such port",
        "socket://127.0.0.1:1": "nobody listens at this address",
        "sim://nobody": "no simulated card of that name",
        "a\0b": "",
    }.items():
        done = dscplus("personalize", "IB1", "--card", url, stdin=f"{PIN}\n")
        assert (done.code, done.out) == (3, "")
        assert done.error.startswith(url.replace("\0", r"\x00") + ": ")
        assert words in done.error
    assert list(dscplus.folder.iterdir()) == [], "nothing was made for it"


@needs_pty
def test_a_port_at_which_nobody_answers(dscplus: Command, silent_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    done = dscplus("info", "--card", silent_port)
    assert done.code == 3
    assert "no card answers" in done.error


def test_a_line_that_is_lost(dscplus: Command, mine: SimulatedCard) -> None:
    mine.watch(lambda direction, data: mine.close() if direction == "in" and b" info*" in data else None)
    assert "the line to the card was lost" in dscplus.refused("info", "--card", mine.url, code=5)


def test_other_packages_add_a_section(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    section = Section("Museum", (ListedCommand("old", "dsc_host.cli.config:show_settings", "Show an old card."),))
    entry = SimpleNamespace(load=lambda: section)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [entry] if group == "dscplus.commands" else [])
    monkeypatch.setattr(sys.modules["dsc_host.cli.main"], "command", command.__wrapped__)
    assert "\nMuseum:\n  old           Show an old card.\n" in dscplus("--help").out
    assert dscplus("old").out.startswith("SETTING ")
