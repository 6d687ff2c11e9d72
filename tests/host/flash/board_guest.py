"""The inside of the board double, which runs on MicroPython only, as source, in the VM. Its disk and line call the host.

It fakes what the VM cannot have, because it is not a board: machine.reset, the board's name and MicroPython's version.
"""

# ruff: noqa: I001, UP031
import builtins
import host
import io
import os
import sys
import uctypes
import vfs

_ROOM = 1 << 16
BOX = bytearray(_ROOM)
_LENGTH = bytearray(4)
_length = uctypes.struct(uctypes.addressof(_LENGTH), {"n": 0 | uctypes.INT32}, uctypes.LITTLE_ENDIAN)
_FOLDER = -1
# The errors as a board prints them. This VM's own numbers differ.
_REFUSALS = {
    -2: "[Errno 2] ENOENT",
    -5: "[Errno 5] EIO",
    -17: "[Errno 17] EEXIST",
    -28: "[Errno 28] ENOSPC",
    -39: "[Errno 39] ENOTEMPTY",
    -21: "[Errno 21] EISDIR",
}


def ask(*words):
    """Return the host's answer as bytes. Raise its refusals."""
    host.call("ask", "\n".join(words))
    if _length.n < -1:
        raise OSError(_REFUSALS[_length.n])
    return None if _length.n == _FOLDER else bytes(memoryview(BOX)[: _length.n])


class Writer(io.IOBase):
    def __init__(self, path):
        self.path = path
        self.length = 0

    def write(self, data):
        data = bytes(data)
        ask("append", self.path, str(uctypes.addressof(data)), str(len(data)))
        self.length += len(data)
        return len(data)

    def tell(self):
        return self.length

    def close(self):
        pass

    def ioctl(self, request, argument):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Disk:
    def mount(self, readonly, mkfs):
        pass

    def chdir(self, path):
        pass

    def getcwd(self):
        return "/"

    def stat(self, path):
        size = ask("stat", path)
        kind = 0x4000 if size is None else 0x8000
        return (kind, 0, 0, 0, 0, 0, int(size or 0), 0, 0, 0)

    def statvfs(self, path):
        free, total = ask("room").split()
        return (4096, 4096, int(total), int(free), int(free), 0, 0, 0, 0, 255)

    def ilistdir(self, path):
        for line in ask("list", path).decode().split("\n"):
            if line:
                name, kind, size = line.split("\t")
                yield (name, int(kind), 0, int(size))

    def open(self, path, mode):
        if "w" in mode:
            ask("make", path)
            return Writer(path)
        return io.BytesIO(ask("load", path))

    def mkdir(self, path):
        ask("mkdir", path)

    def remove(self, path):
        ask("remove", path)

    def rmdir(self, path):
        ask("rmdir", path)

    def rename(self, old, new):
        ask("rename", old, new)


class Machine:
    def reset(self):
        host.call("reset", "")


class Time:
    def sleep_ms(self, ms):
        pass


class Implementation:
    name = "micropython"
    version = VERSION  # noqa: F821 - set by the host, as are the next two
    _machine = MACHINE  # noqa: F821
    _mpy = MPY  # noqa: F821


class Sys:
    implementation = Implementation
    path = sys.path
    modules = sys.modules


class Card:
    """The module that the tests' programs call when they run, to tell the host which program runs."""

    def started(self, version):
        host.call("started", version)


def print_(*words, end="\n", **_):
    host.call("print", " ".join([str(word) for word in words]) + end)


def is_text(data):
    """Return whether MicroPython reads the bytes as text: a damaged command may hold anything."""
    try:
        str(data, "utf-8")
    except UnicodeError:
        return False
    return True


def run(source):
    try:
        exec(source, {"__name__": "__main__"} if source.startswith(BOOT) else GLOBALS)
    except BaseException as error:
        words = io.BytesIO()
        sys.print_exception(error, words)
        host.call("error", str(words.getvalue(), "utf-8") if is_text(words.getvalue()) else "UnicodeError: \n")


host.call("box", "%d %d" % (uctypes.addressof(BOX), uctypes.addressof(_LENGTH)))
builtins.print = print_
sys.modules["machine"] = Machine()
sys.modules["time"] = Time()
sys.modules["sys"] = Sys
sys.modules["card"] = Card()
vfs.umount("/")
vfs.mount(Disk(), "/")
os.chdir("/")
sys.path[:] = ["", "/lib"]
BOOT = b"# main.py\n"
GLOBALS = {"__name__": "__main__"}
# Memory is never collected (see the VM's start.py). The heap is large enough for that.
while True:
    host.call("wait", "")
    run(ask("command"))
