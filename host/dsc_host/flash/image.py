"""The files that `dscplus image` builds for a board, and the function that writes them into a folder."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsc_host.flash.errors import FlashError
from dsc_host.flash.filesystems import littlefs_image, romfs_image
from dsc_host.flash.firmware import BOARD, LIBRARY, MAIN, PACKAGE, beside_package, board_file, firmware_files
from dsc_host.flash.package import image_package
from dsc_host.flash.uf2 import uf2

MANIFEST = "manifest.py"
MIP = "package.json"
ROMFS = "dscplus.romfs"


@dataclass(frozen=True)
class _Drive:
    """The UF2 family of a board, and the position of MicroPython's file system in the board's flash."""

    family: int
    address: int
    blocks: int


# MicroPython 1.24 to 1.29: the last 1408 KB of the Pico's 2 MB of flash, and the last 3 MB of the Pico 2's 4 MB.
_PICO = _Drive(family=0xE48BFF56, address=0x1000_0000 + 0xA0000, blocks=352)
_PICO_2 = _Drive(family=0xE48BFF59, address=0x1000_0000 + 0x100000, blocks=768)
_DRIVES = {"pico": _PICO, "headless": _PICO, "pico2": _PICO_2}


def uf2_name(board: str) -> str | None:
    """Return the name of a board's UF2 file, or None for a board that does not accept UF2 files."""
    return f"dscplus-{board}.uf2" if board in _DRIVES else None


def build_image(board: str) -> dict[str, bytes]:
    """Return the files of an image for a ready-made board, by their path in the image's folder. Equal sources give equal bytes.

    `main.py` comes last. Raises InputError for an unknown board, and FlashError if a file cannot be built.
    """
    wiring = board_file(board)
    firmware = firmware_files()
    library = {path: data for path, data in firmware.items() if path != MAIN}
    on_board = {**library, BOARD: wiring, MAIN: firmware[MAIN]}
    made = {**library, BOARD: wiring, MANIFEST: beside_package(MANIFEST), MIP: image_package(library)}
    made[ROMFS] = romfs_image(library)
    if name := uf2_name(board):
        made[name] = _drive(_DRIVES[board], on_board)
    return {**made, MAIN: firmware[MAIN]}


def _drive(drive: _Drive, files: Mapping[str, bytes]) -> bytes:
    """Return the board's whole file system as UF2. Its empty blocks overwrite the data of a card that was there before."""
    return uf2(littlefs_image(files, drive.blocks), drive.address, drive.family)


def write_image(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files into `folder` in their order, each completely or not at all. Create the folder if it is missing.

    Compiled modules in the folder that are not in `files`, such as those of an older firmware, are removed. Raises FlashError
    if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".image-", dir=folder) as scratch:
            for path, data in files.items():
                _make(Path(scratch, path), data)
            for path in files:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(scratch, path), folder / path)
        for old in (folder / LIBRARY / PACKAGE).rglob("*.mpy"):
            if old.relative_to(folder).as_posix() not in files:
                old.unlink()
    except OSError as error:
        reason = "a file of this name exists" if folder.is_file() else error.strerror
        raise FlashError(f"{folder} cannot be written: {reason}") from error


def _make(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
