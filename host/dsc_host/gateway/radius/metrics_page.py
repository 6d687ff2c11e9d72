"""A minimal HTTP server, which serves only the page with the metrics."""

import asyncio
from collections.abc import Awaitable, Callable

_SECONDS = 5.0
_MOST_CONNECTIONS = 8
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def page(text: Callable[[], bytes]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return a handler for `asyncio.start_server` that serves the text at `/metrics`."""
    room = asyncio.Semaphore(_MOST_CONNECTIONS)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not room.locked():
                async with room, asyncio.timeout(_SECONDS):
                    asked = await reader.readuntil(b"\r\n\r\n")
                    writer.write(_answer(text) if asked.startswith(b"GET /metrics ") else _NOT_FOUND)
                    await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            # This is not an HTTP request, or the client is slow or has disconnected.
            pass
        finally:
            writer.close()

    return answer


def _answer(text: Callable[[], bytes]) -> bytes:
    body = text()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
