"""Files that must outlive a power cut, and that are for nobody else.

What is in one is on the disk, and so is its name, which is its folder's: whoever makes or replaces such a file writes a draft,
`flush`es and `os.fsync`s it, gives it its name, and calls `keep_name`.
"""

import errno
import logging
import os
import tempfile
from contextlib import suppress

_log = logging.getLogger("dsc_host")


def keep_name(path: str | os.PathLike[str]) -> None:
    """Have the name of a file that was made, replaced or renamed on the disk. Raises `OSError`.

    On POSIX, a name is on the disk only when its folder is; elsewhere there is nothing to do.
    """
    if os.name != "posix":
        return
    handle = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def warn_if_exposed(path: str | os.PathLike[str], *suffixes: str) -> None:
    """Log a warning, with the remedy, for what lets other users at a file, or at those beside it with these suffixes.

    Nothing is refused here: what is open has been open until now, and to refuse it would stop every login. Of its folder, only
    what lets everybody write is told: a group that may write it is, on many systems, the user's own.
    """
    if os.name != "posix":
        return
    path = os.fspath(path)
    for each in (path, *(path + suffix for suffix in suffixes)):
        with suppress(OSError):
            mode = os.stat(each).st_mode
            if mode & 0o077:
                done = "written" if mode & 0o022 else "read"
                _log.warning("%s may be %s by other users; make it yours alone: chmod 600 %s", each, done, each)
    folder = os.path.dirname(os.path.abspath(path))
    with suppress(OSError):
        if os.stat(folder).st_mode & 0o002:
            _log.warning(
                "%s: everybody may write its folder, and so put other files there; close it: chmod o-w %s, or move the file",
                path,
                folder,
            )


def name_draft(draft: str, path: str, *, overwrite: bool) -> None:
    """Give a draft, which is on the disk, its name in the same folder.

    Raises `FileExistsError` if there is a file of that name, unless `overwrite`; `OSError`. The draft may be left beside it.
    """
    if not overwrite:
        try:
            os.link(draft, path)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # A file system without links: the name is claimed by an empty file, which the next step replaces.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        else:
            keep_name(path)
            return
    os.replace(draft, path)
    keep_name(path)


def write_new(path: str | os.PathLike[str], text: str) -> None:
    """Make a file for its owner alone that holds this ASCII text: all of it, or there is none. Raises as `name_draft`."""
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
