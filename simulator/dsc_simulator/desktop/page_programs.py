"""The programs behind the pages in browsers, one for each page. One more program is loaded in advance: loading takes long."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

_NEXT_SECONDS = 2.0
"""The delay in seconds before the next program is loaded. Meanwhile, the program of the current page draws its first frame."""


class PageProgram(AppService):
    """The program of one page. Its process is loaded first, and then waits for the page."""

    def __init__(self, command: str, downloads: DownloadManager) -> None:
        super().__init__(command, write_bytes=_drop, write_str=_drop, close=_drop, download_manager=downloads)

    async def load(self) -> None:
        """Start the process."""
        self._process = await asyncio.create_subprocess_shell(
            self.command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._build_environment()
        )
        self._stdin = self._process.stdin

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process is not None and self._process.returncode is None

    def connect(self, page: web.WebSocketResponse) -> None:
        """Send the program's output to this page."""

        async def close() -> None:
            await page.close()

        self.remote_write_bytes = page.send_bytes
        self.remote_write_str = page.send_str
        self.remote_close = close

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Tell the process that its page is connected."""
        assert self._process is not None
        self.stdin.write(f"{width} {height}\n".encode())
        return self._process

    async def discard(self) -> None:
        """End the process of a program that has no page, and wait for it."""
        assert self._process is not None
        self.stdin.close()
        # Read both pipes to their ends. Otherwise the process could wait forever for a reader.
        await self._process.communicate()


class Programs:
    """A pool that gives each page a program, and keeps one more program loaded."""

    def __init__(self, make: Callable[[], PageProgram]) -> None:
        self._make = make
        self._ready: PageProgram | None = None
        self._loading: asyncio.Task[None] | None = None

    def prepare(self, seconds: float = 0.0) -> None:
        """Load a program after this many seconds, unless a program is already loaded by then."""
        if self._loading is not None:
            self._loading.cancel()
        self._loading = asyncio.create_task(self._load(seconds))

    async def take(self) -> PageProgram:
        """Return a program for a page, and prepare the next program. Raise OSError."""
        program, self._ready = self._ready, None
        self.prepare(_NEXT_SECONDS)
        return program if program is not None and program.is_alive else await self._loaded()

    async def close(self) -> None:
        """End the loaded program."""
        if self._loading is not None:
            # Canceling the task also ends a process that is being started.
            self._loading.cancel()
            await asyncio.wait([self._loading])
        if self._ready is not None:
            await self._ready.discard()

    async def _load(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        # Ignore the error here: `take` then tries to load a program itself, and raises its own error.
        with suppress(OSError):
            if self._ready is None:
                self._ready = await self._loaded()

    async def _loaded(self) -> PageProgram:
        program = self._make()
        await program.load()
        return program


async def _drop(_: object = None) -> None:
    """Ignore the output of a program without a page."""
