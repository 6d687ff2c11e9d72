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

from tests.simulator.desktop_command import CARD, cards, keep_card, run
from tests.simulator.desktop_terminal import command, environment

from dsc_host import CardClient
from dsc_host.link import open_port
from dsc_simulator.profiles import Profiles

LOGIN = Path(__file__).parents[2] / "docs" / "examples" / "login.yaml"


def script(folder: Path, text: str) -> str:
    path = folder / "script.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_script_runs_to_its_end(tmp_path: Path) -> None:
    done = run(tmp_path, "--script", str(LOGIN), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["steps"] > 10
    assert not cards(tmp_path).exists()


def test_an_expectation_that_fails_is_told_with_its_line_and_exit_42(tmp_path: Path) -> None:
    done = run(tmp_path, "--script", script(tmp_path, "steps:\n  - press: PRESS\n  - expect-display: PIN>\n"))
    assert done.returncode == 42
    assert "3" in done.stderr
    assert "PIN>" in done.stderr
    assert "NO KEY" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--script", "none.yaml"), "none.yaml"),
        (("--screenshot", "card.png"), "--screenshot: a file's name must end in .svg"),
        (("--record", "card.gif"), "--record: a file's name must end in .cast or .svg"),
        (("--record", "nowhere/card.svg"), "--record: there is no folder nowhere"),
        (("--screenshot", "none.svg", "--record", "./none.svg"), "--record: none.svg is written already, by --screenshot"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_script_is_told_with_its_line(tmp_path: Path) -> None:
    done = run(tmp_path, "--script", script(tmp_path, "steps:\n  - pres: OK\n"))
    assert done.returncode == 2
    assert "script.yaml:2" in done.stderr


def test_a_picture_and_a_recording_are_made_and_not_written_over(tmp_path: Path) -> None:
    picture, film = tmp_path / "card.svg", tmp_path / "login.cast"
    steps = script(tmp_path, "steps:\n  - press: PRESS\n")
    arguments = ("--script", steps, "--screenshot", str(picture), "--record", str(film))
    assert run(tmp_path, *arguments).returncode == 0
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    first, *rest = film.read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["version"] == 2
    assert rest
    before = picture.read_bytes()
    again = run(tmp_path, *arguments)
    assert again.returncode == 2
    assert "--force writes over it" in again.stderr
    assert picture.read_bytes() == before
    assert run(tmp_path, *arguments, "--force").returncode == 0


@pytest.mark.parametrize("option", ["--screenshot", "--record"])
def test_a_script_and_an_option_do_not_write_one_file(tmp_path: Path, option: str) -> None:
    steps = script(tmp_path, "steps:\n  - press: PRESS\n  - screenshot: card.svg\n")
    done = run(tmp_path, "--script", steps, option, str(tmp_path / "card.svg"), "--force")
    assert done.returncode == 2
    assert "card.svg is written already, by the script" in done.stderr
    assert not (tmp_path / "card.svg").exists()


def test_a_folder_in_the_place_of_a_file_is_refused_before_a_counter_is_used(tmp_path: Path) -> None:
    kept = keep_card(tmp_path, "work")
    before = kept.read_bytes()
    (tmp_path / "card.svg").mkdir()
    steps = script(tmp_path, "steps:\n  - press: PRESS\n  - enter: 1234\n  - enter: 482913\n")
    picture = str(tmp_path / "card.svg")
    done = run(tmp_path, "--profile", "work", "--script", steps, "--screenshot", picture, "--force")
    assert done.returncode == 2
    assert "is no plain file" in done.stderr
    assert kept.read_bytes() == before


def test_a_script_uses_a_card_that_is_kept(tmp_path: Path) -> None:
    keep_card(tmp_path, "work")
    steps = "steps:\n  - press: PRESS\n  - enter: 1234\n  - enter: 482913\n  - expect-display: {matches: '[0-9]{8}'}\n"
    for _ in range(2):
        done = run(tmp_path, "--profile", "work", "--script", script(tmp_path, steps))
        assert done.returncode == 0, done.stderr
    with Profiles(cards(tmp_path)).open("work") as kept:
        assert kept.flash.slots != CARD.flash().slots
    brings = script(tmp_path, "card:\n  seed: 1\nsteps:\n  - press: PRESS\n")
    done = run(tmp_path, "--profile", "work", "--script", brings)
    assert done.returncode == 2
    assert "it brings a card of its own; leave --profile out" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX's")
def test_headless_serves_the_line_with_keys_until_it_is_stopped(tmp_path: Path) -> None:
    serving = subprocess.Popen(
        command("--headless", "--temporary", "--json"),
        env=environment(tmp_path),
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
    finally:
        serving.kill()
        serving.wait()
