"""Files that survive a power cut and that only their owner can access.

Both the contents of a file and its name, which the folder stores, must be written to the disk. To make or replace a file, write
a draft, `flush` and `os.fsync` it, and call `name_draft`. After any other renaming, call `keep_name`.
"""

import errno
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from dsc_host.errors import InputError

_log = logging.getLogger("dsc_host")


def keep_name(path: str | os.PathLike[str]) -> None:
    """Write the name of a new, replaced or renamed file to the disk. Raise `OSError`.

    POSIX needs an fsync of the folder. Other systems need nothing.
    """
    if sys.platform == "win32":
        return
    handle = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def warn_if_exposed(path: str | os.PathLike[str], *suffixes: str) -> None:
    """Log a warning with a remedy if other users can access a file, or a file whose name has one of these suffixes added.

    This is only a warning, because an error would stop all logins on a system that has worked so far. A folder to which all
    users can write causes a warning too. Write access of the folder's group does not: on many systems, the owner is the group's
    only member.
    """
    if sys.platform == "win32":
        return
    path = os.fspath(path)
    for each in (path, *(path + suffix for suffix in suffixes)):
        with suppress(OSError):
            mode = os.stat(each).st_mode
            if mode & 0o077:
                done = "written" if mode & 0o022 else "read"
                _log.warning("%s can be %s by other users; restrict it: chmod 600 %s", each, done, each)
    folder = os.path.dirname(os.path.abspath(path))
    with suppress(OSError):
        if os.stat(folder).st_mode & 0o002:
            _log.warning(
                "%s: everybody can write to its folder, and can put other files there; fix it: chmod o-w %s, or move the file",
                path,
                folder,
            )


def name_draft(draft: str, path: str, *, overwrite: bool) -> None:
    """Rename a draft, whose contents are on the disk, to its final name in the same folder.

    Raises `FileExistsError` if a file of that name exists and `overwrite` is false, and other `OSError`s. The draft may still
    exist afterwards.
    """
    if not overwrite:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # The file system has no hard links. Claim the name with an empty file, which the next step replaces.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        else:
            keep_name(path)
            return
    os.replace(draft, path)
    keep_name(path)


def read_whole(path: str | os.PathLike[str], field: str, most: int) -> bytes:
    """Return the bytes of a file that a user has named. The file may have at most `most` bytes.

    Raises an `InputError` for `field` if the file cannot be read, is larger, or is not an ordinary file. A pipe or a device
    could keep the program waiting forever, or fill its memory.
    """
    try:
        with open(path, "rb", opener=open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(field, f"{os.fspath(path)} must be an ordinary file; save it as one first")
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(field, f"{os.fspath(path)} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise InputError(field, f"{os.fspath(path)} has more than {most:,} bytes; name another file")
    return data


def open_at_once(path: str, flags: int) -> int:
    """Open a file. If it is a pipe, do not wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_new(path: str | os.PathLike[str], text: str) -> None:
    """Create a file with this ASCII text, completely or not at all, which only its owner can access.

    Raises as `name_draft` does.
    """
    path = os.fspath(path)
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
    handle, draft = tempfile.mkstemp(prefix=f".{os.path.basename(path)[:32]}.", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        name_draft(draft, path, overwrite=False)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def replace_whole(path: str, write: Callable[[TextIO], None]) -> None:
    """Replace the file at `path`, completely or not at all, with the output of `write`. Only its owner can access the new file.

    The draft has the name `path` with `.new` added. While the draft exists, another call raises `FileExistsError`. So of two
    changes at the same time, neither is lost without an error. Other errors are `OSError`s with the name of the file that could
    not be written.
    """
    draft = f"{path}.new"
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    is_renamed = False
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        is_renamed = True
        keep_name(path)
    except BaseException as error:
        # After the renaming, a file with the draft's name belongs to another process.
        if not is_renamed:
            os.unlink(draft)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, path) from error
        raise
