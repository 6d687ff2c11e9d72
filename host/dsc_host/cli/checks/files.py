"""Checks of files: their permissions, and their owner."""

import os
import stat
import sys
from pathlib import Path

from dsc_host.cli.checks.finding import Findings, failed, warning


def check_private(check: str, path: Path, *, is_secret: bool) -> Findings:
    """Yield a finding if other users may open a private file, if another user owns it, or if everybody can replace it.

    With `is_secret`, a file that others may open is a failure, because the services refuse such a file. On Windows, nothing is
    checked.
    """
    if sys.platform == "win32":
        return
    state = path.stat()
    if state.st_mode & 0o077:
        found = failed if is_secret else warning
        yield found(check, f"{path} is open to other users", f"chmod 600 {path}")
    if state.st_uid != os.geteuid():
        yield warning(
            check,
            f"{path} belongs to another user, number {state.st_uid}",
            "run the services and this command as the same user, the owner of the files",
        )
    folder = path.absolute().parent
    if folder.stat().st_mode & stat.S_IWOTH:
        yield warning(check, f"everybody can replace {path}", f"chmod o-w {folder}")
