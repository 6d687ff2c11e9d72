"""`dscplus sim` as a command: how it starts and ends, and what it does without a person."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("textual")
pytest.importorskip("yaml")
if os.name != "posix":
    pytest.skip("terminals of this kind are POSIX's", allow_module_level=True)

from tests.host.command_runner import Command
from tests.simulator import desktop_terminal
from tests.simulator.desktop_driver import CARD, cards, keep_card
from tests.simulator.desktop_terminal import Terminal
from tests.simulator.live_cards import nowhere

from dsc_host import CardClient
from dsc_host.link import open_port
from dsc_simulator.commands import sim
from dsc_simulator.desktop import Settings, launch
from dsc_simulator.profile_store import Profiles


@pytest.mark.parametrize(("how", "code"), [("SIGTERM", 143), ("close", 129)])
def test_it_ends_in_good_order_however_it_ends(tmp_path: Path, how: str, code: int) -> None:
    keep_card(tmp_path)
    with Terminal(tmp_path).start() as terminal:
        terminal.until(lambda: bool(re.search(rb"/dev/\w+/?\d*", terminal.seen)))
        # Pasted bytes that are no text are no keys either.
        terminal.type(b"\xff\xfep")
        terminal.until(lambda: b"PIN>" in terminal.seen)
        if how == "close":
            terminal.close()
        else:
            terminal.signal(how)
        assert terminal.end() == code
        assert b"Traceback" not in terminal.seen
    with Profiles(cards(tmp_path)).open("default"):
        pass  # It leaves nothing that blocks another program.


@pytest.fixture
def on_terminal(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Provide the command with a fake terminal, to test what it refuses before it draws."""
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


