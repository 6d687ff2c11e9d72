"""With the extra `fast` and without it, a request has the same answer, and a slow client the same limits."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tests.host.event_loop import awaited
from tests.host.server.fake_connections import GARBAGE, GET, POST, Server, turns
from uvicorn.server import ServerState

from dsc_host.server import bodies, connections, implementations
from dsc_host.server.bodies import Bodies
from dsc_host.server.implementations import Implementation, installed

needs_httptools = pytest.mark.skipif(not find_spec("httptools"), reason="needs the extra fast")
needs_fast = pytest.mark.skipif(not find_spec("uvloop"), reason="needs the extra fast, which lacks uvloop on Windows")
PRINTABLE = bytes(range(0x21, 0x7F))
CHUNKED = POST.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked")

EXPECT = POST.replace(b"Host", b"Expect: 100-continue\r\nHost")


def with_header(line: bytes) -> bytes:
    return GET.replace(b"Host", line + b"\r\nHost")


REQUESTS: dict[str, Sequence[bytes]] = {
    "get": [GET, GET],
    "any character in the target": [GET.replace(b"/ ", b"/" + PRINTABLE + b" ")],
    "queries": [GET.replace(b"/ ", target + b" ") for target in (b"//x?y=/", b"/?", b"/a??b=%41", b"/%2F%zz?%")],
    "any character in a value": [with_header(b"X: \x80" + PRINTABLE + b" \xff")],
    "a tab in a value": [with_header(b"X: a\tb")],
    "values with spaces around": [with_header(b"X:  a  b  "), with_header(b"X:"), with_header(b"X:a")],
    "names": [with_header(b"X: 1\r\nx: 2\r\n!#$%&'*+-.^_`|~9Az: 3")],
    "a head in two pieces": [GET[:20], GET[20:], GET],
    "a head of two lines": [GET[:16], GET[16:]],
    "a body in pieces": [POST, b"a", b"bc", POST + b"a", b"bc", GET],
    "a body that is too long": [POST + b"abcd"],
    "an answer in parts": [GET.replace(b"/ ", b"/parts "), GET],
    "an answer that breaks off": [GET.replace(b"/ ", b"/broken ")],
    "a body that nobody reads": [POST.replace(b"/ ", b"/early ") + b"a", b"bc" + GET],
    "a request before the answer": [GET.replace(b"/ ", b"/hold "), GET],
    "requests in one piece": [GET * 3],
    "methods": [GET.replace(b"GET", method) for method in (b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"BREW")],
    "close": [with_header(b"Connection: close")],
    "Keep-Alive": [with_header(b"Connection: Keep-Alive"), GET],
    "another connection": [with_header(b"Connection: te"), GET],
    "another connection by a proxy": [with_header(b"Proxy-Connection: close"), GET],
    "HTTP/1.0": [GET.replace(b"1.1", b"1.0")],
    "HTTP/1.0, kept": [with_header(b"Connection: keep-alive").replace(b"1.1", b"1.0")],
    "HTTP/2.0": [GET.replace(b"1.1", b"2.0")],
    "no host": [GET.replace(b"Host", b"Hos")],
    "chunks": [CHUNKED + b"3\r\nabc\r\n0\r\nHost: y\r\n\r\n", GET],
    "chunks in pieces": [CHUNKED, b"3\r\na", b"bc\r\n0\r\n\r\n"],
    "a length twice": [POST.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc")],
    "a length in letters": [POST.replace(b": 3", b": 3, 3") + b"abc"],
    "a length that is too long": [POST.replace(b": 3", b": " + b"9" * 21)],
    "an expectation": [EXPECT, b"abc"],
    "an expectation with the body": [EXPECT + b"abc"],
    "an upgrade that is not the browser's": [with_header(b"Connection: upgrade\r\nUpgrade: h2c"), GET],
    "another form of target": [GET.replace(b"/ ", target + b" ") for target in (b"*", b"http://x/y", b"x:80", b"/a#b")],
    "CONNECT": [GET.replace(b"GET /", b"CONNECT x:80"), b"\x16\x03"],
    "a folded value": [with_header(b"X: a\r\n b")],
    "ends of lines": [GET.replace(b"\r\n", b"\n"), GET.replace(b"\r\n", b"\r")],
    "a line before the request": [b"\r\n" + GET],
    "a control character": [with_header(b"X: a\x01b"), with_header(b"X: a\x00b")],
    "a space in a name": [with_header(b"X : a")],
    "garbage after a request": [GET, b"\x16\x03\x01\x02"],
    "a head that is too large": [with_header(b"X: " + b"x" * 17_000)[:-2]],
    "a large head": [with_header(b"X: " + b"x" * 15_000), GET],
} | {name: [piece for piece in pieces if piece] for name, pieces in GARBAGE.items()}  # fmt: skip


async def outcome(parser: str, pieces: Sequence[bytes]) -> object:
    """Send the pieces. Return what the application saw, what was answered, and whether the connection is open and read."""
    server = Server(parser)
    line = server.connect("192.0.2.1")
    for piece in pieces:
        if not line.ended:
            line.protocol.data_received(piece)
            await turns(20)
    reads = line.reads
    server.held.set()
    await turns(20)
    # Both say `connection: close`, but h11 not always, and with another case.
    return server.seen, line.sent.lower().replace(b"connection: close\r\n", b""), line.ended, reads


@needs_httptools
@pytest.mark.parametrize("pieces", REQUESTS.values(), ids=REQUESTS)
@awaited
async def test_a_request_has_the_same_answer(pieces: Sequence[bytes]) -> None:
    assert await outcome("httptools", pieces) == await outcome("h11", pieces)


@needs_httptools
@pytest.mark.parametrize(("method", "path", "writes"), [(b"GET", b"/", 1), (b"HEAD", b"/", 1), (b"GET", b"/parts", 2)])
@awaited
async def test_an_answer_takes_few_writes(method: bytes, path: bytes, writes: int) -> None:
    server = Server("httptools")
    line = server.connect("192.0.2.1", GET.replace(b"GET /", method + b" " + path))
    await turns()
    assert (line.writes, line.ended) == (writes, "")


@needs_httptools
@awaited
async def test_a_request_may_arrive_in_any_two_pieces() -> None:
    whole = with_header(b"X: y").replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc")
    for cut in range(1, len(whole)):
        pieces = [whole[:cut], whole[cut:] + GET, GET]
        assert await outcome("httptools", pieces) == await outcome("h11", pieces), cut


@needs_httptools
@awaited
async def test_the_limits_of_a_connection_go_on_when_h11_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server("httptools")
    unread = server.connect("192.0.2.1", GET)
    await turns()
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0)
    monkeypatch.setattr(connections, "WRITE_SECONDS", 0)
    unread.protocol.pause_writing()
    unsent, asks = server.connect("192.0.2.2"), server.connect("192.0.2.3")
    monkeypatch.setattr(connections, "HEAD_SECONDS", 3600)
    monkeypatch.setattr(connections, "WRITE_SECONDS", 3600)
    for line in (unsent, unread):
        before = line.protocol
        line.protocol.data_received(b"GET / HT")
        assert type(line.protocol) is not type(before), "h11 has taken over"
        assert line.protocol in server.state.connections
        assert before not in server.state.connections
        assert before.timeout_keep_alive_task is None
        assert line.protocol.is_waiting
    asks.protocol.data_received(GET.replace(b"/ ", b"/hold ").replace(b"1.1", b"1.0"))
    await turns(20)
    assert (unsent.ended, unread.ended, asks.ended) == ("closed", "aborted", "")


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).body()
    await Response(bytes(64 << 20))(scope, receive, send)


async def received(used: Implementation, config: uvicorn.Config, sent: bytes) -> bytes:
    """Send something to a server on a real socket. Read nothing until it has ended the connection, and return what it sent."""
    state = ServerState()
    connected = asyncio.Event()

    def connect() -> Any:
        connected.set()
        return used.protocol(config, state, {})  # type: ignore[call-arg]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        await connected.wait()
        # A loop calls `connection_made` in the turn after it has made the protocol.
        await turns()
        while state.connections:
            await asyncio.sleep(0)
        data = bytearray()
        with suppress(ConnectionError):
            while part := await reader.read(1 << 20):
                data += part
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return bytes(data)


@pytest.mark.parametrize(
    ("module", "limit", "sent", "begins"),
    [
        (connections, "HEAD_SECONDS", b"GET / HT", b""),
        (bodies, "BODY_SECONDS", POST + b"a", b"HTTP/1.1 408 "),
        (connections, "WRITE_SECONDS", GET, b"HTTP/1.1 200 "),
        (connections, "MOST_CONNECTIONS", b"", b"HTTP/1.1 503 "),
    ],
    ids=["head", "body", "answer", "number"],
)
@pytest.mark.parametrize(
    "used",
    [Implementation("asyncio", "h11"), pytest.param(Implementation("uvloop", "httptools"), marks=needs_fast)],
    ids=lambda used: used.loop,
)
def test_a_client_is_dropped_beyond_a_limit(
    monkeypatch: pytest.MonkeyPatch, used: Implementation, module: Any, limit: str, sent: bytes, begins: bytes
) -> None:
    monkeypatch.setattr(module, limit, 0)
    config = uvicorn.Config(Bodies(large), log_config=None, lifespan="off", ws="none", loop=used.loop)
    config.load()
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        data = runner.run(received(used, config, sent))
    assert data.startswith(begins)
    assert len(data) < 64 << 20
    assert bool(data) == bool(begins)


def test_the_fastest_that_is_installed_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for names, used in {
        (): Implementation("asyncio", "h11"),
        ("httptools",): Implementation("asyncio", "httptools"),
        ("httptools", "uvloop"): Implementation("uvloop", "httptools"),
    }.items():
        monkeypatch.setattr(implementations, "find_spec", names.__contains__)
        assert installed() == used
