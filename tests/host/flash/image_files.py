"""The files of an image, on a board and in a folder. Slow compiling is done once in a process."""

from functools import cache
from pathlib import Path

import pytest

from dsc_host.flash import build_image, firmware_files, image


@cache
def compiled() -> dict[str, bytes]:
    """Return every file of the firmware, compiled. Do not change the result."""
    return firmware_files()


@cache
def pico() -> dict[str, bytes]:
    """Return the image for a Pico. Do not change the result."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image, "firmware_files", compiled)
        return build_image("pico")


def library(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the modules of an image, without the board's own files."""
    return {path: data for path, data in files.items() if path.startswith("lib/")}


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by their path in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
