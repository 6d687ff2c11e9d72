"""Simulated cards that are stored on disk by name. Each card has one file, which only its owner can read.

Promises:
- When a card writes to its flash, the data is on disk before the card continues. So no counter is used twice, even if the
  program is killed or the computer loses power.
- A file is replaced completely or not at all.
- An invalid file is never overwritten. It is copied, and the error names the copy. A file of more than 1 MiB is not copied.
- One program at a time can open a profile. When the program ends, even by a crash, the system releases its lock.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

import platformdirs

from dsc_simulator.board import Flash
from dsc_simulator.engines import ENGINES
from dsc_simulator.errors import SimulatorError

_FORMAT = "dscplus simulated card 1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_SUFFIX = ".json"
_MAX_BYTES = 1 << 20
# The offset of the locked byte on Windows: far behind the process number, which other processes must be able to read.
_LOCKED_BYTE = 1 << 20


class ProfileBusy(SimulatorError):
    """Another program has this profile open."""


class ProfileBroken(SimulatorError):
    """The file of a profile is damaged. `path` is the file, which was not changed. `aside` is the copy of the file."""

    def __init__(self, path: Path, aside: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}. The file was not changed; there is a copy in {aside}")
        self.path = path
        self.aside = aside


class BadName(SimulatorError, ValueError):
    """The name is not valid for a profile."""


def check_name(name: str) -> str:
    """Return `name` if it is a valid name of a profile; otherwise raise BadName."""
    if not _NAME.fullmatch(name):
        raise BadName("profile: a name has 1 to 32 of the characters A-Z, a-z, 0-9, - and _, and begins with a letter or digit")
    return name


@dataclass(frozen=True)
class StoredCard:
    """The contents of a profile's file: the card's flash, and the engine that runs the card."""

    engine: str
    slots: tuple[bytes | None, bytes | None]

    def to_json(self) -> str:
        """Return the JSON for a profile's file."""
        slots = [slot and slot.hex() for slot in self.slots]
        return json.dumps({"format": _FORMAT, "engine": self.engine, "flash": slots}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "StoredCard":
        """Parse the JSON of a profile's file. Raise ValueError, which describes the mistake, if it is not valid."""
        found: Any = json.loads(text)
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise ValueError("its format is not that of a simulated card")
        engine, slots = found.get("engine"), found.get("flash")
        if engine not in ENGINES:
            raise ValueError("its engine is unknown")
        if not isinstance(slots, list) or len(slots) != 2:
            raise ValueError("its flash does not have two slots")
        return cls(engine, (_slot(slots[0]), _slot(slots[1])))


def _slot(value: Any) -> bytes | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("a slot of its flash is not hex")
    return None if value is None else bytes.fromhex(value)


class StoredFlash(Flash):
    """A flash that has each write on disk before the write returns. Like a real flash, it raises OSError if a write fails."""

    def __init__(self, file: "ProfileFile", stored: StoredCard) -> None:
        super().__init__(stored.slots)
        self._file = file
        self._engine = stored.engine

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        """Write a slot, to memory and to disk."""
        try:
            super().write(slot, data)
        finally:
            # Save the slot even if a power cut has torn this write.
            self._file.save(StoredCard(self._engine, (self.slots[0], self.slots[1])))


class ProfileFile:
    """A profile that this program has opened. `flash` is the card's flash. `is_new` means that the profile has no file yet."""

    def __init__(self, path: Path, engine: str | None) -> None:
        self.path = path
        for left in path.parent.glob(f"{self._temporary}*"):
            # Remove a temporary file that a program has left, because it was killed during a write.
            left.unlink()
        found = self._read()
        self.is_new = found is None
        stored = found or StoredCard("cpython", (None, None))
        self.engine = engine or stored.engine
        self.flash: Flash = StoredFlash(self, StoredCard(self.engine, stored.slots))

    @property
    def name(self) -> str:
        """The name of the profile."""
        return self.path.stem

    @property
    def _temporary(self) -> str:
        return f".{self.path.name}-"

    def _read(self) -> StoredCard | None:
        try:
            # Refuse a pipe: reading from it would wait for a writer.
            if self.path.exists() and not self.path.is_file():
                raise SimulatorError(f"{self.path}: this is not a regular file")
            with self.path.open("rb") as file:
                text = file.read(_MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(text) > _MAX_BYTES:
            # Do not copy this file, because the copy could fill the disk.
            raise SimulatorError(f"{self.path}: the file is too large for a card; it was not changed")
        try:
            return StoredCard.from_json(text.decode())
        except (ValueError, RecursionError) as error:
            problem = "it is not JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
            raise ProfileBroken(self.path, _copy_aside(self.path, text), f"the profile is broken: {problem}") from None

    def save(self, stored: StoredCard) -> None:
        """Replace the whole file. Raise OSError if that fails."""
        # mkstemp creates files that only their owner can read.
        number, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self._temporary)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(stored.to_json())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(self.path.parent)


def _sync_folder(folder: Path) -> None:
    """Sync the folder's entry for the new file to disk, on systems that can sync a folder."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _copy_aside(path: Path, content: bytes) -> Path:
    """Copy `content` to a file `NAME.broken-N`, and return its path. Do not copy the same content twice."""
    for number in count(1):
        aside = path.with_name(f"{path.stem}.broken-{number}")
        try:
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        except FileExistsError:
            if aside.read_bytes() != content:
                continue
        return aside
    raise AssertionError("there is always a next number")


class Profiles:
    """All profiles of one folder. The default is the user's own folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or platformdirs.user_data_path("dscplus", appauthor=False) / "cards"

    def names(self) -> list[str]:
        """Return the names of all profiles, sorted."""
        files = self.folder.glob(f"*{_SUFFIX}") if self.folder.is_dir() else ()
        return sorted(file.stem for file in files if _NAME.fullmatch(file.stem))

    def free_name(self, like: str) -> str:
        """Return a name that no profile has: `like`, else `like-2`, else `like-3`, and so on."""
        taken, tried = self.names(), (like, *(f"{like[:28]}-{number}" for number in range(2, 1000)))
        return next(name for name in tried if name not in taken)

    @contextmanager
    def open(self, name: str, engine: str | None = None) -> Iterator[ProfileFile]:
        """Open or create the profile `name` until the block ends. The file is written only when the card writes to its flash.

        `engine` is the engine to use this time, and it is stored with the next write; None means the stored engine. Raise
        BadName, ProfileBusy, ProfileBroken, OSError, and SimulatorError if the path cannot be a card's file, for example
        because it is a pipe.
        """
        check_name(name)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self.folder / f"{name}.lock", name):
            yield ProfileFile(self.folder / f"{name}{_SUFFIX}", engine)


@contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """Hold the lock on `path` in the block. The lock file stays: the system releases the lock itself when a program ends."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0) as file:
        if not lock_file(file):
            owner = file.read(20).decode("ascii", "replace").strip()
            raise ProfileBusy(f"profile {name}: another program has it open{f' (process {owner})' if owner else ''}")
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        try:
            yield
        finally:
            file.truncate(0)


def lock_file(file: IO[bytes]) -> bool:
    """Try to lock the file until it is closed. Return whether that succeeded."""
    if sys.platform == "win32":
        return _lock_on_windows(file)
    # Windows does not have this module.
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_on_windows(file: IO[bytes]) -> bool:
    import msvcrt

    file.seek(_LOCKED_BYTE)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    finally:
        file.seek(0)
    return True
