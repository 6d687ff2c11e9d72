"""The program of one page in a browser. It loads all modules first, and starts when a page is connected.

Loading takes longer than starting, so the server keeps one program loaded. The first line of the program's standard input has
the columns and rows of the page. Textual reads all other lines.
"""

import os
import sys
from contextlib import suppress

_MOST_BYTES = 32


def main() -> None:
    """Wait for a page, then run `dscplus` with the arguments of this process. Return if the server ends first."""
    with suppress(KeyboardInterrupt):
        _load()
        size = _read_line().split()
        if len(size) == 2:
            os.environ["COLUMNS"], os.environ["ROWS"] = size
            _run()


def _load() -> None:
    # Import these modules here, so that Ctrl-C during the import ends the program silently.
    import dsc_simulator.desktop.launch  # noqa: F401
    from dsc_host.cli.main import command

    # Typer loads many modules when it parses arguments. Parse them once, and ignore the result.
    command().commands["sim"].make_context("sim", sys.argv[2:], resilient_parsing=True)


def _run() -> None:
    from dsc_host.cli.main import main as run

    run()


def _read_line() -> str:
    """Read exactly one line. Return empty text if the input ends before the line does, or if the line is too long."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _MOST_BYTES and (byte := os.read(0, 1)):
        line += byte
    return line.decode("ascii", "replace") if line.endswith(b"\n") else ""
