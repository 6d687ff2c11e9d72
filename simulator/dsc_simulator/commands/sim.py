"""`dscplus sim`: a simulated card on the screen, whose serial line any program can use."""

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, notice
from dsc_simulator.engines import ENGINES
from dsc_simulator.errors import SimulatorError
from dsc_simulator.line_server import LOOPBACK
from dsc_simulator.profile_store import Profiles, check_name

if TYPE_CHECKING:
    from dsc_simulator.desktop import Settings

_PORT_MAX = 65535
_STOPPED = 130


def sim(
    context: typer.Context,
    records: Records,
    profile: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The name of the card. Default: the only stored card, or a new card; with --script, --screenshot or --record: "
            "the script's card, or a temporary card.",
        ),
    ] = None,
    temporary: Annotated[bool, typer.Option("--temporary", help="Use a blank card, and store nothing.")] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE",
            help="cpython or micropython. Default: that of the stored card or of the script, otherwise cpython.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Make the card's random numbers the same each time.")] = None,
    tcp_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=_PORT_MAX, help="The TCP port of the card's line. 0: any free port.")
    ] = 0,
    web: Annotated[bool, typer.Option("--web", help="Show the card in a browser on this machine.")] = False,
    web_port: Annotated[int, typer.Option(metavar="PORT", min=1, max=_PORT_MAX, help="The port for the browser.")] = 8000,
    headless: Annotated[bool, typer.Option("--headless", help="Show nothing: only serve the card's line.")] = False,
    script: Annotated[Path | None, typer.Option(metavar="FILE", help="Run a script on the card.")] = None,
    screenshot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the card as it is at the end: .svg.")] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Record everything that the card shows: .cast or .svg.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a simulated card, and use its keys.

    The card runs the real firmware. Type 0 to 9, Enter (OK), Backspace (C) or p (PRESS), or click the keys. Any program
    can open the card's serial line at the addresses on the screen. A card is stored under the name of its profile. The
    first time, the program asks for the data of a new card.

    \b
    Examples:
      dscplus sim
      dscplus sim --profile work
      dscplus sim --temporary --engine micropython --tcp-port 4000
      dscplus sim --web
      dscplus sim --headless --temporary --json
      dscplus sim --script login.yaml --screenshot card.svg
    """
    _check(profile, temporary, engine)
    _check_unused(context, web=web, performs=bool(script or screenshot or record))
    if web and (headless or script or screenshot or record):
        raise typer.BadParameter("cannot be used with --headless, --script, --screenshot or --record", param_hint="--web")
    if script or screenshot or record:
        _exit(_perform(script, screenshot, record, force, as_json, profile, engine, seed))
        return
    if web:
        _serve(_page_options(profile, temporary, engine, seed, tcp_port), web_port, records)
        return
    from dsc_simulator.desktop import Settings

    name = None if temporary else _chosen_profile(profile)
    settings = Settings(
        name,
        lambda: records.open(may_make=True),
        engine,
        seed,
        tcp_port,
        keys_on_line=headless,
    )
    _exit(_serve_line(settings, as_json) if headless else _show(settings))


def _check(profile: str | None, temporary: bool, engine: str | None) -> None:
    if profile is not None and temporary:
        raise typer.BadParameter("is for a stored card; leave it out with --temporary", param_hint="--profile")
    if engine is not None and engine not in ENGINES:
        raise typer.BadParameter(f"must be {' or '.join(ENGINES)}, not {engine}", param_hint="--engine")
    if profile is not None:
        try:
            check_name(profile)
        except SimulatorError as error:
            raise typer.BadParameter(str(error), param_hint="--profile") from error


def _check_unused(context: typer.Context, *, web: bool, performs: bool) -> None:
    """Raise `BadParameter` for a port, or for --headless, if it would have no effect with the other options."""

    def given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name != "DEFAULT"

    for name, option in (("headless", "--headless"), ("tcp_port", "--tcp-port")):
        if performs and given(name):
            raise typer.BadParameter("cannot be used with --script, --screenshot or --record", param_hint=option)
    if given("web_port") and not web:
        raise typer.BadParameter("can be used only with --web", param_hint="--web-port")


def _page_options(profile: str | None, temporary: bool, engine: str | None, seed: int | None, tcp_port: int) -> list[str]:
    """Return the command-line options for the program behind each page in a browser."""
    given = {"--profile": profile, "--engine": engine, "--seed": seed, "--tcp-port": tcp_port}
    return [f"{name}={value}" for name, value in given.items() if value is not None] + ["--temporary"] * temporary


def _serve(arguments: list[str], port: int, records: Records) -> None:
    _need("textual_serve", "web")
    _check_port(port)
    # Pass the database's address in the environment. It may hold a password, and every user can read a command line.
    named = {"DSCPLUS_DB": records.database, "DSCPLUS_MASTER_KEY_FILE": records.master_key and str(records.master_key)}
    os.environ.update({name: value for name, value in named.items() if value})
    from dsc_simulator.desktop.web import serve

    notice(f"The card is at http://127.0.0.1:{port} for browsers on this machine. Ctrl-C ends it.")
    serve(arguments, port)


def _check_port(port: int) -> None:
    """Raise Failed if no server can use the port. Check this before the address is printed."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Failed(f"the port {port} cannot be used: {reason}; choose another one with --web-port") from error


def _perform(
    script: Path | None,
    screenshot: Path | None,
    record: Path | None,
    force: bool,
    as_json: bool,
    profile: str | None,
    engine: str | None,
    seed: int | None,
) -> int:
    _need("yaml", "sim")
    from dsc_simulator.commands.unattended import Task, perform

    return perform(Task(script, screenshot, record, force, as_json), profile, engine, seed)


def _serve_line(settings: "Settings", as_json: bool) -> int:
    _need("yaml", "sim")
    from dsc_simulator.commands.unattended import serve

    return serve(settings, as_json=as_json)


def _show(settings: "Settings") -> int:
    _need("textual", "sim")
    _need_terminal()
    from dsc_simulator.desktop.launch import run

    try:
        return run(settings)
    except SimulatorError as error:
        raise Failed(str(error)) from error


def _exit(code: int) -> None:
    if code == _STOPPED:
        raise Failed("stopped", code)
    if code:
        raise typer.Exit(code)


def _need(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise Failed(f"this needs packages that are not installed: pip install 'dscplus[{extra}]'")


def _need_terminal() -> None:
    # In a browser, Textual's own driver replaces the terminal.
    if "TEXTUAL_DRIVER" in os.environ:
        return
    # Textual draws on standard error.
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    if not all(stream is not None and stream.isatty() for stream in streams) or os.environ.get("TERM") == "dumb":
        raise Failed("dscplus sim needs a terminal to draw on, and this is not one; --headless needs none")


def _chosen_profile(profile: str | None) -> str:
    """Return the name of the profile to use. Raise Failed if there are several and `profile` names none."""
    from dsc_simulator.desktop import DEFAULT_NAME

    names = Profiles().names()
    if profile is None and len(names) > 1:
        raise Failed(f"there are several cards: name one with --profile: {', '.join(names)}", 2)
    return profile or (names[0] if names else DEFAULT_NAME)
