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
from dsc_simulator.line_server import BUSY, Doors

PATIENCE = 10
needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")


class Desk:
    """Provide a card with endpoints. `came` receives the number of hosts each time that one connects or disconnects."""

    def __init__(self) -> None:
        self.card = SimulatedCard()
        self.card.receive()
        self.heard = b""
        self.came: Queue[int] = Queue()
        self.doors = Doors(self.send, changed=lambda: self.came.put(self.doors.hosts))

    def send(self, data: bytes) -> None:
        self.heard += data
        self.card.send(data)
        self.doors.deliver(self.card.receive())

    def wait(self, hosts: int) -> None:
        while self.came.get(timeout=PATIENCE) != hosts:
            pass


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.doors.close()
    desk.card.close()


@pytest.fixture(params=["tcp", pytest.param("pty", marks=needs_pty)])
def url(request: pytest.FixtureRequest, desk: Desk) -> str:
    return str(desk.doors.url if request.param == "tcp" else desk.doors.pty)


def address(doors: Doors) -> tuple[str, int]:
    host, _, port = doors.url.removeprefix("socket://").partition(":")
    return host, int(port)


def connect(desk: Desk) -> socket.socket:
    return socket.create_connection(address(desk.doors), timeout=PATIENCE)


def read_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.readline()


def test_hosts_come_talk_to_the_card_and_go(desk: Desk, url: str) -> None:
    for _ in range(3):
        with CardClient.open(url, timeout=PATIENCE) as client:
            assert client.hello().board == "simulator"
            assert len(client.entropy(64)) == 64
            assert desk.doors.hosts == 1
        desk.wait(0)


def test_a_program_hears_what_happens_on_the_card(desk: Desk, url: str) -> None:
    with CardClient.open(url, timeout=PATIENCE) as client:
        desk.card.press("PRESS")
        desk.doors.deliver(desk.card.receive())
        assert client.wait_event("display", PATIENCE).values == {"text": "NO KEY"}


@needs_pty
def test_both_doors_at_once(desk: Desk) -> None:
    with (
        CardClient.open(str(desk.doors.pty), timeout=PATIENCE) as one,
        CardClient.open(desk.doors.url, timeout=PATIENCE) as two,
    ):
        assert desk.doors.hosts == 2
        assert one.info() == two.info()


def test_a_second_program_is_told_why_there_is_no_card(desk: Desk) -> None:
    with connect(desk):
        desk.wait(1)
        with pytest.raises(CardError, match=r"another program is connected to this card \(busy\)"):
            CardClient.open(desk.doors.url, timeout=PATIENCE)


def test_those_who_are_refused_do_not_pile_up(desk: Desk) -> None:
    with connect(desk) as first, ExitStack() as stack:
        desk.wait(1)
        others = [stack.enter_context(connect(desk)) for _ in range(6)]
        assert [read_line(other) for other in others] == [BUSY] * 6
        assert [other.recv(1) for other in others[:2]] == [b"", b""]
        first.sendall(b"\n>1 display\n")
        assert read_line(first).startswith(b"<1 ok text=*"), "the first host is not disturbed"


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the one who is accepted has gone before that")
def test_one_that_has_hung_up_before_it_could_be_refused_does_no_harm(desk: Desk) -> None:
    taken, go_on = threading.Event(), threading.Event()

    def hold_up(data: bytes) -> None:
        taken.set()
        go_on.wait(PATIENCE)

    with Doors(hold_up) as doors, socket.create_connection(address(doors), timeout=PATIENCE) as first:
        first.sendall(b"\n")
        assert taken.wait(PATIENCE)
        rude = socket.create_connection(address(doors), timeout=PATIENCE)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
        go_on.set()
        with socket.create_connection(address(doors), timeout=PATIENCE) as second:
            assert read_line(second) == BUSY


@needs_pty
def test_a_second_program_on_the_pty_is_refused(desk: Desk) -> None:
    path = str(desk.doors.pty)
    with CardClient.open(path, timeout=PATIENCE), pytest.raises(CardNotFound, match="another program has it open"):
        CardClient.open(path, timeout=PATIENCE)


@needs_pty
def test_what_a_program_left_that_has_gone_again_is_still_heard(desk: Desk) -> None:
    with open(str(desk.doors.pty), "wb", buffering=0) as line:
        line.write(b"\n>1 hello\n")
    desk.wait(1)
    desk.wait(0)
    assert desk.heard == b"\n>1 hello\n"


@needs_pty
def test_the_pty_has_no_echo_even_for_a_program_that_sets_nothing(desk: Desk) -> None:
    number = os.open(str(desk.doors.pty), os.O_RDWR | os.O_NOCTTY)
    try:
        desk.wait(1)
        desk.doors.deliver(b">1 hello\n")
        assert os.read(number, 100) == b">1 hello\n"
        os.write(number, b"\n>2 display\n")
        assert os.read(number, 100).startswith(b"<2 ok text=*")
    finally:
        os.close(number)
    assert not desk.card.board.line.inbox


def test_what_was_said_before_somebody_came_is_not_kept_for_them(desk: Desk, url: str) -> None:
    desk.doors.deliver(b"long ago\n")
    with serial.serial_for_url(url, timeout=PATIENCE) as port:
        desk.wait(1)
        port.write(b"\n>1 display\n")
        assert port.readline().startswith(b"<1 ok ")


def test_a_host_that_does_not_read_holds_nobody_up_and_nothing_is_kept_for_it(desk: Desk) -> None:
    data = bytes(64 * 1024)
    with connect(desk):
        desk.wait(1)
        tracemalloc.start()
        try:
            for _ in range(500):
                desk.doors.deliver(data)
            assert tracemalloc.get_traced_memory()[0] < 8 * len(data)
        finally:
            tracemalloc.stop()
    desk.wait(0)


def test_what_is_delivered_to_doors_that_are_closed_is_lost(desk: Desk) -> None:
    url = desk.doors.url
    desk.doors.close()
    desk.doors.deliver(b"too late\n")
    assert desk.doors.url == url


def test_a_line_is_ended_for_one_that_goes_in_the_middle_of_it(desk: Desk, url: str) -> None:
    with serial.serial_for_url(url, timeout=PATIENCE) as port:
        desk.wait(1)
        port.write(b"\n>1 hello\nabc")
        assert port.readline().startswith(b"<1 ok ")
    desk.wait(0)
    assert desk.heard == b"\n>1 hello\nabc\n"


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n\r\n\n>1 display\n"])
def test_a_browser_is_sent_away(desk: Desk, request_line: bytes) -> None:
    with connect(desk) as browser:
        browser.sendall(request_line)
        assert browser.recv(100) == b""


def test_the_port_can_be_chosen_and_one_that_is_taken_is_an_error(desk: Desk) -> None:
    port = int(desk.doors.url.rpartition(":")[2])
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        Doors(lambda data: None, tcp_port=port)
    assert threading.active_count() == before
    desk.doors.close()
    with Doors(lambda data: None, tcp_port=port) as doors:
        assert doors.url == f"socket://127.0.0.1:{port}"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_nothing_is_left(desk: Desk) -> None:
    files, threads = os.listdir("/proc/self/fd"), threading.active_count()
    doors = Doors(lambda data: None)
    path = doors.pty
    with socket.create_connection(("127.0.0.1", int(doors.url.rpartition(":")[2])), timeout=PATIENCE) as host:
        doors.close()
        doors.close()
        assert host.recv(1) == b""
    assert os.listdir("/proc/self/fd") == files
    assert threading.active_count() == threads
    assert not os.path.exists(str(path))
