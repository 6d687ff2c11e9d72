"""The mailbox between the VM's board and the host: offsets in one block of the VM's memory.

This module runs on both sides. Numbers are little-endian.
"""

from dsc_firmware.ports import const

NOW = const(0)  # u32, ticks in ms
DUE = const(4)  # u32, ms until the next poll
ADDRESS = const(8)  # u32, the address of a buffer of the firmware
LENGTH = const(12)  # u16, the length of that buffer, or of the bytes in DATA
LINE_LENGTH = const(14)  # u16, the length of the bytes in LINE
KEY = const(16)  # u8, the waiting key, 0 for none
SLOT = const(17)  # u8
FLAT = const(18)  # u8, the battery is flat
FAILED = const(19)  # u8, the port raised OSError
ABSENT = const(20)  # u8, the slot was never written
CAPS = const(21)  # u8, keys may be pressed over the line
LINE = const(32)
LINE_SIZE = const(256)
DATA = const(288)
DATA_SIZE = const(256)
SIZE = const(544)
