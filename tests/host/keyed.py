"""Records with two cards and a master key in a file, for tests of the commands that change or copy them."""

import json
from pathlib import Path

import pytest
from tests.host.command_runner import KEY, PIN, SUITE, Command, challenge

from dsc_host import Suite
from dsc_host.verifier import MasterKey


@pytest.fixture
def keys(dscplus: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A master key in a file, with records of two cards under it."""
    dscplus.with_cards("IB1", "IB2")
    monkeypatch.delenv("DSCPLUS_MASTER_KEY")
    path = tmp_path / "master.key"
    MasterKey(bytes(range(32))).write(path)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", str(path))
    return path


def ids(dscplus: Command) -> list[tuple[str, bool, int]]:
    return [(key["id"], key["seals"], key["cards"]) for key in json.loads(dscplus("key", "list", "--json").out)]


def logs_in(dscplus: Command, counter: int) -> bool:
    issued, question = challenge(dscplus)
    return dscplus("verify", issued, Suite.parse(SUITE).response(KEY, question, counter=counter, pin=PIN)).code == 0
