"""Files that are read and written as a whole.

Three promises of `new_file`:

1. What is written stands under its name only when all of it is there, and on the disk; if it fails, nothing is left.
2. It is its owner's alone (mode 0600) from the first byte on.
3. What was under that name before is replaced only if that is said, and never if it is no ordinary file.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.files import name_draft

PathLike = str | os.PathLike[str]


@contextmanager
def new_file(path: PathLike, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file to write. Raises `InputError` if there is one already, unless `overwrite`, or if it cannot be written."""
    path = _usable(path)
    try:
        _check_place(path, overwrite)
        handle, draft = tempfile.mkstemp(prefix=f".{os.path.basename(path)[:32]}.", dir=os.path.dirname(path) or ".")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            name_draft(draft, path, overwrite=overwrite)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise InputError("file", f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def old_file(path: PathLike) -> Iterator[tuple[BinaryIO, int]]:
    """A file to read, and how many bytes it has. Raises `InputError` if it cannot be, or is a pipe: it is read twice."""
    path = _usable(path)
    with _opened(path) as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode):
            raise InputError("file", f"{path} must be an ordinary file; save it as one first")
        yield file, known.st_size


def _opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb", opener=_at_once)
    except OSError as error:
        raise InputError("file", f"{path} cannot be read: {error.strerror}") from error


def _at_once(path: str, flags: int) -> int:
    """Without waiting for whoever would write into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _usable(path: PathLike) -> str:
    path = os.fspath(path)
    if "\0" in path:
        raise InputError("file", "must have a name without NUL")
    return path


def _check_place(path: str, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise _taken(path)
    # Else one who may do anything would replace a device.
    if not os.path.isfile(path):
        raise InputError("file", f"{path} is no ordinary file; choose another name")


def _taken(path: str) -> InputError:
    return InputError("file", f"{path} is there already; choose another name, or say that it may be overwritten")
