"""The board double's disk, which keeps its files through restarts and power cuts.

It is harsher than the boards' littlefs: after a power cut, a file that was being written is seen half-written. Only renaming is
one step, as it is on littlefs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

_BLOCK = 4096
_ENOENT, _EIO, _EEXIST, _EISDIR, _ENOSPC, _ENOTEMPTY = -2, -5, -17, -21, -28, -39
_FOLDER = -1


class PowerCut(Exception):
    """The power of the board failed."""


@dataclass
class Disk:
    """Files and folders by path. `blocks` is its size. The power fails at the change number `cut_at`, counted from 0."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {"/", "/lib"})
    blocks: int = 350
    cut_at: int | None = None
    spoils: str = ""
    """The name of a file that loses the data written to it."""
    keeps: str = ""
    """The name of a file that cannot be removed."""
    spare_to_rename: int = 0
    """The number of free blocks that a rename needs."""
    changes: int = 0

    def do(self, words: list[str], data: bytes) -> bytes | int:
        """Do one call of the board's file system. Return bytes, -1 for a folder, or MicroPython's error number, negated."""
        name, *paths = words
        paths = ["/" + path.strip("/") for path in paths]
        if name in ("make", "append", "mkdir", "remove", "rmdir", "rename"):
            if self.changes == self.cut_at:
                raise PowerCut
            self.changes += 1
        action: Callable[..., bytes | int] = getattr(self, f"_{name}")
        return action(paths[0], data) if name == "append" else action(*paths)

    @property
    def free(self) -> int:
        return self.blocks - sum(1 + len(data) // _BLOCK for data in self.files.values()) - 2 * len(self.folders)

    def _room(self) -> bytes:
        return f"{self.free} {self.blocks}".encode()

    def _stat(self, path: str) -> bytes | int:
        if path in self.folders:
            return _FOLDER
        return str(len(self.files[path])).encode() if path in self.files else _ENOENT

    def _list(self, path: str) -> bytes | int:
        if path not in self.folders:
            return _ENOENT
        folders = [f"{_name(each)}\t{0x4000}\t0" for each in sorted(self.folders - {"/"}) if _parent(each) == path]
        files = [f"{_name(each)}\t{0x8000}\t{len(data)}" for each, data in self.files.items() if _parent(each) == path]
        return "\n".join(folders + files).encode()

    def _load(self, path: str) -> bytes | int:
        return self.files.get(path, _ENOENT)

    def _make(self, path: str) -> bytes | int:
        if path in self.folders:
            return _EISDIR
        if _parent(path) not in self.folders:
            return _ENOENT
        self.files[path] = b""
        return b"" if self.free >= 0 else self._no_room(path)

    def _append(self, path: str, data: bytes) -> bytes | int:
        self.files[path] += data if _name(path) != self.spoils else bytes(len(data))
        return b"" if self.free >= 0 else self._no_room(path)

    def _no_room(self, path: str) -> int:
        self.files[path] = b""
        return _ENOSPC

    def _mkdir(self, path: str) -> bytes | int:
        if path in self.folders or path in self.files:
            return _EEXIST
        if _parent(path) not in self.folders:
            return _ENOENT
        if self.free < 2:
            return _ENOSPC
        self.folders.add(path)
        return b""

    def _remove(self, path: str) -> bytes | int:
        if path in self.files and _name(path) == self.keeps:
            return _EIO
        return b"" if self.files.pop(path, None) is not None else _ENOENT

    def _rmdir(self, path: str) -> bytes | int:
        if path not in self.folders:
            return _ENOENT
        if any(_parent(each) == path for each in [*self.files, *self.folders - {"/"}]):
            return _ENOTEMPTY
        self.folders.discard(path)
        return b""

    def _rename(self, old: str, new: str) -> bytes | int:
        if old not in self.files:
            return _ENOENT
        if new in self.folders:
            return _EISDIR
        if self.free < self.spare_to_rename:
            return _ENOSPC
        self.files[new] = self.files.pop(old)
        return b""


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _name(path: str) -> str:
    return path.rpartition("/")[2]
