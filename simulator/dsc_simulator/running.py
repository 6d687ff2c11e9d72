"""The registry of the simulated cards that run on this machine, for `dscplus list`.

Each card has a file, which its program keeps locked. `running` removes the files of programs that died: they are not locked.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import platformdirs

from dsc_simulator.profile_store import lock_file

_SUFFIX = ".json"
_TRIES = 5


def _folder() -> Path:
    return platformdirs.user_data_path("dscplus", appauthor=False) / "running"


@contextmanager
def announced(title: str, *urls: str | None) -> Iterator[None]:
    """Announce a card to `running` until the block ends. `urls` are the addresses of the card's line.

    Raise OSError if the card cannot be announced.
    """
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, file = _locked_file(folder)
    with file:
        file.write(json.dumps({"title": title, "urls": [url for url in urls if url]}).encode())
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _locked_file(folder: Path) -> tuple[Path, IO[bytes]]:
    """Make a file and lock it. Try again if another program calls `running` in between, which removes the unlocked file."""
    for _ in range(_TRIES):
        path = folder / f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b", buffering=0)  # noqa: SIM115 - returned
        if lock_file(file) and path.exists():
            return path, file
        file.close()
        path.unlink(missing_ok=True)
    raise OSError(f"{folder}: no file in it can be locked")


def running() -> list[tuple[str, str]]:
    """Return the addresses of the running cards' serial lines, each with a description of its card."""
    return [line for path in sorted(_folder().glob(f"*{_SUFFIX}")) for line in _lines(path)]


def _lines(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open("r+b", buffering=0) as file:
            if lock_file(file):
                path.unlink()
                return []
            found = json.loads(file.read())
        return [(str(url), f"simulated card, {found['title']}") for url in found["urls"]]
    except (OSError, ValueError, KeyError, TypeError):
        # The program has not written the file yet, or is ending.
        return []
