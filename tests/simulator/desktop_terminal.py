"""The real `dscplus sim` on a terminal that a program drives, for benchmarks and for tests of how it starts and ends."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30
FIRST_FRAME = b"Display:"

_START = "from dsc_host.cli.main import main; main()"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _START, "sim", *arguments]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which all files are stored in `folder`."""
    named = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config"), "TERM": "xterm-256color"}
    return {name: value for name, value in os.environ.items() if not name.startswith("DSCPLUS_")} | named


class Terminal:
    """A program on a terminal of 80x24: `dscplus sim`, if none is named. `seen` is everything that it has drawn."""

    def __init__(self, folder: Path, program: Sequence[str] | None = None) -> None:
        self._end, far = os.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self._open = True
        self.process = subprocess.Popen(
            program or command(),
            stdin=far,
            stdout=far,
            stderr=far,
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )
        os.close(far)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.close()

    def read(self, seconds: float) -> bool:
        """Read what the program draws within some seconds. Return whether there was anything."""
        if not select.select([self._end], [], [], seconds)[0]:
            return False
        try:
            came = os.read(self._end, 65536)
        except OSError:  # The other end is closed.
            return False
        self.seen += came
        return bool(came)

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline or (not self.read(0.1) and self.process.poll() is not None):
                raise AssertionError(f"it never came; {self.process.poll()}: {self.seen[-2000:]!r}")

    def start(self) -> Self:
        """Wait for the first frame."""
        self.until(lambda: FIRST_FRAME in self.seen)
        return self

    def type(self, keys: bytes) -> None:
        os.write(self._end, keys)

    def signal(self, name: str) -> None:
        self.process.send_signal(getattr(signal, name))

    def close(self) -> None:
        """Close the terminal while the program runs."""
        if self._open:
            self._open = False
            os.close(self._end)

    def end(self) -> int:
        """Wait until the program has ended; return its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            if not self._open:
                return self.process.wait(PATIENCE)
            self.read(0.05)
        while self._open and self.read(0):
            pass
        return self.process.wait(1)
