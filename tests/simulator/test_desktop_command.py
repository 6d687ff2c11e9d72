"""`dscplus sim` as a command: how it begins, how it ends, and what is left when it has."""

import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("textual")
if os.name != "posix":
    pytest.skip("terminals of this kind are POSIX's", allow_module_level=True)

from tests.host.commanding import Command
from tests.simulator.desktop_command import cards, keep_card
from tests.simulator.desktop_terminal import Terminal
from tests.simulator.living import nowhere

from dsc_simulator.commands import sim
from dsc_simulator.desktop import Settings, running
from dsc_simulator.profiles import Profiles


@pytest.mark.parametrize(("how", "code"), [("SIGTERM", 143), ("close", 129)])
def test_it_ends_in_good_order_however_it_ends(tmp_path: Path, how: str, code: int) -> None:
    keep_card(tmp_path)
    with Terminal(tmp_path).start() as terminal:
        terminal.until(lambda: bool(re.search(rb"/dev/\w+/?\d*", terminal.seen)))
        if how == "close":
            terminal.close()
        else:
            terminal.signal(how)
        assert terminal.end() == code
        assert b"Traceback" not in terminal.seen
    with Profiles(cards(tmp_path)).open("default"):
        pass  # Nothing of it is in anybody's way.


@pytest.fixture
def on_terminal(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, which takes this for a terminal: for what it refuses before it draws."""
    monkeypatch.setattr(sim, "_need_terminal", lambda: None)
    return command


def test_a_second_program_is_refused(on_terminal: Command, tmp_path: Path) -> None:
    keep_card(tmp_path)
    with Profiles(cards(tmp_path)).open("default"):
        done = on_terminal("sim")
    assert (done.code, done.error) == (1, f"profile default: another program has it open (process {os.getpid()})")


def test_a_port_that_is_taken_is_an_error(on_terminal: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = on_terminal("sim", "--temporary", "--tcp-port", str(taken.getsockname()[1]))
    assert done.code == 1
    assert "Address already in use" in done.error


def test_a_broken_profile_is_reported_kept_aside_and_another_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = keep_card(tmp_path)
    path.write_text("broken")
    desk, problem = running._open(Settings("default", nowhere, profiles=Profiles(cards(tmp_path))))
    with closing(desk):
        assert desk.name == "default-2"
    told = f"{path}: the profile is broken: it is not JSON"
    assert told in problem
    assert f"Error: {told}" in capsys.readouterr().err
    assert path.read_text() == path.with_name("default.broken-1").read_text() == "broken"


def test_without_a_terminal_it_says_so(command: Command) -> None:
    done = command("sim")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: dscplus sim draws on a terminal, and this is none; --headless needs none\n"


def test_with_several_cards_one_must_be_named(command: Command, tmp_path: Path) -> None:
    keep_card(tmp_path, "work")
    keep_card(tmp_path, "home")
    done = command("sim")
    assert (done.code, done.out) == (2, "")
    assert done.err == "Error: there are several cards: name one with --profile: home, work\n"
    assert "this is none" in command("sim", "--profile", "home").error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "steam"], "--engine: must be cpython or micropython, not steam"),
        (["--profile", "a/b"], "--profile: profile: a name has 1 to 32 of"),
        (["--profile", "a", "--temporary"], "--profile: is for a card that is kept"),
        (["--tcp-port", "70000"], "--tcp-port"),
        (["--web", "--headless"], "--web: is for a person"),
        (["--seed", "x"], "--seed"),
    ],
)
def test_a_wrong_option(command: Command, arguments: list[str], words: str) -> None:
    done = command("sim", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in " ".join(done.err.split())


def test_help_has_examples(command: Command) -> None:
    done = command("sim", "--help")
    assert done.code == 0
    assert re.search(r"Examples:\n +dscplus sim\n", done.out)


@pytest.mark.parametrize(
    ("argument", "package", "extra"), [("--temporary", "textual", "sim"), ("--web", "textual_serve", "web")]
)
def test_without_its_packages_it_says_which_to_install(
    argument: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setattr(sim, "find_spec", lambda name: None if name == package else find_spec(name))
    done = command("sim", argument)
    assert (done.code, done.out) == (1, "")
    assert f"pip install 'dscplus[{extra}]'" in done.error


def test_the_card_itself_needs_no_textual() -> None:
    code = "import dsc_simulator.desktop, sys; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
