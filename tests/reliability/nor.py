"""A board's NOR flash chip in memory, with littlefs on it. Erasing sets bits, programming only clears them, and both may fail.

littlefs calls the chip from C, where an exception would be lost. So a chip whose power failed is dead and accepts nothing more,
and the caller that mounted it calls `check_power` after every call.
"""

from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Any

from littlefs import LFSConfig, LittleFS, LittleFSError, UserContext, lfs

# The geometry of a Raspberry Pi Pico's chip, as MicroPython's port for it mounts it.
BLOCK = 4096
PROGRAM = 256
READ = 32

_EIO, _CORRUPT = -5, -84  # littlefs gives up at the first, and looks for another block at the second
_ERASED = b"\xff" * BLOCK


class PowerCut(BaseException):
    """The power failed: nothing after this instruction happens."""


class NorError(AssertionError):
    """A program would have set a bit, or did not fit the chip's pages."""


class Tear(Enum):
    """The part of an erase or program that is done when the power fails in it."""

    BEFORE = "nothing"
    TORN = "a part"
    AFTER = "all"


class Fault(Enum):
    """The behavior of a bad block when it is erased or programmed."""

    REFUSES = "does a part and returns an error"
    ADMITS = "does a part and says that it is bad"
    IGNORES = "reports success and stays as it was"
    STICKS = "reports success, and some bits are wrong"


