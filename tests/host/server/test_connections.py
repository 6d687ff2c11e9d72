"""Limits on connections, with fake transports: nothing here waits for a clock or a network."""

import asyncio
import logging
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from tests.host.event_loop import awaited
from uvicorn.server import ServerState

from dsc_host.errors import InputError
from dsc_host.server import connections, pace
from dsc_host.server.bodies import Bodies
from dsc_host.server.connections import LimitedProtocol, check_proxy
from dsc_host.server.pace import Pace

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
PROXY = "10.0.0.1"


class Transport(asyncio.Transport):
    """The other end of a connection. It accepts data until the test tells it to accept no more."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1), "sockname": ("127.0.0.1", 80)})
        self.sent = b""
        self.ended = ""
        self.protocol: LimitedProtocol
        self.high: int | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def close(self) -> None:
        self._end("closed")

    def abort(self) -> None:
        self._end("aborted")

    def is_closing(self) -> bool:
        return bool(self.ended)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def _end(self, how: str) -> None:
        if not self.ended:
            self.ended = how
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Server:
    """One server process. Its application answers at once, except under /hold, where it waits for the test."""

    def __init__(self, proxy: str = "") -> None:
        self.held = asyncio.Event()
        self.state = ServerState()
        self.config = uvicorn.Config(
            Bodies(self), log_config=None, lifespan="off", ws="none", access_log=False,
            proxy_headers=bool(proxy), forwarded_allow_ips=proxy or None,
        )  # fmt: skip
        self.config.load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/hold":
            await self.held.wait()
        if scope["method"] == "POST":
            await Request(scope, receive).body()
        await PlainTextResponse("ok")(scope, receive, send)

    def connect(self, address: str, sent: bytes = b"") -> Transport:
        transport = Transport(address)
        transport.protocol = LimitedProtocol(self.config, self.state, {})
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


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 6)
    monkeypatch.setattr(connections, "MOST_OF_ONE_CLIENT", 3)


@pytest.fixture(autouse=True)
def errors(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("sent", [b"", b"GET / HT", POST + b"a"], ids=["nothing", "half a head", "half a body"])
@awaited
async def test_a_new_connection_takes_the_place_of_the_one_that_waits_longest(sent: bytes) -> None:
    server = Server()
    crowd = server.connect_many([f"192.0.2.{number}" for number in range(6)], sent)
    await turns()
    visitor = server.connect("198.51.100.1", GET)
    await turns()
    assert visitor.sent.startswith(b"HTTP/1.1 200")
    assert [each.ended for each in crowd] == ["aborted", "", "", "", "", ""]


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        (["192.0.2.1"] * 3, "192.0.2.2"),
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"], "2001:db8:0:1::1"),
    ],
)
@awaited
async def test_one_client_has_only_so_many(addresses: list[str], other: str) -> None:
    server = Server()
    crowd = server.connect_many(addresses, b"GET")
    neighbor = server.connect(other, b"GET")
    server.connect(addresses[1], b"GET")
    await turns()
    assert [each.ended for each in crowd] == ["aborted", "", ""]
    assert neighbor.ended == ""


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}"])
@awaited
async def test_the_proxy_has_no_limit_of_its_own(peer: str) -> None:
    server = Server(PROXY)
    crowd = server.connect_many([peer] * 6, b"GET")
    assert [each.ended for each in crowd] == [""] * 6
    server.connect(peer)
    assert [each.ended for each in crowd] == ["aborted", "", "", "", "", ""]


@awaited
async def test_what_is_worked_for_is_never_ended_for_another() -> None:
    server = Server()
    crowd = server.connect_many(["192.0.2.1"] * 3, GET.replace(b"/ ", b"/hold "))
    await turns()
    refused = server.connect("192.0.2.1", GET)
    assert refused.sent.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in refused.sent
    server.held.set()
    await turns()
    assert [each.sent[:12] for each in crowd] == [b"HTTP/1.1 200"] * 3


@awaited
async def test_a_head_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0)
    server = Server()
    crowd = server.connect_many(["192.0.2.1", "192.0.2.2"], b"GET / HT")
    answered = server.connect("192.0.2.3", POST + b"abc")
    await turns(20)
    assert [each.ended for each in crowd] == ["closed", "closed"]
    assert answered.sent.startswith(b"HTTP/1.1 200")


@awaited
async def test_an_answer_that_is_not_read_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WRITE_SECONDS", 0)
    server = Server()
    slow, quick = server.connect("192.0.2.1", GET), server.connect("192.0.2.2", GET)
    assert slow.high == 0, "the server hears of all data that is not taken at once"
    slow.protocol.pause_writing()
    quick.protocol.pause_writing()
    quick.protocol.resume_writing()
    await turns(20)
    assert (slow.ended, quick.ended) == ("aborted", "")
    assert not [task for task in server.state.tasks if not task.done()], "nothing waits for it"


@awaited
async def test_a_request_sent_before_the_answer_is_the_last() -> None:
    server = Server()
    pipelined, patient = server.connect("192.0.2.1", GET * 600), server.connect("192.0.2.2", GET)
    await turns(40)
    assert (pipelined.sent.count(b"HTTP/1.1 200"), pipelined.ended) == (1, "closed")
    patient.protocol.data_received(GET)
    await turns(40)
    assert (patient.sent.count(b"HTTP/1.1 200"), patient.ended) == (2, "")


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


@pytest.mark.parametrize("lost", [None, ConnectionResetError()], ids=["closed", "reset"])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@awaited
async def test_nothing_that_is_sent_is_an_error(garbage: tuple[bytes, bytes], lost: Exception | None) -> None:
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    server = Server()
    line = server.connect("192.0.2.1", garbage[0])
    await turns()
    if garbage[1] and not line.ended:
        line.protocol.data_received(garbage[1])
    server.held.set()
    await turns()
    if not line.ended:
        line.ended = "lost"
        line.protocol.connection_lost(lost)
    await turns()
    assert not failed
    assert b"HTTP/1.1 500" not in line.sent
    assert line.sent.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("text", ["localhost", "10.0.0.1, 10.0.0.2", "*", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_proxy_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="proxy: must be"):
        check_proxy(text)


@pytest.mark.parametrize("text", ["", "127.0.0.1", "::1", "10.0.0.0/24", "2001:db8::/32"])
def test_a_proxy_is_an_address_or_a_network(text: str) -> None:
    assert check_proxy(text) == text


@awaited
async def test_who_asks_too_often_waits_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    paced, here, there = Pace(), {"client": ("192.0.2.1", 1)}, {"client": ("192.0.2.2", 1)}
    monkeypatch.setattr(pace.asyncio, "sleep", sleep)
    assert [await paced.wait({**here}) for _ in range(pace.BURST + 1)] == [True] * (pace.BURST + 1)
    assert len(slept) <= 1
    for _ in range(int(pace.PER_SECOND * pace.MOST_SECONDS) + 10):
        last = await paced.wait({**here})
    assert not last, "a client that would wait too long is refused"
    assert slept == sorted(slept) or max(slept) <= pace.MOST_SECONDS
    slept.clear()
    assert await paced.wait({**there})
    assert slept == []
