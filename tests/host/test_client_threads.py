"""One client, many threads: calls do not mix, and a wait for an event keeps nobody from calling."""

import threading
import time

import pytest
from tests.host.scripted_card import Card, FakePort

from dsc_host.errors import DscError, LinkClosed
from dsc_host.link import CardClient, Event


@pytest.fixture
def waits(port: FakePort) -> threading.Event:
    """Set when somebody reads from the port."""
    reading, read = threading.Event(), port.read

    def read_and_tell(size: int = 1) -> bytes:
        reading.set()
        return read(size)

    port.read = read_and_tell  # type: ignore[method-assign]
    return reading


def test_calls_of_threads_do_not_interleave(port: FakePort, card: Card) -> None:
    client = CardClient(port, clock=port.clock)
    busy, overlaps = threading.Lock(), []
    hear = port.on_write

    def write_and_read(data: bytes) -> None:
        overlaps.append(not busy.acquire(blocking=False))
        hear(data)

    port.on_write = write_and_read
    read = port.read

    def read_and_leave(size: int = 1) -> bytes:
        data = read(size)
        if data.endswith(b"\n"):
            busy.release()
        return data

    port.read = read_and_leave  # type: ignore[method-assign]
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.extend(client.display() for _ in range(20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["CHALLNG>"] * 80
    assert not any(overlaps)


def test_a_thread_that_waits_for_an_event_lets_others_call(port: FakePort, card: Card, waits: threading.Event) -> None:
    client = CardClient(port, clock=port.clock, timeout=1e6)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(client.wait_event("wipe", 1e9)), daemon=True)
    thread.start()
    assert waits.wait(30)
    for _ in range(5):
        assert client.display() == "CHALLNG>"
    card.tell(1, "wipe done=1")
    thread.join(30)
    assert found == [Event(1, "wipe", {"done": "1"})]


def test_a_call_that_queues_goes_before_the_next_turn_of_a_wait(port: FakePort, card: Card) -> None:
    client = CardClient(port, clock=port.clock, timeout=1e6)
    reading, go_on, done = threading.Event(), threading.Event(), []
    read, hear = port.read, port.on_write

    def read_when_told(size: int = 1) -> bytes:
        reading.set()
        assert go_on.wait(30)
        done.append("read")
        return read(size)

    def write(data: bytes) -> None:
        done.append("write")
        hear(data)

    port.read, port.on_write = read_when_told, write  # type: ignore[method-assign]

    def wait() -> None:
        with pytest.raises(LinkClosed):
            client.wait_event("wipe", 1e9)

    waiter = threading.Thread(target=wait, daemon=True)
    caller = threading.Thread(target=client.display, daemon=True)
    waiter.start()
    assert reading.wait(30)
    caller.start()
    give_up = time.monotonic() + 30
    while not client._session._queue.locked() and time.monotonic() < give_up:
        pass
    assert client._session._queue.locked()
    go_on.set()
    caller.join(30)
    client.close()
    waiter.join(30)
    assert done[:2] == ["read", "write"]


def test_close_ends_a_wait_of_another_thread(port: FakePort, waits: threading.Event) -> None:
    client = CardClient(port, clock=port.clock)
    ended = []

    def wait() -> None:
        try:
            client.wait_event("wipe", 1e9)
        except DscError as error:
            ended.append(type(error))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert waits.wait(30)
    client.close()
    thread.join(30)
    assert ended == [LinkClosed]
