"""The commands that install the firmware on a board and remove it: flash, unflash."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import serial
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.cli.prompts import agreed
from dsc_host.errors import CardNotFound, CardStopped, InputError, LinkError, LinkTimeout
from dsc_host.flash import (
    BoardSession,
    ByteProgress,
    Plan,
    examine,
    firmware_files,
    install,
    plan,
    removable,
    remove,
    startup_words,
)
from dsc_host.link import CardClient, NoSingleCard, PortMissing, find_card, open_port
from dsc_host.urls import without_password

HELLO_SECONDS = 20.0
"""The seconds that a board may take to restart, appear on USB again and say hello."""
BACK_SECONDS = 3.0
"""The seconds for which a restarting board may be missing on USB."""
_ONE_HELLO_SECONDS = 2.0
_PAUSE_SECONDS = 0.25

PortOption = Annotated[
    str | None,
    typer.Option(
        "--card",
        "--port",
        envvar="DSCPLUS_CARD",
        metavar="URL",
        help="The board's port: /dev/ttyACM0, COM3, or auto. Not needed if one board is attached.",
    ),
]
BoardOption = Annotated[
    str | None,
    typer.Option(
        "--board",
        metavar="NAME",
        help="The ready-made wiring: pico, pico2, esp32s3, headless. Default: the board's own, otherwise that of its model.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


_MAKE_ADVICE = "With make, name it with PORT=…"
_CABLE_ADVICE = "A board is visible only over a cable that carries data"


class _NoSingleBoard(CardNotFound):
    """The command names no port, and there is no board or more than one. `found` says whether there is a board."""

    def __init__(self, message: str, found: bool) -> None:
        super().__init__(message)
        self.found = found


def flash(
    port: PortOption = None,
    board: BoardOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Install or update the firmware on a board.

    The board must run MicroPython. Only changed files are sent. The card keeps its key and counter, and without --board also
    its wiring. If the transfer is interrupted, the board starts either the old program or the new program.

    \b
    Examples:
      dscplus flash
      dscplus flash --dry-run
      dscplus flash --card /dev/ttyACM0 --board pico
    """
    program = firmware_files()
    name, opened = _open_board(port)
    with BoardSession(opened, name) as session:
        steps = plan(examine(session), program, board)
        if steps.wiring_fault:
            notice(
                f"The board's board.json is not JSON: {steps.wiring_fault}. MicroPython may read it anyway; correct the file."
            )
        if not dry_run:
            _ask(steps, yes)
            session.allow()
            _install(session, steps)
    if not dry_run:
        _wait_for_card(port, steps)
    show(_report(name, steps, dry_run), as_json=as_json)


