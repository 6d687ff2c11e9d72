"""Files that must outlive a power cut: what is in one is on the disk, and so is its name, which is its folder's.

Whoever makes or replaces such a file writes a draft, `flush`es and `os.fsync`s it, gives it its name, and calls `keep_name`.
"""

import errno
import os
import tempfile
from contextlib import suppress


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
