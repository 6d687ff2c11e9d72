"""Limits on connections, with fake transports: nothing here waits for a clock or a network.

Each test runs with h11 and, where the extra `fast` is installed, with httptools.
"""

import asyncio
import logging
from importlib.util import find_spec
from typing import Any

import pytest
from tests.checkout import ROOT
from tests.host.event_loop import awaited
from tests.host.server.fake_connections import GARBAGE, GET, POST, PROXY, Server, turns

from dsc_host.errors import InputError
from dsc_host.server import connections, request_rate
from dsc_host.server.connections import check_proxy
from dsc_host.server.request_rate import RequestRate


@pytest.fixture(
    params=[
        "h11",
        pytest.param("httptools", marks=pytest.mark.skipif(not find_spec("httptools"), reason="needs the extra fast")),
    ]
)
def parser(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


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
async def test_a_new_connection_takes_the_place_of_the_one_that_waits_longest(parser: str, sent: bytes) -> None:
    server = Server(parser)
    crowd = server.connect_many([f"192.0.2.{number}" for number in range(6)], sent)
    await turns()
    visitor = server.connect("198.51.100.1", GET)
    await turns()
    assert visitor.sent.startswith(b"HTTP/1.1 200")
    assert [each.ended for each in crowd] == ["aborted", "", "", "", "", ""]


@awaited
async def test_a_client_waits_from_its_last_answer_on(parser: str) -> None:
    server = Server(parser)
    answered, *crowd = server.connect_many([f"192.0.2.{number}" for number in range(6)])
    answered.protocol.data_received(GET)
    await turns()
    server.connect("198.51.100.1")
    assert [each.ended for each in (answered, *crowd)] == ["", "aborted", "", "", "", ""]


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        (["192.0.2.1"] * 3, "192.0.2.2"),
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"], "2001:db8:0:1::1"),
    ],
)
@awaited
async def test_one_client_has_only_so_many(parser: str, addresses: list[str], other: str) -> None:
    server = Server(parser)
    crowd = server.connect_many(addresses, b"GET")
    neighbor = server.connect(other, b"GET")
    server.connect(addresses[1], b"GET")
    await turns()
    assert [each.ended for each in crowd] == ["aborted", "", ""]
    assert neighbor.ended == ""


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}"])
@awaited
async def test_the_proxy_has_no_limit_of_its_own(parser: str, peer: str) -> None:
    server = Server(parser, PROXY)
    crowd = server.connect_many([peer] * 6, b"GET")
    assert [each.ended for each in crowd] == [""] * 6
    server.connect(peer)
    assert [each.ended for each in crowd] == ["aborted", "", "", "", "", ""]


@awaited
async def test_what_is_worked_for_is_never_ended_for_another(parser: str) -> None:
    server = Server(parser)
    crowd = server.connect_many(["192.0.2.1"] * 3, GET.replace(b"/ ", b"/hold "))
    await turns()
    refused = server.connect("192.0.2.1", GET)
    assert refused.sent.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in refused.sent
    server.held.set()
    await turns()
    assert [each.sent[:12] for each in crowd] == [b"HTTP/1.1 200"] * 3


@awaited
async def test_a_head_that_does_not_come_ends_the_connection(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0)
    server = Server(parser)
    crowd = server.connect_many(["192.0.2.1", "192.0.2.2"], b"GET / HT")
    answered = server.connect("192.0.2.3", POST + b"abc")
    await turns(20)
    assert [each.ended for each in crowd] == ["closed", "closed"]
    assert answered.sent.startswith(b"HTTP/1.1 200")


@awaited
async def test_an_answer_that_is_not_read_ends_the_connection(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WRITE_SECONDS", 0)
    server = Server(parser)
    slow, quick = server.connect("192.0.2.1", GET), server.connect("192.0.2.2", GET)
    assert slow.high == 0, "the server hears of all data that is not taken at once"
    slow.protocol.pause_writing()
    quick.protocol.pause_writing()
    quick.protocol.resume_writing()
    await turns(20)
    assert (slow.ended, quick.ended) == ("aborted", "")
    assert not [task for task in server.state.tasks if not task.done()], "nothing waits for it"


@awaited
async def test_a_request_sent_before_the_answer_is_the_last(parser: str) -> None:
    server = Server(parser)
    pipelined, patient = server.connect("192.0.2.1", GET * 600), server.connect("192.0.2.2", GET)
    await turns(40)
    assert (pipelined.sent.count(b"HTTP/1.1 200"), pipelined.ended) == (1, "closed")
    patient.protocol.data_received(GET)
    await turns(40)
    assert (patient.sent.count(b"HTTP/1.1 200"), patient.ended) == (2, "")


@pytest.mark.parametrize("lost", [None, ConnectionResetError()], ids=["closed", "reset"])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
@awaited
async def test_nothing_that_is_sent_is_an_error(parser: str, garbage: tuple[bytes, bytes], lost: Exception | None) -> None:
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    server = Server(parser)
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

    paced, here, there = RequestRate(), {"client": ("192.0.2.1", 1)}, {"client": ("192.0.2.2", 1)}
    monkeypatch.setattr(request_rate.asyncio, "sleep", sleep)
    assert [await paced.wait({**here}) for _ in range(request_rate.BURST)] == [True] * request_rate.BURST
    assert slept == []
    for _ in range(int(request_rate.PER_SECOND * request_rate.MOST_SECONDS) + 10):
        last = await paced.wait({**here})
    assert not last, "a client that would wait too long is refused"
    assert slept == sorted(slept) or max(slept) <= request_rate.MOST_SECONDS
    slept.clear()
    assert await paced.wait({**there})
    assert slept == []


@awaited
async def test_a_burst_has_as_many_requests_as_the_documentation_says(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    loop, paced = asyncio.get_running_loop(), RequestRate()
    # Hold the clock: on a slow machine, more requests could follow during the burst.
    monkeypatch.setattr(loop, "time", lambda: 1000.0)
    monkeypatch.setattr(request_rate.asyncio, "sleep", sleep)
    burst = 0
    while await paced.wait({"client": ("192.0.2.1", 1)}) and not slept:
        burst += 1
    assert burst == request_rate.BURST
    assert slept == [pytest.approx(1 / request_rate.PER_SECOND)]
    text = (ROOT / "docs" / "how-to" / "service.md").read_text(encoding="utf-8")
    assert f"may send {request_rate.BURST} requests at once, and {request_rate.PER_SECOND} a second after that" in text
