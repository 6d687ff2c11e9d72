"""A card's events: kept while calls are made, fetched once, and waited for no longer than was said."""

import pytest
from tests.host.scripted_card import READ_TIME, Card, FakePort, checked

from dsc_host.errors import LinkTimeout, ProtocolError
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


def test_an_event_that_a_port_hands_over_in_pieces_is_found_in_a_short_wait(client: CardClient, port: FakePort) -> None:
    line = checked("!1 wipe done=0") + b"\n"
    for start in range(0, len(line), 8):
        port.deliver(line[start : start + 8])
    assert client.wait_event("wipe", 0.01).values == {"done": "0"}


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
