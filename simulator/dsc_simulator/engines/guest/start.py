"""The start of the VM: it mounts the compiled files, which are in the host's memory, and runs `program`.

This file runs on MicroPython only, as source. The host puts a line before it that assigns the source of the program to
`program`. The VM has no other file system.
"""

import gc
import host
import io
import sys
import uctypes
import vfs

_NUMBERS = bytearray(12)
_box = uctypes.struct(
    uctypes.addressof(_NUMBERS),
    {"size": 0 | uctypes.INT32, "address": 4 | uctypes.UINT32, "room": 8 | uctypes.UINT32},
    uctypes.LITTLE_ENDIAN,
)
_FOLDER = -1
_ABSENT = -2
_GET_BUFFER_SIZE = 11
_CHUNK = 256


class HostFile(io.IOBase):
    """A file that the host serves. The host writes it into the importer's buffer."""

    def readinto(self, buffer):
        """Read the next bytes into `buffer`. Return their number."""
        _box.address = uctypes.addressof(buffer)
        _box.room = len(buffer)
        host.call("read", "")
        return _box.size

    def ioctl(self, request, argument):
        """Return the buffer size to the importer."""
        return _CHUNK if request == _GET_BUFFER_SIZE else 0


class HostFiles:
    """A read-only file system in the host's memory, with only the operations that imports need. One file is open at a time."""

    def mount(self, readonly, mkfs):
        """Tell the host the address at which to write its numbers."""
        host.call("files", str(uctypes.addressof(_NUMBERS)))

    def stat(self, path):
        """Look up a file or folder. Raise OSError if the host does not have it."""
        host.call("stat", path)
        if _box.size == _ABSENT:
            raise OSError(2)
        return (0x4000 if _box.size == _FOLDER else 0x8000, 0, 0, 0, 0, 0, _box.size, 0, 0, 0)

    def open(self, path, mode):
        """Open the file at `path`, by looking it up again: the host serves the file that was looked up last."""
        self.stat(path)
        return HostFile()


# The garbage collector searches the VM's memory for references, but WebAssembly keeps local variables outside of this memory.
# During a call, the collector would free objects in use. So it runs only in simulated_board.run, between two passes. For the
# same reason, there is no exception handler here. The interpreter prints an uncaught exception itself.
gc.disable()
vfs.mount(HostFiles(), "/firmware")
sys.path[:] = ["/firmware"]
exec(program)
