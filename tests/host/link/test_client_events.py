"""A card's events: they are kept, returned once, and waited for no longer than asked, while other threads make calls."""

import threading
import time

import pytest
from tests.host.link.scripted_card import READ_TIME, Card, FakePort, checked

from dsc_host.errors import DscError, LinkClosed, LinkTimeout, ProtocolError
from dsc_host.link import CardClient, Event


def test_events_are_kept_while_a_call_waits_and_fetched_once(client: CardClient, card: Card) -> None:
    card.tell(1, "display text=PIN>")
    card.tell(2, "boot state=off")
    assert client.display() == "CHALLNG>"
    assert client.events() == [Event(1, "display", {"text": "PIN>"}), Event(2, "boot", {"state": "off"})]
    assert client.events() == []


def test_events_that_came_without_a_call_are_there_too(client: CardClient, card: Card, port: FakePort) -> None:
    for number in range(5):
        card.tell(number, "display text=A")
    assert [event.seq for event in client.events()] == [0, 1, 2, 3, 4]
    start = port.now
    assert client.events() == []
    assert port.now == start
    port.endless = b"x"
    assert client.events() == []


def test_a_flood_of_events_leaves_the_newest_and_is_counted(client: CardClient, card: Card) -> None:
    for number in range(300):
        card.tell(number, f"display text={number}")
    client.display()
    assert [event.seq for event in client.events()] == list(range(44, 300))
    assert client.events_dropped == 44


def test_a_repeated_event_line_is_one_event_but_two_starts_are_two(client: CardClient, card: Card) -> None:
    for line in ("response text=1", "response text=1", "boot state=off", "boot state=off"):
        card.tell(0, line)
    card.tell(1, "display text=A")
    card.tell(2, "display text=A")
    assert [event.word for event in client.events()] == ["response", "boot", "boot", "display", "display"]


def test_wait_event_takes_its_own_and_leaves_the_others(client: CardClient, card: Card, port: FakePort) -> None:
    card.tell(1, "display text=WIPE?", after=3)
    card.tell(2, "wipe done=1", after=9)
    assert client.wait_event("wipe", 10) == Event(2, "wipe", {"done": "1"})
    assert port.now == pytest.approx(9, abs=0.1)
    assert client.wait_event("display", 0).values == {"text": "WIPE?"}
    with pytest.raises(LinkTimeout):
        client.wait_event("wipe", 0)


@pytest.mark.parametrize("seconds", [0.005, 0.019, 0.039])
def test_a_wait_is_as_long_as_asked_even_if_it_is_shorter_than_a_read(
    client: CardClient, card: Card, port: FakePort, seconds: float
) -> None:
    with pytest.raises(LinkTimeout):
        client.wait_event("wipe", seconds)
    assert seconds - 3 * READ_TIME <= port.now <= seconds
    usual = port.timeout
    card.tell(1, "wipe done=1", after=seconds - 3 * READ_TIME)
    assert client.wait_event("wipe", seconds).word == "wipe"
    assert port.timeout == usual


def test_an_event_that_a_port_hands_over_in_pieces_is_found_in_a_short_wait(client: CardClient, port: FakePort) -> None:
    line = checked("!1 wipe done=0") + b"\n"
    for start in range(0, len(line), 8):
        port.deliver(line[start : start + 8])
    assert client.wait_event("wipe", 0.01).values == {"done": "0"}


def test_a_response_is_kept_when_half_of_all_numbers_have_passed_since_the_challenge(client: CardClient, card: Card) -> None:
    card.tell(0, "boot state=off")
    client.display()
    client.challenge("482913")
    card.tell(20_000, "display text=A")
    card.tell(40_000, "display text=B")
    card.tell(40_001, "response text=03421046")
    assert client.wait_response(1) == "03421046"


@pytest.mark.parametrize("timeout", [0, 0.01, 5])
def test_wait_event_ends_in_time(client: CardClient, card: Card, port: FakePort, timeout: float) -> None:
    with pytest.raises(LinkTimeout, match="wipe"):
        client.wait_event("wipe", timeout)
    assert timeout - 0.05 <= port.now <= timeout
    port.endless = b"x"
    with pytest.raises(LinkTimeout, match="wipe"):
        client.wait_event("wipe", timeout)
    assert port.now <= 2 * timeout + 2 * READ_TIME


def test_wait_event_sees_what_is_there_already_without_any_time(client: CardClient, card: Card, port: FakePort) -> None:
    card.line = lambda data: card.port.deliver(data + checked("!1 wipe done=0") + b"\n")
    client.display()
    start = port.now
    assert client.wait_event("wipe", 1).values == {"done": "0"}
    assert port.now == start


def test_a_response_follows_its_question_and_an_earlier_one_is_forgotten(client: CardClient, card: Card) -> None:
    def carry(data: bytes) -> None:
        card.port.deliver(checked("!1 response text=11111111") + b"\r\n" + data)

    card.line = carry
    client.challenge("482913")
    card.tell(2, "response text=71234507", after=20)
    assert client.wait_response(60) == "71234507"


def test_a_response_in_one_piece_with_the_reply_is_kept(client: CardClient, card: Card) -> None:
    card.line = lambda data: card.port.deliver(data + checked("!2 response text=71234507") + b"\r\n")
    client.challenge("482913")
    assert client.wait_response(0) == "71234507"


def test_an_earlier_answer_to_wipe_is_forgotten(client: CardClient, card: Card) -> None:
    card.tell(1, "wipe done=1")
    card.tell(2, "display text=WIPE?")
    client.wipe()
    with pytest.raises(LinkTimeout):
        client.wait_event("wipe", 0)
    assert [event.word for event in client.events()] == ["display"]


@pytest.mark.parametrize("values", ["", " text=", " text=%0a", " digits=1"])
def test_a_response_that_is_none_is_a_protocol_error(client: CardClient, card: Card, values: str) -> None:
    card.tell(1, "response" + values)
    with pytest.raises(ProtocolError):
        client.wait_response(1)


@pytest.fixture
def waits(port: FakePort) -> threading.Event:
    """Return an event that is set when somebody reads from the port."""
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
