"""The card's line on a pty and on TCP: any program is served, one at a time, and nothing is left afterwards."""

import os
import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from queue import Queue

import pytest
import serial

from dsc_host import CardClient, CardError, CardNotFound
from dsc_simulator import SimulatedCard
from dsc_simulator.line_server import BUSY, LineServer

PATIENCE = 10
needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")


class Served:
    """Provide a card with endpoints. `came` receives the number of hosts each time that one connects or disconnects."""

    def __init__(self) -> None:
        self.card = SimulatedCard()
        self.card.receive()
        self.heard = b""
        self.came: Queue[int] = Queue()
        self.server = LineServer(self.send, changed=lambda: self.came.put(self.server.hosts))

    def send(self, data: bytes) -> None:
        self.heard += data
        self.card.send(data)
        self.server.deliver(self.card.receive())

    def wait(self, hosts: int) -> None:
        while self.came.get(timeout=PATIENCE) != hosts:
            pass


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.server.close()
    served.card.close()


@pytest.fixture(params=["tcp", pytest.param("pty", marks=needs_pty)])
def url(request: pytest.FixtureRequest, served: Served) -> str:
    return str(served.server.url if request.param == "tcp" else served.server.pty)


def address(server: LineServer) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("socket://").partition(":")
    return host, int(port)


def connect(served: Served) -> socket.socket:
    return socket.create_connection(address(served.server), timeout=PATIENCE)


def read_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.readline()


def test_hosts_come_talk_to_the_card_and_go(served: Served, url: str) -> None:
    for _ in range(3):
        with CardClient.open(url, timeout=PATIENCE) as client:
            assert client.hello().board == "simulator"
            assert len(client.entropy(64)) == 64
            assert served.server.hosts == 1
        served.wait(0)


def test_a_program_hears_what_happens_on_the_card(served: Served, url: str) -> None:
    with CardClient.open(url, timeout=PATIENCE) as client:
        served.card.press("PRESS")
        served.server.deliver(served.card.receive())
        assert client.wait_event("display", PATIENCE).values == {"text": "NO KEY"}


@needs_pty
def test_both_doors_at_once(served: Served) -> None:
    with (
        CardClient.open(str(served.server.pty), timeout=PATIENCE) as one,
        CardClient.open(served.server.url, timeout=PATIENCE) as two,
    ):
        assert served.server.hosts == 2
        assert one.info() == two.info()


def test_a_second_program_is_told_why_there_is_no_card(served: Served) -> None:
    with connect(served):
        served.wait(1)
        with pytest.raises(CardError, match=r"another program is connected to this card \(busy\)"):
            CardClient.open(served.server.url, timeout=PATIENCE)


def test_those_who_are_refused_do_not_pile_up(served: Served) -> None:
    with connect(served) as first, ExitStack() as stack:
        served.wait(1)
        others = [stack.enter_context(connect(served)) for _ in range(6)]
        assert [read_line(other) for other in others] == [BUSY] * 6
        assert [other.recv(1) for other in others[:2]] == [b"", b""]
        first.sendall(b"\n>1 display\n")
        assert read_line(first).startswith(b"<1 ok text=*"), "the first host is not disturbed"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the one who is accepted has gone before that")
def test_one_that_has_hung_up_before_it_could_be_refused_does_no_harm(served: Served) -> None:
    taken, go_on = threading.Event(), threading.Event()

    def hold_up(data: bytes) -> None:
        taken.set()
        go_on.wait(PATIENCE)

    with LineServer(hold_up) as server, socket.create_connection(address(server), timeout=PATIENCE) as first:
        first.sendall(b"\n")
        assert taken.wait(PATIENCE)
        rude = socket.create_connection(address(server), timeout=PATIENCE)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
        go_on.set()
        with socket.create_connection(address(server), timeout=PATIENCE) as second:
            assert read_line(second) == BUSY


@needs_pty
def test_a_second_program_on_the_pty_is_refused(served: Served) -> None:
    path = str(served.server.pty)
    with CardClient.open(path, timeout=PATIENCE), pytest.raises(CardNotFound, match="another program has it open"):
        CardClient.open(path, timeout=PATIENCE)


@needs_pty
def test_what_a_program_left_that_has_gone_again_is_still_heard(served: Served) -> None:
    with open(str(served.server.pty), "wb", buffering=0) as line:
        line.write(b"\n>1 hello\n")
    served.wait(1)
    served.wait(0)
    assert served.heard == b"\n>1 hello\n"


@needs_pty
def test_the_pty_has_no_echo_even_for_a_program_that_sets_nothing(served: Served) -> None:
    number = os.open(str(served.server.pty), os.O_RDWR | os.O_NOCTTY)
    try:
        served.wait(1)
        served.server.deliver(b">1 hello\n")
        assert os.read(number, 100) == b">1 hello\n"
        os.write(number, b"\n>2 display\n")
        assert os.read(number, 100).startswith(b"<2 ok text=*")
    finally:
        os.close(number)
    assert not served.card.board.line.inbox


def test_what_was_said_before_somebody_came_is_not_kept_for_them(served: Served, url: str) -> None:
    served.server.deliver(b"long ago\n")
    with serial.serial_for_url(url, timeout=PATIENCE) as port:
        served.wait(1)
        port.write(b"\n>1 display\n")
        assert port.readline().startswith(b"<1 ok ")


def test_a_host_that_does_not_read_holds_nobody_up_and_nothing_is_kept_for_it(served: Served) -> None:
    data = bytes(64 * 1024)
    with connect(served):
        served.wait(1)
        tracemalloc.start()
        try:
            for _ in range(500):
                served.server.deliver(data)
            assert tracemalloc.get_traced_memory()[0] < 8 * len(data)
        finally:
            tracemalloc.stop()
    served.wait(0)


def test_what_is_delivered_to_doors_that_are_closed_is_lost(served: Served) -> None:
    url = served.server.url
    served.server.close()
    served.server.deliver(b"too late\n")
    assert served.server.url == url


def test_a_line_is_ended_for_one_that_goes_in_the_middle_of_it(served: Served, url: str) -> None:
    with serial.serial_for_url(url, timeout=PATIENCE) as port:
        served.wait(1)
        port.write(b"\n>1 hello\nabc")
        assert port.readline().startswith(b"<1 ok ")
    served.wait(0)
    assert served.heard == b"\n>1 hello\nabc\n"


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n\r\n\n>1 display\n"])
def test_a_browser_is_sent_away(served: Served, request_line: bytes) -> None:
    with connect(served) as browser:
        browser.sendall(request_line)
        assert browser.recv(100) == b""


def test_the_port_can_be_chosen_and_one_that_is_taken_is_an_error(served: Served) -> None:
    port = int(served.server.url.rpartition(":")[2])
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        LineServer(lambda data: None, tcp_port=port)
    assert threading.active_count() == before
    served.server.close()
    with LineServer(lambda data: None, tcp_port=port) as server:
        assert server.url == f"socket://127.0.0.1:{port}"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_nothing_is_left(served: Served) -> None:
    files, threads = os.listdir("/proc/self/fd"), threading.active_count()
    server = LineServer(lambda data: None)
    path = server.pty
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=PATIENCE) as host:
        server.close()
        server.close()
        assert host.recv(1) == b""
    assert os.listdir("/proc/self/fd") == files
    assert threading.active_count() == threads
    assert not os.path.exists(str(path))
