"""Files to import and export: the functions that open them.

Three promises of `new_file`:

1. A file appears under its name only when it is complete and on the disk. (On a file system without hard links, an empty file
   has the name just before.) If writing fails, no draft remains.
2. Only the owner can access the file (mode 0600), from the first byte on.
3. An existing file is replaced only if the caller asks for it, and never if it is not an ordinary file.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from dsc_host.errors import InputError
from dsc_host.files import name_draft, open_at_once

PathLike = str | os.PathLike[str]


@contextmanager
def new_file(path: PathLike, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a new file for writing.

    Raises `InputError` if the file exists and `overwrite` is not set, if the file to replace is not an ordinary file, or if
    the new file cannot be written.
    """
    path = _check_name(path)
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
        raise _exists_error(path) from None
    except OSError as error:
        raise InputError("file", f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def old_file(path: PathLike) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file for reading and yield it with its size in bytes.

    Raises `InputError` if the file cannot be read, or if it is not an ordinary file. Only an ordinary file can be read twice.
    """
    path = _check_name(path)
    with _open(path) as file:
        known = os.fstat(file.fileno())
        if not stat.S_ISREG(known.st_mode):
            raise InputError("file", f"{path} must be an ordinary file; save it as one first")
        yield file, known.st_size


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb", opener=open_at_once)
    except OSError as error:
        raise InputError("file", f"{path} cannot be read: {error.strerror}") from error


def _check_name(path: PathLike) -> str:
    path = os.fspath(path)
    if "\0" in path:
        raise InputError("file", "must have a name without NUL")
    return path


def _check_place(path: str, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise _exists_error(path)
    # Without this check, the superuser could replace a device file by mistake.
    if not os.path.isfile(path):
        raise InputError("file", f"{path} is not an ordinary file; choose another name")


def _exists_error(path: str) -> InputError:
    return InputError("file", f"{path} already exists; choose another name, or remove it first")
