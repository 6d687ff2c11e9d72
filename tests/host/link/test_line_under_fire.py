"""The client on a hostile line: it breaks no promise, the check would notice if it did, and earlier findings stay fixed."""

import dataclasses
import random
from binascii import crc32
from collections.abc import Callable

import pytest
from tests.host.link.scripted_card import KEY, Card, FakePort, checked
from tests.reliability import line
from tests.reliability.line_faults import line_faults
from tests.reliability.report import Scale

from dsc_host.errors import InputError, LinkClosed, LinkTimeout
from dsc_host.link import CardClient, client, frames, session


@pytest.mark.long
def test_no_promise_is_broken() -> None:
    rows = list(line.run(Scale.TEST))
    assert [str(row) for row in rows if not row.good] == []
    assert len({row.what for row in rows}) == len(rows) == len(line_faults()) + 1
    assert min(row.tried for row in rows) > 300


class AnyNumber(int):
    """A number that equals every number."""

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


@pytest.mark.long
@pytest.mark.parametrize(
    ("where", "name", "careless", "fault", "promise"),
    [
        (session, "decode", without_check, "bits flipped", "wrong replies"),
        (session, "decode", without_check, "wrong checks", "wrong replies"),
        (session, "decode", without_number, "earlier replies", "wrong replies"),
        (session.Session, "_sort_old_lines", lambda self, deadline: None, "an earlier run's replies", "wrong replies"),
        (session.Session, "_receive", without_deadline, "a card that never answers", "hangs"),
        (session, "_LOST", (), "unplugged in a reply", "foreign errors"),
        (frames.LineReader, "cut", cut_nothing, "bytes dropped", "not recovered"),
        (session, "mask_noise", bytes, "an echo in pieces", "keys leaked"),
        (session, "mask", bytes, "an echo", "keys leaked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_careless_client_is_found_out(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, careless: object, fault: str, promise: str
) -> None:
    monkeypatch.setattr(where, name, careless)
    (chosen,) = (each for each in line_faults() if each.name == fault)
    hosts = (host for seed in range(1, 12) for host in line.apply_fault(chosen, "cpython", 20, random.Random(seed)))
    assert any(host.broken[promise] for host in hosts)


# ---- findings ----


def test_a_line_whose_end_was_lost_costs_no_request_that_is_sent_once(client: CardClient, card: Card, port: FakePort) -> None:
    port.deliver(checked("<1 ok"))
    client.key("C")
    port.deliver(b"x" * 500)
    client.key("C")
    assert card.words == ["key", "key"]
    assert port.now < 0.1


EVENT = checked("!1 display text=PIN>")


@pytest.mark.parametrize(("before", "after"), [(EVENT[:9], EVENT[9:] + b"\r\n"), (EVENT, b"\r\n")])
def test_an_event_that_the_request_comes_in_the_middle_of_is_kept(
    client: CardClient, card: Card, port: FakePort, before: bytes, after: bytes
) -> None:
    port.deliver(before)
    card.line = lambda data: port.deliver(after + data)
    client.key("C")
    assert [event.values for event in client.events()] == [{"text": "PIN>"}]


@pytest.mark.parametrize(
    ("asked_at", "told"),
    [
        (7, [(5, "response text=11111111"), (8, "response text=71234507")]),  # The first belongs to an earlier question.
        (700, [(0, "boot state=off"), (9, "response text=71234507")]),  # The card has restarted.
        (65535, [(1, "response text=71234507")]),  # The numbers wrap.
        (7, [(7, "response text=11111111")]),  # Nothing comes after the one that is dropped.
    ],
)
def test_the_response_is_the_first_that_comes_after_its_question(
    client: CardClient, card: Card, asked_at: int, told: list[tuple[int, str]]
) -> None:
    card.tell(asked_at, "display text=482913")
    client.challenge("482913")
    for number, event in told:
        card.tell(number, event)
    if "71234507" in told[-1][1]:
        assert client.wait_response(1) == "71234507"
    else:
        with pytest.raises(LinkTimeout):
            client.wait_response(1)


def test_no_transcript_holds_a_piece_of_a_key_that_comes_back_in_pieces(port: FakePort, card: Card) -> None:
    log: list[bytes] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, said: log.append(said))
    pieces = [KEY.hex()[at : at + 20].encode() for at in range(0, 2 * len(KEY), 20)]
    card.line = lambda data: port.deliver(b"\n".join([*pieces, b">>> ", b""]) + data)
    client.key("1")
    client.display()
    assert not any(piece in said for piece in pieces for said in log)
    assert b">>> " in log, "text without secrets stays readable"


def test_no_message_holds_a_key_that_an_earlier_program_sent() -> None:
    words = client._describe_answer(b"login: >7 set key=" + KEY.hex().encode() + b"*12345678\r\n")
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
