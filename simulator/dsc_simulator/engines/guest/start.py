"""The VM's first lines: they let it import the compiled files that the host holds, run `program`, and say why if that fails.

Runs on MicroPython only, as source, behind a line that sets `program` to more source. The VM sees no file system but this one.
"""

import gc
import host
import io
import sys
import uctypes
import vfs

_SIZE = bytearray(4)
_view = uctypes.struct(uctypes.addressof(_SIZE), {"size": 0 | uctypes.INT32}, uctypes.LITTLE_ENDIAN)
_FOLDER = -1
_ABSENT = -2


class HostFiles:
    """A read-only file system in the host's memory: just what an import needs."""

    def mount(self, readonly, mkfs):
        host.call("files", str(uctypes.addressof(_SIZE)))

    def stat(self, path):
        host.call("stat", path)
        if _view.size == _ABSENT:
            raise OSError(2)
        return (0x4000 if _view.size == _FOLDER else 0x8000, 0, 0, 0, 0, 0, _view.size, 0, 0, 0)

    def open(self, path, mode):
        data = bytearray(self.stat(path)[6])
        host.call("open", str(uctypes.addressof(data)))
        return io.BytesIO(data)


# The collector looks for objects in the VM's memory, and WebAssembly keeps a function's locals elsewhere: in the midst of a
# call it takes what is in use for garbage. So it runs only when nothing is in use, in simulated_board.run, between two passes.
gc.disable()
try:
    vfs.mount(HostFiles(), "/firmware")
    sys.path[:] = ["/firmware"]
    exec(program)
except BaseException as error:
    # Whatever was in use is not any more, and the words need room.
    gc.collect()
    words = io.StringIO()
    sys.print_exception(error, words)
    host.call("crash", words.getvalue())