def unflash(
    port: PortOption = None, dry_run: DryRunOption = False, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Remove the firmware from a board.

    The card's key, counter and wiring are removed with it. Other files stay.

    The command asks for confirmation. Without a terminal it reads `y` from standard input. The card's record at the
    verifier stays.

    \b
    Examples:
      dscplus unflash
      dscplus unflash --card /dev/ttyACM0 --yes
    """
    name, opened = _open_board(port)
    with BoardSession(opened, name) as session:
        paths = removable(session)
        if not dry_run and paths:
            question = f"Remove {', '.join(paths)} from the board on {name}, with the key of the card, for good?"
            if not yes and not agreed(question):
                raise Failed("nothing was removed")
            session.allow()
            remove(session, paths)
    if not paths:
        notice(f"{name}: the board has no files of dscplus.")
    show({"port": name, "removed": list(paths) if as_json else ", ".join(paths), "dry_run": dry_run}, as_json=as_json)


def _open_board(port: str | None) -> tuple[str, serial.Serial]:
    """Return the URL of the board, without a password in it, and the open port. Wait a little for a board that restarts."""
    end = time.monotonic() + BACK_SECONDS
    while True:
        try:
            url = _find_board(port)
            if url.startswith("sim:"):
                raise InputError("card", f"{url} is a simulated card, which has no firmware to replace; name a board's port")
            return without_password(url), open_port(url)
        except (_NoSingleBoard, PortMissing) as error:
            if time.monotonic() >= end or (isinstance(error, _NoSingleBoard) and error.found):
                raise
            time.sleep(_PAUSE_SECONDS)


def _find_board(port: str | None) -> str:
    try:
        # `auto` means a search of the attached boards, even if DSCPLUS_CARD names a port. DSCPLUS_CARD may also be `auto`.
        return find_card(None, {}) if port == "auto" else find_card(port)
    except NoSingleCard as error:
        found = bool(error.candidates)
        advice = _MAKE_ADVICE if found else f"{_MAKE_ADVICE}. {_CABLE_ADVICE}"
        raise _NoSingleBoard(f"{error}. {advice}", found) from None


def _ask(steps: Plan, yes: bool) -> None:
    """Ask before another program or the wiring is overwritten. Raise `Failed` if the user refuses."""
    if steps.found.has_other_program and not yes and not agreed("The board starts another program, main.py. Replace it?"):
        raise Failed("nothing was written")
    if (
        steps.replaces_board
        and not yes
        and not agreed(f"Replace the board's wiring, board.json, with that of {steps.board_name}?")
    ):
        raise Failed("nothing was written")


def _install(session: BoardSession, steps: Plan) -> None:
    if not steps.changes:
        notice("The board is up to date.")
        return
    with _progress(steps.size) as bar:
        install(session, steps, bar)


@contextmanager
def _progress(size: int) -> Iterator[ByteProgress]:
    """Show a bar on stderr while the block runs, if stderr is a terminal."""
    columns = (TextColumn("Writing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=size)
        yield lambda count: bar.advance(task, count)


def _wait_for_card(port: str | None, steps: Plan) -> None:
    """Wait for the restarted card's hello, and print the next step."""
    if steps.line != "usb":
        notice("The firmware is on the board. Its line is on the pins that board.json names: dscplus info --card PORT")
        return
    name, client = _connect(port)
    with client:
        facts, greeting = client.info(), client.hello()
    notice(f"The card says hello: {greeting.board}, firmware {greeting.firmware}.")
    if facts.condition == "error":
        notice(
            "The card shows ERROR: its record is damaged, or its source of random numbers failed. The record was not changed. "
            "Next: unplug the card and plug it in. "
            f"If ERROR stays, dscplus wipe --card {name} makes the card blank and erases its key."
        )
    elif facts.serial:
        notice(f"The card is still {facts.serial}. Next: dscplus respond CHALLENGE --card {name}")
    else:
        notice(f"The card is blank. Next: dscplus personalize SERIAL --card {name}")


def _connect(port: str | None) -> tuple[str, CardClient]:
    """Wait until the card says hello. Return its URL, without a password in it, and a client. Raises `LinkTimeout`."""
    end = time.monotonic() + HELLO_SECONDS
    reason: LinkError = CardNotFound("the board did not come back")
    while time.monotonic() < end:
        try:
            # Search again each time, because the restarted board may get a port with another name.
            url = _find_board(port)
            return without_password(url), CardClient.open(url, timeout=_ONE_HELLO_SECONDS)
        except CardStopped as error:
            if words := _startup_words(url):
                raise LinkTimeout(
                    f"{without_password(url)}: the firmware is on the board, but the card did not say hello. "
                    f"The board says at its start: {words}. docs/how-to/flashing.md lists what to check"
                ) from error
            reason = error
        except LinkError as error:
            reason = error
            time.sleep(_PAUSE_SECONDS)
    raise LinkTimeout(
        f"the firmware is on the board, but the card did not say hello within {HELLO_SECONDS:g} s ({reason}); "
        "unplug it, plug it in, and try: dscplus info. docs/how-to/flashing.md lists what else to check"
    )


def _startup_words(url: str) -> str:
    """Return the error that ended the board's program, or "" if there is none, or if the line was lost."""
    try:
        with open_port(url) as port:
            return startup_words(port, url)
    except LinkError:
        # The board may restart at this moment. The caller tries to connect again.
        return ""


def _report(name: str, steps: Plan, dry_run: bool) -> dict[str, object]:
    return {
        "port": name,
        "board": steps.board_name,
        "machine": steps.found.machine,
        "micropython": steps.found.micropython,
        "files_copied": len(steps.copied),
        "files_kept": len(steps.kept),
        "bytes": steps.size,
        "dry_run": dry_run,
    }