@pytest.mark.skipif(find_spec("textual_serve") is None, reason="needs textual-serve")
def test_a_web_port_that_is_taken_is_an_error_before_its_address_is_shown(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("sim", "--temporary", "--web", "--web-port", str(port))
    said = f"Error: the port {port} cannot be used: Address already in use; choose another one with --web-port\n"
    assert (done.code, done.out, done.err) == (1, "", said)


def test_a_broken_profile_is_reported_kept_aside_and_another_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = keep_card(tmp_path)
    path.write_text("broken")
    workspace, problem = launch._open(Settings("default", nowhere, profiles=Profiles(cards(tmp_path))))
    with closing(workspace):
        assert workspace.name == "default-2"
    told = f"{path}: the profile is broken: it is not JSON"
    assert told in problem
    assert f"Error: {told}" in capsys.readouterr().err
    assert path.read_text() == path.with_name("default.broken-1").read_text() == "broken"


def test_without_a_terminal_it_says_so(command: Command) -> None:
    done = command("sim")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: dscplus sim needs a terminal to draw on, and this is not one; --headless needs none\n"


def test_with_several_cards_one_must_be_named(command: Command, tmp_path: Path) -> None:
    keep_card(tmp_path, "work")
    keep_card(tmp_path, "home")
    done = command("sim")
    assert (done.code, done.out) == (2, "")
    assert done.err == "Error: there are several cards: name one with --profile: home, work\n"
    assert "this is not one" in command("sim", "--profile", "home").error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--engine", "steam"], "--engine: must be cpython or micropython, not steam"),
        (["--profile", "a/b"], "--profile: profile: a name has 1 to 32 of"),
        (["--profile", "a", "--temporary"], "--profile: is for a stored card"),
        (["--tcp-port", "70000"], "--tcp-port"),
        (["--web", "--headless"], "--web: cannot be used with --headless"),
        (["--script", "x.yaml", "--headless"], "--headless: cannot be used with --script"),
        (["--screenshot", "x.svg", "--tcp-port", "0"], "--tcp-port: cannot be used with --script"),
        (["--record", "x.cast", "--web-port", "8000"], "--web-port: can be used only with --web"),
        (["--temporary", "--web-port", "8000"], "--web-port: can be used only with --web"),
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


LOGIN = Path(__file__).parents[2] / "docs" / "examples" / "login.yaml"


def script(folder: Path, *steps: str) -> str:
    path = folder / "script.yaml"
    path.write_text("steps:\n" + "".join(f"  - {step}\n" for step in steps), encoding="utf-8")
    return str(path)


def test_a_script_runs_to_its_end(command: Command, tmp_path: Path) -> None:
    done = command("sim", "--script", str(LOGIN), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["steps"] > 10
    assert not cards(tmp_path).exists()


def test_an_expectation_that_fails_is_told_with_its_line_and_exit_42(command: Command, tmp_path: Path) -> None:
    done = command("sim", "--script", script(tmp_path, "press: PRESS", "expect-display: PIN>"))
    assert done.code == 42
    assert all(words in done.err for words in ("3", "PIN>", "NO KEY"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--script none.yaml", "none.yaml"),
        ("--screenshot card.png", "--screenshot: a file's name must end in .svg"),
        ("--record card.gif", "--record: a file's name must end in .cast or .svg"),
        ("--record nowhere/card.svg", "--record: there is no folder nowhere"),
        ("--screenshot none.svg --record ./none.svg", "--record: none.svg is already written by --screenshot"),
        ("--script script.yaml", "script.yaml:2"),
        ("--script drawing.yaml --screenshot card.svg --force", "card.svg is already written by the script"),
        ("--script drawing.yaml --record card.svg --force", "card.svg is already written by the script"),
        ("--profile work --screenshot folder.svg --force", "is not a regular file"),
        ("--profile work --record link.svg --force", "is not a regular file"),
        ("--profile work --script own.yaml", "describes its own card; leave --profile out"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    script(tmp_path, "pres: OK")
    Path("drawing.yaml").write_text("steps:\n  - press: PRESS\n  - screenshot: card.svg\n")
    Path("link.svg").symlink_to("drawing.yaml")
    Path("own.yaml").write_text("card:\n  seed: 1\nsteps:\n  - press: PRESS\n")
    Path("folder.svg").mkdir()
    before = keep_card(tmp_path, "work").read_bytes()
    done = command("sim", *arguments.split())
    assert done.code == 2
    assert words in done.err
    assert not Path("card.svg").exists()
    assert (cards(tmp_path) / "work.json").read_bytes() == before


def test_a_picture_and_a_recording_are_made_and_not_written_over(command: Command, tmp_path: Path) -> None:
    picture, film = tmp_path / "card.svg", tmp_path / "login.cast"
    arguments = ("sim", "--script", script(tmp_path, "press: PRESS"), "--screenshot", str(picture), "--record", str(film))
    assert command(*arguments).code == 0
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    first, *rest = film.read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["version"] == 2
    assert rest
    before = picture.read_bytes()
    again = command(*arguments)
    assert again.code == 2
    assert "--force overwrites it" in again.err
    assert picture.read_bytes() == before
    assert command(*arguments, "--force").code == 0


def test_a_script_uses_a_card_that_is_kept(command: Command, tmp_path: Path) -> None:
    keep_card(tmp_path, "work")
    steps = script(tmp_path, "press: PRESS", "enter: 1234", "enter: 482913", "expect-display: {matches: '[0-9]{8}'}")
    for _ in range(2):
        done = command("sim", "--profile", "work", "--script", steps)
        assert done.code == 0, done.err
    with Profiles(cards(tmp_path)).open("work") as kept:
        assert kept.flash.slots != CARD.flash().slots


@contextmanager
def headless(folder: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run a card without a screen. Yield its process and its addresses."""
    serving = subprocess.Popen(
        desktop_terminal.command("--headless", "--temporary", "--json"),
        env=desktop_terminal.environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert serving.stdout is not None
        said = ""
        while not said.endswith("}\n"):
            said += serving.stdout.readline()
        yield serving, json.loads(said)
    finally:
        serving.kill()
        serving.communicate()


def test_a_terminal_program_that_imports_nothing_reaches_a_headless_card(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with headless(tmp_path) as (_, where):
        for url in (where["tcp"], where["pty"]):
            arguments = [sys.executable, "-m", "serial.tools.miniterm", url, "--eol", "LF", "--quiet"]
            with subprocess.Popen(arguments, stdin=theirs, stdout=subprocess.PIPE) as terminal:
                os.write(ours, b">1 hello\n")
                assert terminal.stdout is not None
                while not (line := terminal.stdout.readline()).startswith(b"<1 ok protocol=1 "):
                    assert line, "the terminal has ended"
                os.write(ours, b"\x1d")
    os.close(ours)
    os.close(theirs)


def test_headless_serves_the_line_with_keys_until_it_is_stopped(tmp_path: Path) -> None:
    with headless(tmp_path) as (serving, where):
        for url in (where["tcp"], where["pty"]):
            with CardClient(open_port(url)) as client:
                assert "keys" in client.hello().caps
        serving.send_signal(signal.SIGINT)
        _, errors = serving.communicate(timeout=30)
        assert serving.returncode == 130
        assert "Traceback" not in errors
        assert not cards(tmp_path).exists(), "the card is temporary"
