"""The desktop program in a browser on this machine, through textual-serve.

Each page has a separate program. One more program is kept ready, so that the next page shows its card within half a second.
"""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from rich.console import Console
from textual_serve.server import Server, to_int

from dsc_simulator.desktop.page_programs import PageProgram, Programs
from dsc_simulator.drawings.card import svg
from dsc_simulator.line_server import LOOPBACK

_ENDING_SECONDS, _LEAVE_SECONDS = 1, 5
_HEARTBEAT_SECONDS = 15.0
_HTTP_PORT = 80
MOST_PAGES = 32
"""The maximum number of open pages. The program of a page takes 50 MB of memory."""
_START = "from dsc_simulator.desktop.page_start import main; main()"


class OwnPagesOnly(Server):
    """A server that refuses connections from pages of other sites, which could press the card's keys and read its screen."""

    def __init__(self, command: str, port: int) -> None:
        # Use our own page: the page of textual-serve fetches a font from the internet and waits for a click.
        page = Path(__file__).parent / "page"
        # Browsers leave the port of HTTP out. For port 443, textual-serve would name an https address.
        self._here = LOOPBACK if port == _HTTP_PORT else f"{LOOPBACK}:{port}"
        super().__init__(
            command,
            host=LOOPBACK,
            port=port,
            title="Digital Security Card+",
            public_url=f"http://{self._here}",
            templates_path=page,
        )
        self.console = Console(stderr=True)
        self._pages: set[asyncio.Task[Any]] = set()
        self._programs = Programs(lambda: PageProgram(self.command, self.download_manager))

    async def on_startup(self, app: web.Application) -> None:
        """Load the program of the first page. Do not print the address as textual-serve does: the command has printed it."""
        self._programs.prepare()

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one page. Count the page as open until it closes."""
        page = asyncio.current_task()
        assert page is not None
        self._pages.add(page)
        try:
            return await self._serve_page(request)
        finally:
            self._pages.discard(page)

    async def _serve_page(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS)
        await socket.prepare(request)
        program = await self._programs.take()
        try:
            program.connect(socket)
            await program.start(to_int(request.query.get("width", ""), 80), to_int(request.query.get("height", ""), 24))
            await self._process_messages(socket, program)
        except asyncio.CancelledError:
            await socket.close()
        finally:
            await program.stop()
        return socket

    async def on_shutdown(self, app: web.Application) -> None:
        """End the program of every open page. Do not wait until the user closes the page."""
        await self._programs.close()
        # Some programs are just ending. A program whose task is canceled before its end would keep running.
        await self.wait(_ENDING_SECONDS)
        for page in self._pages:
            page.cancel()
        await self.wait(_LEAVE_SECONDS)

    async def wait(self, seconds: float) -> None:
        """Wait until no page is open, for at most `seconds`."""
        if self._pages:
            await asyncio.wait(tuple(self._pages), timeout=seconds)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._refuse_others)
        app.middlewares.append(self._refuse_too_many)
        app.on_response_prepare.append(_forbid_embedding)
        app.router.add_get("/card.svg", _drawing)
        return app

    @property
    def _refuse_others(self) -> Any:
        here = self._here

        @web.middleware
        async def refuse(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            # Check the host name too: the name of another site may lead to this address (DNS rebinding).
            if request.host != here or request.headers.get("Origin", f"http://{here}") != f"http://{here}":
                raise web.HTTPForbidden(text="Only the card's own page may connect.")
            return await handler(request)

        return refuse

    @property
    def _refuse_too_many(self) -> Any:
        @web.middleware
        async def refuse(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if request.path in ("/", "/ws") and len(self._pages) >= MOST_PAGES:
                text = f"{MOST_PAGES} cards are open, which is the largest number. Close a card's page, then reload this one."
                raise web.HTTPServiceUnavailable(text=text)
            return await handler(request)

        return refuse


async def _drawing(_: web.Request) -> web.Response:
    """Return the drawing of a card that is off, which the page shows until the program has drawn its first frame."""
    return web.Response(text=svg(""), content_type="image/svg+xml")


async def _forbid_embedding(request: web.Request, response: web.StreamResponse) -> None:
    """Forbid other pages to embed this page. Otherwise a click on such a page could press the card's keys."""
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"


def server(arguments: Sequence[str], port: int) -> OwnPagesOnly:
    """Return a server for `dscplus sim` with `arguments`. Each open page has its own program."""
    command = shlex.join([sys.executable, "-c", _START, "sim", *arguments])
    return OwnPagesOnly(command, port)


def serve(arguments: Sequence[str], port: int) -> None:
    """Serve until Ctrl-C. Raise OSError if the port is taken."""
    server(arguments, port).serve()
