"""The client on a hostile line: no promise is broken there; that one would be noticed; and what such lines once found."""

import dataclasses
import random
from binascii import crc32
from collections.abc import Callable

import pytest
from tests.host.scripted_card import KEY, Card, FakePort, checked
from tests.reliability import line
from tests.reliability.line_injuries import injuries
from tests.reliability.report import Scale

from dsc_host.errors import InputError, LinkClosed, LinkTimeout
from dsc_host.link import CardClient, client, frames, session


@pytest.mark.long
def test_no_promise_is_broken() -> None:
    rows = list(line.run(Scale.TEST))
    assert [str(row) for row in rows if not row.good] == []
    assert len({row.what for row in rows}) == len(rows) == len(injuries()) + 1
    assert min(row.tried for row in rows) > 300


# A client that breaks a promise is found out


class AnyNumber(int):
    """Equal to every number."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


def without_check(data: bytes) -> frames.Frame | None:
    body = data.rpartition(b"*")[0]
    return frames.decode(b"%s*%08x" % (body, crc32(body)))


def without_number(data: bytes) -> frames.Frame | None:
    frame = frames.decode(data)
    return dataclasses.replace(frame, seq=AnyNumber(0)) if isinstance(frame, frames.Reply) else frame


def without_deadline(self: session.Session, deadline: float) -> bool:
    self._read(wait=True)
    return True


def cut_nothing(self: frames.LineReader) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("where", "name", "careless", "injury", "promise"),
    [
        (session, "decode", without_check, "bits flipped", "wrong replies"),
        (session, "decode", without_check, "wrong checks", "wrong replies"),
        (session, "decode", without_number, "earlier replies", "wrong replies"),
        (session.Session, "_take_in_old", lambda self, deadline: None, "an earlier run's replies", "wrong replies"),
        (session.Session, "_receive", without_deadline, "a card that never answers", "hangs"),
        (session, "_LOST", (), "unplugged in a reply", "foreign errors"),
        (frames.LineReader, "cut", cut_nothing, "bytes dropped", "not well again"),
        (session, "mask_noise", bytes, "an echo in pieces", "keys told"),
        (session, "mask", bytes, "an echo", "keys told"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_careless_client_is_found_out(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, careless: object, injury: str, promise: str
) -> None:
    monkeypatch.setattr(where, name, careless)
    (chosen,) = (each for each in injuries() if each.name == injury)
    assert sum(host.broken[promise] for host in line.suffer(chosen, "cpython", 200, random.Random(1))) > 0


# What was found


def test_a_reply_that_came_before_its_request_is_not_believed(client: CardClient, card: Card, port: FakePort) -> None:
    port.deliver(checked(f"<{client._session._next_seq} ok text=OLD") + b"\r\n")
    assert client.display() == "CHALLNG>"


def test_a_line_whose_end_was_lost_costs_no_request_that_is_sent_once(client: CardClient, card: Card, port: FakePort) -> None:
    port.deliver(checked("<1 ok"))
    client.key("C")
    port.deliver(b"x" * 500)
    client.key("C")
    assert card.words == ["key", "key"]
    assert port.now < 0.1


def test_a_line_that_began_before_the_request_is_taken_whole(client: CardClient, card: Card, port: FakePort) -> None:
    event = checked("!1 display text=PIN>") + b"\r\n"
    port.deliver(event[:9])
    card.line = lambda data: port.deliver(event[9:] + data)
    client.key("C")
    assert [event.values for event in client.events()] == [{"text": "PIN>"}]


def test_an_event_whose_end_comes_after_the_request_is_kept(client: CardClient, card: Card, port: FakePort) -> None:
    port.deliver(checked("!1 display text=PIN>"))
    card.line = lambda data: port.deliver(b"\r\n" + data)
    client.key("C")
    assert [event.values for event in client.events()] == [{"text": "PIN>"}]


def test_a_response_to_an_earlier_question_that_comes_late_is_dropped(client: CardClient, card: Card) -> None:
    card.tell(7, "display text=482913")
    client.challenge("482913")
    card.tell(5, "response text=11111111")
    card.tell(8, "response text=71234507")
    assert client.wait_response(1) == "71234507"


def test_a_response_of_a_card_that_has_started_again_is_kept(client: CardClient, card: Card) -> None:
    card.tell(700, "display text=482913")
    client.challenge("482913")
    card.tell(0, "boot state=off")
    card.tell(9, "response text=71234507")
    assert client.wait_response(1) == "71234507"


def test_the_numbers_of_events_wrap(client: CardClient, card: Card) -> None:
    card.tell(65535, "display text=482913")
    client.challenge("482913")
    card.tell(1, "response text=71234507")
    assert client.wait_response(1) == "71234507"


def test_no_transcript_holds_a_piece_of_a_key_that_comes_back_in_pieces(port: FakePort, card: Card) -> None:
    log: list[bytes] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, said: log.append(said))
    pieces = [KEY.hex()[at : at + 20].encode() for at in range(0, 2 * len(KEY), 20)]
    card.line = lambda data: port.deliver(b"\n".join([*pieces, b">>> ", b""]) + data)
    client.key("1")
    client.display()
    assert not any(piece in said for piece in pieces for said in log)
    assert b">>> " in log, "what is no secret stays readable"


def test_no_message_holds_a_key_that_an_earlier_program_sent() -> None:
    words = client._what_is_there(b"login: >7 set key=" + KEY.hex().encode() + b"*12345678\r\n")
    assert "a0a1" not in words
    assert KEY.hex()[-8:] not in words
    assert "key=****" in words


def test_fetching_events_ends_in_time_on_a_line_that_never_falls_silent(client: CardClient, port: FakePort) -> None:
    port.endless = b"\n"
    client.events()
    assert port.now <= 2.0 + 0.002


@pytest.mark.parametrize("call", [CardClient.display, CardClient.events, lambda client: client.key("C")])
def test_a_port_that_vanishes_while_it_is_set_up_is_a_lost_link(
    client: CardClient, port: FakePort, call: Callable[[CardClient], object]
) -> None:
    port.error = pytest.importorskip("termios").error(5, "Input/output error")
    with pytest.raises(LinkClosed):
        call(client)


def test_a_line_of_more_than_ten_values_is_none() -> None:
    values = dict.fromkeys("abcdefghijk", "1")
    line = checked("<1 ok" + "".join(f" {name}=1" for name in values))
    assert frames.decode(line) is None
    assert frames.decode(checked(line.decode().rpartition(" ")[0])) == frames.Reply(1, dict(list(values.items())[:10]))
    with pytest.raises(InputError, match="10"):
        frames.encode_request(1, "set", values)


def test_a_response_that_never_comes_is_waited_for_no_longer_after_one_that_was_dropped(client: CardClient, card: Card) -> None:
    card.tell(7, "display text=482913")
    client.challenge("482913")
    card.tell(7, "response text=11111111")
    with pytest.raises(LinkTimeout):
        client.wait_response(1)
