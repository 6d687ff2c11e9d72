"""The client on a bad line: every call ends in time, with its own answer or an error, whatever happens to the bytes."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serial import SerialException, SerialTimeoutException
from tests.host.link.scripted_card import PROFILE, READ_TIME, Card, FakePort, checked, every_call

from dsc_host.errors import LinkClosed, LinkTimeout
from dsc_host.link import CardClient

RESENT = {"hello", "info", "display", "entropy", "cancel", "selftest"}


@every_call
def test_no_call_outlives_its_deadline_and_the_next_one_works(
    client: CardClient, card: Card, port: FakePort, call: Callable[[CardClient], object]
) -> None:
    card.deaf = 99
    with pytest.raises(LinkTimeout):
        call(client)
    assert 1.9 < port.now <= 2.0
    card.deaf = 0
    assert client.display() == "CHALLNG>"


@every_call
@pytest.mark.parametrize("chatter", [b"x", b"x" * 5000, b"\n", b">>> \r\n", checked("!1 display text=A") + b"\n"])
def test_bytes_that_never_stop_hold_no_call(
    client: CardClient, card: Card, port: FakePort, call: Callable[[CardClient], object], chatter: bytes
) -> None:
    card.deaf = 99
    port.endless = chatter
    with pytest.raises(LinkTimeout):
        call(client)
    assert port.now <= 2.0 + 2 * READ_TIME
    card.deaf, port.endless = 0, b""
    assert client.display() == "CHALLNG>"


@every_call
def test_a_port_that_takes_nothing_holds_no_call(
    client: CardClient, port: FakePort, call: Callable[[CardClient], object]
) -> None:
    port.write_error = SerialTimeoutException("Write timeout")
    with pytest.raises(LinkTimeout):
        call(client)
    assert port.now <= 2.0
    port.write_error = None
    assert client.display() == "CHALLNG>"


def test_a_write_late_in_a_call_gets_only_the_time_that_is_left(client: CardClient, card: Card, port: FakePort) -> None:
    limits = []

    def hear(data: bytes) -> None:
        limits.append((port.now, port.write_timeout))

    port.on_write = hear
    with pytest.raises(LinkTimeout):
        client.info()
    assert len(limits) == 3
    assert all(limit is not None and at + limit <= 2.0 + 1e-9 for at, limit in limits)


def test_a_slow_write_does_not_move_the_deadline(client: CardClient, card: Card, port: FakePort) -> None:
    def hear(_data: bytes) -> None:
        assert port.write_timeout is not None
        port.now += min(0.95, port.write_timeout)

    port.on_write = hear
    deadline = port.now + 1.0
    with pytest.raises(LinkTimeout, match="the card did not answer info"):
        client._session.ask("info", {}, deadline, resend=True)
    assert port.now <= deadline + READ_TIME


def test_a_compound_call_has_one_deadline_in_all(client: CardClient, card: Card, port: FakePort) -> None:
    card.line = lambda data: port.deliver(data, after=0.9)
    with pytest.raises(LinkTimeout):
        client.press("1", "2", "3")
    assert port.now <= 2.0
    assert len(card.asked) == 3


def test_a_port_without_write_timeouts_is_used_without(port: FakePort) -> None:
    class NoWriteTimeout(FakePort):
        @property
        def write_timeout(self) -> None:
            return None

        @write_timeout.setter
        def write_timeout(self, value: float | None) -> None:
            if value is not None:
                raise NotImplementedError

    port = NoWriteTimeout()
    Card(port)
    assert CardClient(port, clock=port.clock).display() == "CHALLNG>"


@every_call
def test_what_does_no_harm_is_asked_again_and_what_may_is_not(
    client: CardClient, card: Card, port: FakePort, call: Callable[[CardClient], object], request: pytest.FixtureRequest
) -> None:
    card.deaf = 2
    if request.node.callspec.id in RESENT:
        call(client)
        assert [asked == card.asked[0] for asked in card.asked] == [True] * 3
        assert port.now == pytest.approx(4 / 3, abs=0.05)
    elif request.node.callspec.id == "personalize":
        call(client)
        assert card.words == ["cancel"] * 3 + ["set"] * 3 + ["personalize"]
    else:
        with pytest.raises(LinkTimeout):
            call(client)
        assert len(card.asked) == 1


def test_the_profile_is_never_written_twice(client: CardClient, card: Card, port: FakePort) -> None:
    def lose_the_last(data: bytes) -> None:
        if card.words[-1] != "personalize":
            port.deliver(data)

    card.line = lose_the_last
    with pytest.raises(LinkTimeout):
        client.personalize(PROFILE)
    assert card.words.count("personalize") == 1


def test_every_request_has_a_line_end_before_it_and_a_number_of_its_own(client: CardClient, card: Card, port: FakePort) -> None:
    for _ in range(300):
        client.display()
    assert port.written.startswith(b"\n>")
    assert port.written.count(b"\n\n>") == 299
    assert len({number for number, _, _ in card.asked}) == 300


def test_numbers_wrap_and_do_not_begin_where_another_program_did(port: FakePort, card: Card) -> None:
    for _ in range(12):
        CardClient(port, clock=port.clock).display()
    assert len({number for number, _, _ in card.asked}) > 6
    client = CardClient(port, clock=port.clock)
    client._session._next_seq = 65535
    client.display()
    client.display()
    assert [number for number, _, _ in card.asked[-2:]] == [65535, 0]


@pytest.mark.parametrize(
    "bad_line",
    [
        pytest.param(lambda reply: [reply, reply, reply], id="repeated"),
        pytest.param(lambda reply: [bytes([byte]) for byte in reply], id="split"),
        pytest.param(lambda reply: [b"\x03\x04\xff" * 200 + b"\n", reply], id="after garbage"),
        pytest.param(lambda reply: [reply, b">>> \x03\n"], id="before garbage"),
        pytest.param(lambda reply: [b"MicroPython v1.27 on board\r\n>>> \r\n" + reply], id="after a banner"),
        pytest.param(lambda reply: [b"Traceback" + reply, reply], id="glued to garbage, then again"),
        pytest.param(lambda reply: [reply.replace(b"CHALLNG", b"CHALLNF"), reply], id="damaged, then again"),
        pytest.param(lambda reply: [reply[:9] + b"\r\n>>> " + reply[9:], reply], id="a prompt in its middle"),
        pytest.param(lambda reply: [checked("<" + str(int(reply[1:].split()[0]) ^ 1) + " ok text=NO") + b"\n", reply]),
        pytest.param(lambda reply: [checked(">1 display") + b"\n", reply], id="an echo"),
        pytest.param(lambda reply: [reply[:-2] + b"\r"], id="CR only"),
        pytest.param(lambda reply: [reply[:-2] + b"\n"], id="LF only"),
    ],
)
def test_one_good_reply_is_enough(
    client: CardClient, card: Card, port: FakePort, bad_line: Callable[[bytes], list[bytes]]
) -> None:
    def carry(data: bytes) -> None:
        for piece in bad_line(data):
            port.deliver(piece)

    card.line = carry
    for _ in range(3):
        assert client.display() == "CHALLNG>"
    assert len(card.asked) == 3


def test_a_prompt_that_swallows_a_reply_costs_one_more_request(client: CardClient, card: Card, port: FakePort) -> None:
    port.deliver(b"\r\n>>> ")
    assert client.display() == "CHALLNG>"
    assert len(card.asked) == 2


FAULTS = st.sampled_from(["drop", "twice", "flip", "late", "cut", "noise", "fine"])


@given(st.lists(FAULTS, min_size=1, max_size=30), st.integers(0, 2**32))
def test_whatever_the_line_does_a_call_gives_its_own_answer_or_an_error_in_time(faults: list[str], seed: int) -> None:
    port = FakePort()
    card = Card(port)
    pending = iter(faults)

    def carry(data: bytes) -> None:
        fault = next(pending, "fine")
        at = seed % len(data)
        flipped = data[:at] + bytes([data[at] ^ (1 << seed % 8)]) + data[at + 1 :]
        bad = {"drop": b"", "twice": data * 2, "flip": flipped, "cut": data[:at], "noise": b"\x00>>>\r\n" + data}
        port.deliver(bad.get(fault, data), after=1.1 if fault == "late" else 0.01)

    def answer(number: int, word: str, values: dict[str, str]) -> bytes:
        return checked(f"<{number} ok text={question}")

    card.reply, card.line = answer, carry  # type: ignore[method-assign]
    client = CardClient(port, clock=port.clock)
    for question in range(8):
        start = port.now
        try:
            assert client.display() == str(question)
        except LinkTimeout:
            assert faults != ["fine"] * len(faults)
        assert port.now - start <= 2.0 + 2 * READ_TIME
    port.now += 5
    question = 99
    pending = iter(())
    assert client.display() == "99"


@every_call
@pytest.mark.parametrize("error", [SerialException("gone"), OSError(5, "I/O error"), TypeError("fd is None")])
def test_a_port_that_fails_is_a_lost_link(
    client: CardClient, port: FakePort, call: Callable[[CardClient], object], error: Exception
) -> None:
    port.error = error
    with pytest.raises(LinkClosed):
        call(client)


def test_an_unplugged_card_in_the_middle_of_its_reply(client: CardClient, card: Card, port: FakePort) -> None:
    def unplug(data: bytes) -> None:
        port.deliver(data[:10])
        port.deliver(b"", after=0.1)

    card.line = unplug
    read = port.read

    def read_until_gone(size: int = 1) -> bytes:
        if port.now > 0.05:
            port.error = SerialException("device reports readiness to read but returned no data")
        return read(size)

    port.read = read_until_gone  # type: ignore[method-assign]
    with pytest.raises(LinkClosed, match="unplugged"):
        client.display()
    assert port.now < 0.2


@every_call
def test_a_closed_client_says_so(client: CardClient, port: FakePort, call: Callable[[CardClient], object]) -> None:
    client.close()
    client.close()
    assert port.closed
    with pytest.raises(LinkClosed, match="closed"):
        call(client)


def test_a_port_that_fails_to_close_is_closed_all_the_same(client: CardClient, port: FakePort) -> None:
    def fail() -> None:
        raise SerialException("gone")

    port.close = fail  # type: ignore[method-assign]
    client.close()
    with pytest.raises(LinkClosed):
        client.info()


class Socket(FakePort):
    """A port that counts its bytes as `socket://` does: 1 if any wait."""

    @property
    def in_waiting(self) -> int:
        return min(super().in_waiting, 1)


def test_a_reply_from_before_the_request_is_none_of_its_own_on_a_socket() -> None:
    port = Socket()
    card = Card(port)
    with CardClient(port, clock=port.clock) as client:
        client.display()
        port.deliver(checked(f"<{card.asked[-1][0] + 1 & 0xFFFF} ok text=STALE") + b"\r\n")
        assert client.display() == "CHALLNG>"
