"""The cards that are running, as `dscplus list` shows them."""

import json
from typing import IO

import pytest
from tests.host.command_runner import Command
from tests.simulator.live_cards import nowhere

from dsc_simulator.desktop.workspace import Settings, Workspace
from dsc_simulator.profile_store import lock_file
from dsc_simulator.running import announced, running


def test_a_card_is_announced_as_long_as_it_runs(command: Command) -> None:
    workspace = Workspace(Settings(None, nowhere))
    try:
        urls = [url for url in (workspace.server.pty, workspace.server.url) if url]
        assert running() == [(url, "simulated card, temporary · cpython") for url in urls]
        assert [row["url"] for row in json.loads(command("list", "--json").out)] == urls
    finally:
        workspace.close()
    assert running() == []
    assert command("list").out == ""


@pytest.mark.parametrize("content", ['{"title": "x", "urls": ["socket://127.0.0.1:4000"]}', ""])
def test_a_card_whose_program_was_killed_is_forgotten(command: Command, content: str) -> None:
    left = command.folder / "data/dscplus/running/1-left.json"
    left.parent.mkdir(parents=True)
    left.write_text(content)
    assert running() == []
    assert not left.exists()


def test_a_card_is_announced_even_if_a_program_lists_the_cards_before_its_file_is_locked(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def slow(file: IO[bytes]) -> bool:
        if not begun:
            begun.append(file)
            assert running() == []
        return lock_file(file)

    monkeypatch.setattr("dsc_simulator.running.lock_file", slow)
    with announced("temporary", "socket://127.0.0.1:4000"):
        assert running() == [("socket://127.0.0.1:4000", "simulated card, temporary")]
    assert running() == []
