"""A server process without a network: connections with fake transports, and an application that shows what it is asked."""

import asyncio
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from dsc_host.server.bodies import Bodies
from dsc_host.server.implementations import Implementation

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
PROXY = "10.0.0.1"


class Transport(asyncio.Transport):
    """The other end of a connection. It accepts data until the test tells it to accept no more."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1), "sockname": ("127.0.0.1", 80)})
        self.sent = b""
        self.writes = 0
        self.ended = ""
        self.reads = True
        self.protocol: Any
        self.high: int | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def write(self, data: Any) -> None:
        self.sent += bytes(data)
        self.writes += 1

    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("aborted")

    def is_closing(self) -> bool:
        return bool(self.ended)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def _end(self, how: str) -> None:
        if not self.ended:
            self.ended = how
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Server:
    """One server process. Its application answers at once, except under /hold, where it waits for the test.

    It reads the body of a request, except under /early. Under /parts it answers in parts, and under /broken only half.
    """

    def __init__(self, parser: str, proxy: str = "") -> None:
        self.protocol: Any = Implementation("asyncio", parser).protocol
        self.held = asyncio.Event()
        self.state = ServerState()
        self.seen: list[object] = []
        self.config = uvicorn.Config(
            Bodies(self), log_config=None, lifespan="off", ws="none", access_log=False,
            proxy_headers=bool(proxy), forwarded_allow_ips=proxy or None,
        )  # fmt: skip
        self.config.load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/hold":
            await self.held.wait()
        body = b"" if scope["path"] == "/early" else await Request(scope, receive).body()
        self.seen.append(({**scope, "state": None, "headers": [*scope["headers"]]}, body))
        if scope["path"] not in ("/parts", "/broken"):
            await PlainTextResponse("ok")(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/broken":
            raise ValueError("broken")
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    def connect(self, address: str, sent: bytes = b"") -> Transport:
        transport = Transport(address)
        transport.protocol = self.protocol(self.config, self.state, {})
        transport.protocol.connection_made(transport)
        if sent:
            transport.protocol.data_received(sent)
        return transport

    def connect_many(self, addresses: list[str], sent: bytes = b"") -> list[Transport]:
        return [self.connect(address, sent) for address in addresses]


async def turns(number: int = 8) -> None:
    """Let every task run that can."""
    for _ in range(number):
        await asyncio.sleep(0)


GARBAGE = {
    "no HTTP": (b"\x16\x03\x01\x02", b""),
    "a length that is none": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b""),
    "no chunk": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"),
    "no chunk, after the answer": (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"),
    "no chunk, before the answer": (b"GET /hold HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b""),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", b""),
    "both encodings": (POST.replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"), b"zz\r\n"),
    "an upgrade": (GET.replace(b"Host", b"Connection: upgrade\r\nUpgrade: websocket\r\nHost"), b"\x81\x05hello"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""),
    "a head without end": (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, b""),
    "half a body": (POST + b"a", b""),
}
