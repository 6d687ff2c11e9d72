"""File system images for MicroPython, built in memory. The same files in the same order give the same bytes."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from dsc_host.flash.errors import FlashError
from dsc_host.flash.extra import needed

LITTLEFS_BLOCK = 4096

# The settings of MicroPython on boards with an RP2040 or RP2350 (VfsLfs2 with progsize=256). The disk version is that of
# MicroPython since release 1.22.
_READ_SIZE = 32
_PROGRAM_SIZE = 256
_CACHE_SIZE = 4 * _PROGRAM_SIZE
_LOOKAHEAD = 32
_BLOCK_CYCLES = 100
_DISK_VERSION = 0x00020001


def littlefs_image(files: Mapping[str, bytes], blocks: int) -> bytes:
    """Build a littlefs image of `blocks` blocks of 4096 bytes that holds these files. Empty space is erased flash (0xFF).

    Raises FlashError if the files do not fit, or if littlefs-python is not installed.
    """
    littlefs = needed("littlefs")
    disk = littlefs.LittleFS(
        block_size=LITTLEFS_BLOCK,
        block_count=blocks,
        read_size=_READ_SIZE,
        prog_size=_PROGRAM_SIZE,
        cache_size=_CACHE_SIZE,
        lookahead_size=_LOOKAHEAD,
        block_cycles=_BLOCK_CYCLES,
        disk_version=_DISK_VERSION,
    )
    try:
        for path, data in files.items():
            disk.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            with disk.open(path, "wb") as file:
                file.write(data)
        disk.unmount()
    except littlefs.LittleFSError as error:
        raise FlashError(f"the files do not fit into a file system of {blocks * LITTLEFS_BLOCK} bytes: {error}") from error
    return bytes(disk.context.buffer)


def romfs_image(files: Mapping[str, bytes]) -> bytes:
    """Build a ROMFS image that holds these files: the image that `mpremote romfs build` makes of a folder with these files.

    Raises FlashError if mpremote is not installed.
    """
    writer = needed("mpremote.romfs").VfsRomWriter()
    _add_to_romfs(writer, _tree(files))
    return bytes(writer.finalise())


def _tree(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the files as nested dictionaries: a folder is a dictionary, and a file is bytes."""
    root: dict[str, Any] = {}
    for path, data in files.items():
        *folders, name = path.split("/")
        folder = root
        for part in folders:
            folder = folder.setdefault(part, {})
        folder[name] = data
    return root


def _add_to_romfs(writer: Any, folder: dict[str, Any]) -> None:
    for name, entry in sorted(folder.items()):
        if isinstance(entry, dict):
            writer.opendir(name)
            _add_to_romfs(writer, entry)
            writer.closedir()
        else:
            writer.mkfile(name, entry)
