"""Functions for the tests of scripts: one runs a script, and one returns the error of a script that is refused."""

from pathlib import Path

import pytest

from dsc_simulator import SimulatedCard
from dsc_simulator.scripting.script import ScriptError, ScriptResult, parse_script, run_script

DOCS = Path(__file__).parents[2] / "docs"
KEY = bytes(range(32))
LOGIN = f"card: {{serial: A, key: {KEY.hex()}}}\nsteps:\n- press: PRESS\n- enter: 1234\n- enter: 482913\n"
CARD_PIN = f"card: {{serial: A, key: {KEY.hex()}, pin-policy: card, pin: 0123, tries: 2}}\nsteps:\n"


def play(text: str, card: SimulatedCard | None = None, **options: object) -> ScriptResult:
    script = parse_script(text.encode(), "a.yaml")
    told: list[str] = []
    with card or script.open_card() as on:
        return run_script(script, on, tell=told.append, **options)  # type: ignore[arg-type]


def refused(text: str | bytes) -> str:
    with pytest.raises(ScriptError) as caught:
        parse_script(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    assert caught.value.__cause__ is None
    return str(caught.value)