class Nor(UserContext):
    """A chip that holds `cells`. `changes` counts its erases and programs; `course` lists them as "e" and "p"."""

    def __init__(self, cells: bytes, seed: int = 0) -> None:
        super().__init__(buffer=bytearray(cells))
        self.bad: dict[int, Fault] = {}
        self.endurance: int | None = None
        """The number of erases after which a block sticks."""
        self._erases = [0] * (len(cells) // BLOCK)
        self.course = ""
        self._seed = seed
        self._dead = False
        self._cut: tuple[int, Tear] | None = None
        self._spoil: tuple[int, Fault] | None = None
        self._offence = ""

    @property
    def changes(self) -> int:
        return len(self.course)

    def cut_power(self, at: int, tear: Tear) -> None:
        """Let the power fail in the change of this number, counted from 0, of all changes of the chip."""
        self._cut = (at, tear)

    def spoil(self, at: int, fault: Fault) -> None:
        """Let the block of the change of this number go bad in that change."""
        self._spoil = (at, fault)

    def repair(self) -> None:
        """Restore the power, and make every block good. What the blocks hold stays."""
        self._dead, self._cut, self._spoil, self.endurance = False, None, None, None
        self.bad.clear()

    def check_power(self) -> None:
        """Raise PowerCut if the power failed, or NorError if the chip was used against its rules."""
        if self._offence:
            raise NorError(self._offence)
        if self._dead:
            raise PowerCut

    # ---- the functions that littlefs calls ----

    def read(self, cfg: LFSConfig | None, block: int, off: int, size: int) -> bytearray:
        start = block * BLOCK + off
        return self.buffer[start : start + size]

    def erase(self, cfg: LFSConfig | None, block: int) -> int:
        self._erases[block] += 1
        if self.endurance is not None and self._erases[block] > self.endurance:
            self.bad.setdefault(block, Fault.STICKS)
        return self._change("e", block, 0, _ERASED)

    def prog(self, cfg: LFSConfig | None, block: int, off: int, data: bytes) -> int:
        if off % PROGRAM or len(data) % PROGRAM or off + len(data) > BLOCK:
            self._offence = f"program of {len(data)} bytes at {off}"
        return self._change("p", block, off, data)

    def sync(self, cfg: LFSConfig | None) -> int:
        return 0

    def _change(self, kind: str, block: int, off: int, data: bytes) -> int:
        if self._dead or self._offence:
            return _EIO
        number = self.changes
        self.course += kind
        if self._spoil is not None and self._spoil[0] == number:
            self.bad[block] = self._spoil[1]
        start = block * BLOCK + off
        old = bytes(self.buffer[start : start + len(data)])
        whole = data if kind == "e" else _cleared(old, data)
        # The leftovers of a bad block are not an error of littlefs, which has not read them yet.
        if whole != data and block not in self.bad:
            self._offence = f"program over what is programmed, in block {block} at {off}"
            return _EIO
        new, result = self._outcome(number, kind, old, whole, self.bad.get(block))
        self.buffer[start : start + len(data)] = new
        return result

    def _outcome(self, number: int, kind: str, old: bytes, whole: bytes, fault: Fault | None) -> tuple[bytes, int]:
        """Return the cells after a change that should turn `old` into `whole`, and the result that littlefs gets."""
        if self._cut is not None and self._cut[0] == number:
            self._dead = True
            return self._cut_short(number, kind, old, whole, self._cut[1]), _EIO
        if fault is None:
            return whole, 0
        if fault is Fault.IGNORES:
            return old, 0
        random = self._random(number)
        if fault is Fault.STICKS:
            return _mixed(whole, old, _some_bits(len(old), random, rare=True)), 0
        return torn(kind, old, whole, random), _EIO if fault is Fault.REFUSES else _CORRUPT

    def _cut_short(self, number: int, kind: str, old: bytes, whole: bytes, tear: Tear) -> bytes:
        if tear is Tear.TORN:
            return torn(kind, old, whole, self._random(number))
        return old if tear is Tear.BEFORE else whole

    def _random(self, number: int) -> Random:
        return Random(self._seed * 1_000_003 + number)


def torn(kind: str, old: bytes, whole: bytes, random: Random) -> bytes:
    """Return the result of a cut change: bytes up to some place and some bits of the next. An erase changes bits anywhere."""
    if kind == "e":
        return _mixed(old, whole, _some_bits(len(old), random, rare=random.random() < 0.5))
    # Most of what littlefs programs is padding at the end, where a tear changes nothing.
    at = random.randrange(max(1, len(whole.rstrip(b"\xff"))))
    return whole[:at] + _mixed(old[at : at + 1], whole[at : at + 1], random.randrange(256)) + old[at + 1 :]


def _cleared(old: bytes, data: bytes) -> bytes:
    return (int.from_bytes(old) & int.from_bytes(data)).to_bytes(len(data))


def _mixed(old: bytes, new: bytes, mask: int) -> bytes:
    """Return `new` where the mask has bits, `old` elsewhere."""
    before, after = int.from_bytes(old), int.from_bytes(new)
    return (before ^ ((before ^ after) & mask)).to_bytes(len(old))


def _some_bits(size: int, random: Random, rare: bool) -> int:
    bits = random.getrandbits(8 * size)
    return bits & random.getrandbits(8 * size) & random.getrandbits(8 * size) if rare else bits


class _File:
    def __init__(self, disk: "Disk", path: str, mode: str) -> None:
        self._disk = disk
        self._file = disk.call(lfs.file_open, path, mode)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        # A card without power closes nothing.
        if kind is not PowerCut:
            self._disk.call(lfs.file_close, self._file)

    def read(self, n: int) -> bytes:
        return bytes(self._disk.call(lfs.file_read, self._file, n))

    def write(self, data: bytes | bytearray) -> int:
        return int(self._disk.call(lfs.file_write, self._file, bytes(data)))


class Disk:
    """littlefs on a chip, mounted as MicroPython mounts it on a Pico. Its errors are MicroPython's: OSError.

    MicroPython also stores a file's modification time, as an attribute that it writes in one step with the file.
    """

    def __init__(self, nor: Nor, format_first: bool = False) -> None:
        self.nor = nor
        self._littlefs = LittleFS(
            context=nor,
            mount=False,
            block_size=BLOCK,
            block_count=len(nor.buffer) // BLOCK,
            read_size=READ,
            prog_size=PROGRAM,
            cache_size=4 * PROGRAM,
            lookahead_size=32,
            block_cycles=100,
            disk_version=0x00020001,
        )
        if format_first:
            self._littlefs.format()
        self.call(lfs.mount, self._littlefs.cfg)

    def call(self, do: Callable[..., Any], *words: Any) -> Any:
        try:
            result = do(self._littlefs.fs, *words)
        except LittleFSError as error:
            self.nor.check_power()
            raise OSError(-error.code, error.name) from error
        self.nor.check_power()
        return result

    def open(self, path: str, mode: str) -> _File:
        return _File(self, path, mode)

    def put(self, path: str, data: bytes | bytearray) -> None:
        with self.open(path, "wb") as file:
            file.write(data)

    def fill(self, size: int) -> None:
        """Make files of this size until there is no room for another."""
        for number in range(len(self.nor.buffer)):
            path = f"/fill{size:04}-{number}"
            try:
                self.put(path, bytes(size))
            except OSError:
                # A file without room for its contents exists and is empty.
                if path[1:] in self._littlefs.listdir("/"):
                    self._littlefs.remove(path)
                return
        raise AssertionError("it is never full")

    def free(self, count: int) -> None:
        """Remove this number of the files that `fill` made, files of whole blocks first."""
        filling = sorted(name for name in self._littlefs.listdir("/") if name.startswith("fill"))
        for name in filling[-count:]:
            self._littlefs.remove("/" + name)
