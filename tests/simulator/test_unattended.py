"""`dscplus sim` without a person: scripts, pictures, recordings, and a line that is only served."""

import json
import os
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("textual")
pytest.importorskip("yaml")

from tests.host.commanding import Command
from tests.simulator import desktop_terminal
from tests.simulator.desktop_command import CARD, cards, keep_card

from dsc_host import CardClient
from dsc_host.link import open_port
from dsc_simulator.profiles import Profiles

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
        ("--screenshot none.svg --record ./none.svg", "--record: none.svg is written already, by --screenshot"),
        ("--script script.yaml", "script.yaml:2"),
        ("--script drawing.yaml --screenshot card.svg --force", "card.svg is written already, by the script"),
        ("--script drawing.yaml --record card.svg --force", "card.svg is written already, by the script"),
        ("--profile work --screenshot folder.svg --force", "is no plain file"),
        ("--profile work --script own.yaml", "it brings a card of its own; leave --profile out"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    script(tmp_path, "pres: OK")
    Path("drawing.yaml").write_text("steps:\n  - press: PRESS\n  - screenshot: card.svg\n")
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
    assert "--force writes over it" in again.err
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


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX's")
def test_headless_serves_the_line_with_keys_until_it_is_stopped(tmp_path: Path) -> None:
    serving = subprocess.Popen(
        desktop_terminal.command("--headless", "--temporary", "--json"),
        env=desktop_terminal.environment(tmp_path),
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
        where = json.loads(said)
        for url in (where["tcp"], where["pty"]):
            with CardClient(open_port(url)) as client:
                assert "keys" in client.hello().caps
        serving.send_signal(signal.SIGINT)
        _, errors = serving.communicate(timeout=30)
        assert serving.returncode == 130
        assert "Traceback" not in errors
        assert not cards(tmp_path).exists(), "the card is temporary"
    finally:
        serving.kill()
        serving.wait()
