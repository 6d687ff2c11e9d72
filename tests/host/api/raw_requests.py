"""Requests as a server passes them to an application, without a client that would tidy them up."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

Headers = Sequence[tuple[bytes, bytes]]


@dataclass
class Answer:
    """The application's answer. `status` is 0 if there was none."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def ask(
    app: ASGIApp,
    method: str = "GET",
    path: str = "/",
    headers: Headers = (),
    body: bytes = b"",
    *,
    query: bytes = b"",
    aborted: bool = False,
    stalled: Callable[[], asyncio.Event] | None = None,
    client: tuple[str, int] | None = ("192.0.2.7", 40_000),
) -> Answer:
    """Send one request and return the answer. An exception of the application is raised.

    With `aborted`, the client goes away after `body`. With `stalled`, it sends nothing after `body` until this event is set.
    """
    more = aborted or stalled is not None
    answer, messages, ended = Answer(), [{"type": "http.request", "body": body, "more_body": more}], asyncio.Event()
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": [*headers],
        "client": client, "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip

    async def receive() -> Message:
        if not messages and stalled is not None:
            await stalled().wait()
        if not messages and not aborted:
            await ended.wait()
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                ended.set()

    async def asked() -> None:
        await app(scope, receive, send)
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(asked())
    return answer


def merged(given: Mapping[bytes, bytes], *others: tuple[bytes, bytes]) -> Headers:
    """Return the headers with some of them replaced."""
    return tuple({**given, **dict(others)}.items())
