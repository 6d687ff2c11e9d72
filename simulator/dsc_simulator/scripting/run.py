"""A parsed script, and its execution on a card."""

import re
import sys
from binascii import crc32
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import unquote

from dsc_simulator.card import SimulatedCard
from dsc_simulator.drawings import card
from dsc_simulator.engines import ENGINES
from dsc_simulator.errors import PowerCut, SimulatorError
from dsc_simulator.profile import Profile
from dsc_simulator.scripting.recording import refusal, screenshot, write_file

UNMET = 42
"""The exit code of a script whose expectation failed."""
NAME = re.compile(r"\$\{([a-z][a-z0-9_-]{0,31})\}")
"""A reference such as `${name}`. The text that was saved under this name replaces it."""
_REPLY = re.compile(r"<(\d+) (ok|err)(?: (.*))?\*([0-9a-f]{8})")


class ScriptError(SimulatorError):
    """A script cannot run. The message names the place of the mistake, and what is allowed there."""


class _Unmet(Exception):
    """An expectation failed."""

    def __init__(self, expected: str, shown: str) -> None:
        super().__init__(expected, shown)
        self.expected = expected
        self.shown = shown


Action = Callable[["Run"], None]


@dataclass(frozen=True)
class Step:
    """One step of a script. `line` is its line in the file, and `number` is its position; both begin with 1."""

    line: int
    number: int
    name: str
    act: Action = field(repr=False)


@dataclass(frozen=True)
class CardSection:
    """The card that a script describes. Without a profile, the card is blank."""

    profile: Profile | None
    engine: str | None
    seed: int | None


@dataclass(frozen=True)
class Script:
    """A script without mistakes. `screenshots` are the names of the files that the script will write."""

    name: str
    card: CardSection | None
    steps: tuple[Step, ...]
    screenshots: tuple[str, ...]

    def open_card(self, *, profile: Profile | None = None, engine: str | None = None, seed: int | None = None) -> SimulatedCard:
        """Open the card for the script: the card that the script describes, or a card with `profile`.

        `engine` and `seed` replace those in the script. Raise ScriptError if the script describes a card and `profile` is given
        too, and the errors of SimulatedCard.
        """
        if self.card and profile:
            raise ScriptError(f"{self.name}: describes its own card, so it cannot run on another; leave one of them out")
        own = self.card or CardSection(profile, None, None)
        return SimulatedCard(
            engine=engine or own.engine or ENGINES[0], profile=own.profile, seed=own.seed if seed is None else seed
        )


@dataclass(frozen=True)
class Failure:
    """The reason why a script ended early: a failed expectation or, if `crash` is set, an error of the card or of a file."""

    line: int
    step: int
    name: str
    expected: str
    shown: str
    crash: bool = False


@dataclass(frozen=True)
class ScriptResult:
    """The result of a script.

    `steps` is the number of steps that succeeded. `seconds` is the time that passed on the card's clock. `saved` contains the
    responses that `save-response` saved, by name. `power_cuts` is the number of power failures.
    """

    script: str
    steps: int
    seconds: float
    display: str
    saved: Mapping[str, str]
    screenshots: tuple[str, ...]
    power_cuts: int
    failure: Failure | None = None

    @property
    def exit_code(self) -> int:
        """The exit code: 0 for success, 42 for a failed expectation, 1 if the script could not continue."""
        if self.failure is None:
            return 0
        return 1 if self.failure.crash else UNMET

    def result(self) -> dict[str, object]:
        """Return all fields and the exit code, for JSON."""
        return {**asdict(self), "exit_code": self.exit_code}

    def message(self) -> str:
        """Return why the script ended early, with a picture of the display. Return empty text if it ran to its end."""
        failure = self.failure
        if failure is None:
            return ""
        where = f"{self.script}:{failure.line}: step {failure.step}: {failure.name}"
        words = failure.shown if failure.crash else f"expected {failure.expected}, but it is {failure.shown}"
        return f"{where}: {words}\n{card.text(self.display)}"


def on_terminal(words: str) -> None:
    """Show the progress of a script on the terminal. Do nothing if standard error is not a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(words, file=sys.stderr)


def run_script(
    script: Script,
    card: SimulatedCard,
    *,
    folder: Path = Path(),
    overwrite: bool = False,
    tell: Callable[[str], None] = on_terminal,
) -> ScriptResult:
    """Run a script on a card. Waiting only advances the card's clock. End at the first expectation that fails.

    Screenshots are written into `folder`. Existing files are replaced only with `overwrite`. `tell` receives a line for each
    step. Other readers of the card's serial line still get all data. Raise ScriptError, before the first step, if a screenshot
    cannot be written.
    """
    for name in script.screenshots:
        _check_place(script, folder / name, overwrite)
    run = Run(card, folder, overwrite, tell)
    failure = None
    try:
        for step in script.steps:
            failure = _failure(run, step)
            if failure:
                break
            if step.name != "comment":
                tell(f"{step.number:4} {step.name:15} {run.card.display}".rstrip())
    finally:
        run.end()
    return ScriptResult(
        script=script.name,
        steps=len(script.steps) if failure is None else failure.step - 1,
        seconds=run.seconds,
        display=card.display,
        saved=run.saved,
        screenshots=tuple(run.pictures),
        power_cuts=run.cuts,
        failure=failure,
    )


def plain(text: str) -> str:
    """Return the text with a question mark in place of each character that is not printable."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _check_place(script: Script, path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise ScriptError(f"{script.name}: screenshot: there is no folder {path.parent}")
    if words := refusal(path, overwrite=overwrite):
        raise ScriptError(f"{script.name}: screenshot: {path} {words}")


