"""`dscplus sim` without a screen: it runs a script, draws or records the display, or only serves the serial line."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsc_host.cli.output import Failed, notice, show
from dsc_simulator.card import SimulatedCard
from dsc_simulator.desktop.workspace import Settings, Workspace
from dsc_simulator.errors import SimulatorError
from dsc_simulator.profile_store import Profiles
from dsc_simulator.scripting.recording import Recorder, asciicast, refusal, screenshot, strip, write_file
from dsc_simulator.scripting.script import Script, ScriptError, read_script, run_script

_CAST = ".cast"
_PICTURE = ".svg"


@dataclass(frozen=True)
class Task:
    """The work of one run: an optional script, a file for a picture of the card at the end, and a file for a recording."""

    script: Path | None
    screenshot: Path | None
    record: Path | None
    force: bool
    as_json: bool

    def check(self) -> None:
        """Raise Failed if a file cannot be written. Call this before the card is started."""
        self._check_file("--screenshot", self.screenshot, (_PICTURE,))
        self._check_file("--record", self.record, (_CAST, _PICTURE))
        if self.record and self.screenshot and _place(self.record) == _place(self.screenshot):
            raise Failed(f"--record: {self.record} is already written by --screenshot", 2)

    def check_script(self, script: Script) -> None:
        """Raise ScriptError if the script writes one of the files."""
        folder = self.script.parent if self.script else Path()
        drawn = {_place(folder / name) for name in script.screenshots}
        for option, path in (("--screenshot", self.screenshot), ("--record", self.record)):
            if path and _place(path) in drawn:
                raise ScriptError(f"{option}: {path} is already written by the script")

    def _check_file(self, option: str, path: Path | None, endings: tuple[str, ...]) -> None:
        if path is None:
            return
        if path.suffix not in endings:
            raise Failed(f"{option}: a file's name must end in {' or '.join(endings)}", 2)
        if words := refusal(path, overwrite=self.force):
            raise Failed(f"{option}: {path} {words}{'' if self.force else '; --force overwrites it'}", 2)
        if not path.parent.is_dir():
            raise Failed(f"{option}: there is no folder {path.parent}", 2)


def _place(path: Path) -> str:
    """Return the normal form of a path. All paths of one file have the same normal form."""
    return os.path.join(os.path.realpath(path.parent), os.path.normcase(path.name))


def perform(task: Task, name: str | None, engine: str | None, seed: int | None) -> int:
    """Do the task with the card of the profile `name`. Without a name, use the script's card, or a temporary card.

    Return the exit code, which is 42 if an expectation fails.
    """
    task.check()
    try:
        script = read_script(task.script) if task.script else None
        if script:
            task.check_script(script)
        with _card(script, name, engine, seed) as card, Recorder(card) as recorder:
            code = _play(task, script, card)
            if task.screenshot:
                write_file(task.screenshot, screenshot(card), overwrite=task.force)
        if task.record:
            made = recorder.recording()
            text = asciicast(made) if task.record.suffix == _CAST else strip(made)
            write_file(task.record, text, overwrite=task.force)
    except ScriptError as error:
        raise Failed(str(error), 2) from error
    except (SimulatorError, OSError) as error:
        raise Failed(str(error)) from error
    return code


@contextmanager
def _card(script: Script | None, name: str | None, engine: str | None, seed: int | None) -> Iterator[SimulatedCard]:
    with ExitStack() as stack:
        if script and script.card and name is None:
            yield stack.enter_context(script.open_card(engine=engine, seed=seed))
        elif name is None:
            yield stack.enter_context(SimulatedCard(engine=engine or "cpython", seed=seed))
        else:
            if script and script.card:
                raise ScriptError(f"{script.name}: describes its own card; leave --profile out")
            profile = stack.enter_context(Profiles().open(name, engine))
            yield stack.enter_context(SimulatedCard(engine=profile.engine, flash=profile.flash, seed=seed))


def _play(task: Task, script: Script | None, card: SimulatedCard) -> int:
    if script is None or task.script is None:
        return 0
    result = run_script(script, card, folder=task.script.parent, overwrite=task.force)
    if words := result.message():
        notice(words)
    show(result.result(), as_json=task.as_json)
    return result.exit_code


def serve(settings: Settings, *, as_json: bool) -> int:
    """Serve the card's line until Ctrl-C or SIGTERM. Print its addresses first."""
    changed = threading.Event()
    with closing(_workspace(settings, changed)) as workspace:
        show({"card": workspace.title, "pty": workspace.server.pty, "tcp": workspace.server.url}, as_json=as_json)
        notice("Ctrl-C ends it. Programs can press the card's keys over its line: use it for tests, not for logins.")
        while True:
            changed.wait(workspace.live.next_tick)
            changed.clear()
            workspace.live.tick()


def _workspace(settings: Settings, changed: threading.Event) -> Workspace:
    try:
        return Workspace(settings, changed=changed.set)
    except (SimulatorError, OSError) as error:
        raise Failed(str(error)) from error
