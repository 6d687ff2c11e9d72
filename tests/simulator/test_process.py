"""Whole processes: they end quietly whatever is still open, and do not get into each other's way."""

import os
import subprocess
import sys
from pathlib import Path

from tests.firmware.fakes import needs_micropython

pytestmark = needs_micropython

OPEN_CARDS = """
import serial, threading
from dsc_simulator import ENGINES, Profile, SimulatedCard
profile = Profile(serial="A-1", key=bytes(range(32)))
cards = [SimulatedCard(engine=engine, profile=profile) for engine in ENGINES for _ in range(2)]
shown = [card.press("PRESS", "1") for card in cards]
port = serial.serial_for_url(cards[-1].url, timeout=None)
port.reset_input_buffer()
threading.Thread(target=port.read, daemon=True).start()
cycle = [cards]
cycle.append(cycle)
print(*shown)
"""


def start(cache: Path | None = None) -> "subprocess.Popen[str]":
    env = os.environ | ({"DSCPLUS_CACHE": str(cache)} if cache else {})
    command = [sys.executable, "-W", "error", "-c", OPEN_CARDS]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_fill_one_cache_at_once_end_quietly_with_their_cards_open(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    processes = [start(cache) for _ in range(2)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert ends == [("PIN>* PIN>* PIN>* PIN>*\n", "", 0)] * 2
    assert len(list(cache.iterdir())) == 2


def test_a_process_that_dies_of_an_error_says_that_error_and_nothing_else() -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN_CARDS + "raise SystemExit('tired')"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("tired\n", 1)