def _failure(run: "Run", step: Step) -> Failure | None:
    try:
        step.act(run)
    except _Unmet as unmet:
        return Failure(step.line, step.number, step.name, unmet.expected, unmet.shown)
    except SimulatorError as error:
        return Failure(step.line, step.number, step.name, "", str(error), crash=True)
    return None


class Run:
    """The state of a running script.

    A card without power behaves like a physical card: until `restart`, it ignores keys and requests and shows nothing.
    """

    def __init__(self, card: SimulatedCard, folder: Path, overwrite: bool, tell: Callable[[str], None]) -> None:
        self.card = card
        self.tell = tell
        self.saved: dict[str, str] = {}
        self.pictures: list[str] = []
        self.cuts = 0
        self._folder, self._overwrite = folder, overwrite
        self._dark = False
        self._began = card.board.clock.now_ms
        self._requests = 0
        self._received: bytearray | None = None
        self.end = card.watch(self._hear)

    @property
    def seconds(self) -> float:
        """The time that the script has run, in seconds of the card's clock."""
        return (self.card.board.clock.now_ms - self._began) / 1000

    def fill(self, text: str) -> str:
        """Return the text with each reference replaced by the saved text."""
        return NAME.sub(lambda name: self.saved[name[1]], text)

    def expect(self, met: bool, expected: str) -> None:
        """Continue only if the expectation is met."""
        if not met:
            dark = " (the power is off; `restart` switches it on again)" if self._dark else ""
            raise _Unmet(expected, f"{plain(self.card.display) or 'empty'}{dark}")

    def powered(self, do: Callable[[], object]) -> None:
        """Call `do` if the card has power. Record whether the power fails during the call."""
        if self._dark:
            return
        try:
            do()
        except PowerCut:
            self._dark = True
            self.cuts += 1

    def advance(self, seconds: float) -> None:
        """Let time pass. The clock also advances while the card has no power."""
        until = self.card.board.clock.now_ms + round(seconds * 1000)
        self.powered(lambda: self.card.advance(seconds))
        self.card.board.clock.now_ms = until

    def restart(self) -> None:
        """Remove and replace the battery."""
        self._dark = False
        self.powered(self.card.restart)

    def ask(self, text: str, expected: Mapping[str, str]) -> None:
        """Send a request. Continue only if the reply has the expected values, or is the expected error."""
        wanted = {name: self.fill(value) for name, value in expected.items()}
        words, values = self._reply(self.fill(text))
        if not wanted.items() <= values.items() or ("error" in values) != ("error" in wanted):
            listed = [f"{name}={value}" for name, value in wanted.items()]
            raise _Unmet(" ".join(["the reply", *(() if "error" in wanted else ("ok",)), *listed]), plain(words))

    def _reply(self, request: str) -> tuple[str, dict[str, str]]:
        """Send a request. Return the reply as text for a person, and its values. The value `error` is an error's code."""
        self._requests += 1
        body = f">{self._requests} {request}".encode()
        self._received = bytearray()
        self.powered(lambda: self.card.send(b"\n%s*%08x\n" % (body, crc32(body))))
        lines, self._received = self._received.decode("ascii", "replace").splitlines(), None
        for line in lines:
            found = _REPLY.fullmatch(line)
            if found and int(found[1]) == self._requests and crc32(line[:-9].encode()) == int(found[4], 16):
                return f"{found[2]} {found[3] or ''}".rstrip(), _values(found[2], found[3] or "")
        return "no reply", {"error": ""}

    def _hear(self, direction: str, data: bytes) -> None:
        if direction == "out" and self._received is not None:
            self._received += data

    def save(self, name: str) -> None:
        """Save the response on the display under `name`."""
        shown = self.card.display
        self.expect(re.fullmatch("[0-9]{4,8}", shown) is not None, "a response, 4 to 8 digits")
        self.saved[name] = shown

    def take_picture(self, name: str) -> None:
        """Write a picture of the card to the file `name`."""
        write_file(self._folder / name, screenshot(self.card), overwrite=self._overwrite)
        self.pictures.append(name)


def _values(kind: str, text: str) -> dict[str, str]:
    if kind == "err":
        return {"error": text.partition(" ")[0]}
    pairs = (part.partition("=") for part in text.split())
    return {name: unquote(value) for name, _, value in pairs}
