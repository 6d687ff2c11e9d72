"""The firmware for boards: its files, images with these files, and the installation over a serial line.

Import the names in `__all__`, and no others.
"""

from dsc_host.flash.board_session import BoardSession, BoardStuck, ByteProgress
from dsc_host.flash.errors import FlashError
from dsc_host.flash.firmware import OPTIONS, board_file, boards, compile_module, compiled_package, firmware_files
from dsc_host.flash.flasher import BoardContents, Plan, examine, install, plan, removable, remove
from dsc_host.flash.image import build_image, uf2_name, write_image
from dsc_host.flash.startup import startup_words

__all__ = [
    "OPTIONS",
    "BoardContents",
    "BoardSession",
    "BoardStuck",
    "ByteProgress",
    "FlashError",
    "Plan",
    "board_file",
    "boards",
    "build_image",
    "compile_module",
    "compiled_package",
    "examine",
    "firmware_files",
    "install",
    "plan",
    "removable",
    "remove",
    "startup_words",
    "uf2_name",
    "write_image",
]
