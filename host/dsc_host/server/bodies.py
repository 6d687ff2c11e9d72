"""Middleware of the service and the portal that limits the time in which a request body must arrive.

If a client disconnects while it sends a body, no error is logged.
"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_SECONDS = 10.0
"""The seconds in which the whole body must arrive. If only each pause were limited, a client could send forever."""


class SlowBody(Exception):
    """The body did not arrive in time. If the application does not catch this error, the answer gets the status 408."""


class Bodies:
    """ASGI middleware that limits the time for a request's body to arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application with a time limit on the body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        except ClientDisconnect:
            # The client has disconnected: do not answer, and do not log an error.
            return
        except SlowBody:
            if not body.is_answered:
                await PlainTextResponse("the body did not arrive in time\n", 408)(scope, receive, body.send)


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive, send: Callable[[Message], Awaitable[None]]) -> None:
        self._receive = receive
        self._send = send
        self._deadline: float | None = None
        self._is_complete = False
        self._is_late = False
        self.is_answered = False

    async def receive(self) -> Message:
        """Return the next part of the body. Raise `SlowBody` if the body is late."""
        if self._is_complete:
            return await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            self._is_late = True
            raise SlowBody from None
        self._is_complete = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer. If the body was late, the answer says that the connection is closed after it."""
        if message["type"] == "http.response.start":
            self.is_answered = True
            if self._is_late:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
        await self._send(message)
