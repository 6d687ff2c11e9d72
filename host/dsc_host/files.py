"""Files that survive a power cut and that only their owner can access.

Both the contents of a file and its name, which the folder stores, must be written to the disk. To make or replace a file, write
a draft, `flush` and `os.fsync` it, and call `name_draft`. After any other renaming, call `sync_name`.
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


def sync_name(path: str | os.PathLike[str]) -> None:
    """Make sure that the name of a new, replaced or renamed file is on the disk. Raises `OSError` if that fails.

    On POSIX systems, this is an fsync of the folder. On Windows, the function does nothing.
    """
    if sys.platform == "win32":
        return
    handle = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def warn_if_exposed(path: str | os.PathLike[str], *suffixes: str) -> None:
    """Log a warning with a remedy if other users can access the file at `path`, or the file at `path` plus one of `suffixes`.

    A folder to which all users can write causes a warning too. A folder to which its group can write causes none: on many
    systems, the owner is the group's only member. The function raises no error, because an error would stop all logins on a
    system that has worked so far.
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
        mode = os.stat(folder).st_mode
        if mode & 0o002:
            # A folder with the sticky bit, such as /tmp, must stay writable for everybody.
            remedy = "move the file to another folder" if mode & stat.S_ISVTX else f"chmod o-w {folder}, or move the file"
            _log.warning("%s: everybody can write to its folder, and can put other files there; fix it: %s", path, remedy)


def name_draft(draft: str, path: str, *, overwrite: bool) -> None:
    """Rename a draft, whose contents are on the disk, to its final name in the same folder.

    Raises `FileExistsError` if `overwrite` is false and a file of the final name exists. Raises any other `OSError` of the file
    system. Even after a success, the draft may still exist under its own name too: the caller removes it.
    """
    if overwrite:
        os.replace(draft, path)
        sync_name(path)
        return
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # The file system has no hard links. Claim the name with an empty file, which the draft then replaces.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            os.replace(draft, path)
        except BaseException:
            os.unlink(path)
            raise
    sync_name(path)


def read_whole(path: str | os.PathLike[str], field: str, most: int) -> bytes:
    """Return the bytes of the file at `path`, which a user has named. The file may have at most `most` bytes.

    Raises an `InputError` for `field` if the file cannot be read, has more bytes, or is not an ordinary file. A pipe or a
    device is refused, because it could keep the program waiting forever, or fill its memory.
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
    """Open a file with these flags, and return its descriptor. If the file is a pipe, do not wait for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_new(path: str | os.PathLike[str], text: str) -> None:
    """Create a file with this ASCII text, which only the file's owner can access. The text is written completely or not at all.

    Raises `FileExistsError` if the file exists, and any other `OSError` of the file system.
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

    The output is first written to a draft, whose name is `path` with `.new` added. While the draft exists, every other call for
    this file raises `FileExistsError`, so no change is lost without an error. Any other `OSError` names the file that could not
    be written. A pipe or a device is not replaced.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "it is not an ordinary file", path)
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
        sync_name(path)
    except BaseException as error:
        # After the renaming, a file with the draft's name belongs to another process.
        if not is_renamed:
            os.unlink(draft)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, path) from error
        raise
