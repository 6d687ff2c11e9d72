"""The files of an image, on a board and in a folder."""

from pathlib import Path


def library(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the modules of an image, without the board's own files."""
    return {path: data for path, data in files.items() if path.startswith("lib/")}


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by their paths in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
