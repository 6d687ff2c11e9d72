"""The client against a card at the far end of a bad line. Only the port is made up, and time is its own: no test waits."""

import threading
import time
from binascii import crc32
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import digest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serial import SerialException, SerialTimeoutException

from dsc_host.errors import CardError, DscError, InputError, LinkClosed, LinkTimeout, ProtocolError
from dsc_host.link import CardClient, CardInfo, Event, Profile, derive_key

KEY = bytes(range(0xA0, 0xC0))
READ_TIME = 0.001


def checked(body: str) -> bytes:
    return f"{body}*{crc32(body.encode()):08x}".encode()


class FakePort:
    """A pyserial port on a clock that moves only while someone reads: bytes come when they are due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timeout: float | None = None
        self.write_timeout: float | None = None
        self.closed = False
        self.written = b""
        self.on_write: Callable[[bytes], None] = lambda data: None
        self.due: list[tuple[float, bytes]] = []
        self.endless = b""
        self.error: Exception | None = None
        self.write_error: Exception | None = None
        self.reads = 0

    def clock(self) -> float:
        return self.now

    def deliver(self, data: bytes, after: float = 0.0) -> None:
        self.due.append((self.now + after, data))
        self.due.sort(key=lambda item: item[0])

    @property
    def in_waiting(self) -> int:
        self._check()
        return sum(len(data) for at, data in self.due if at <= self.now) or len(self.endless)

    def read(self, size: int = 1) -> bytes:
        self._check()
        self.reads += 1
        assert self.timeout is not None, "a read without a timeout can hang"
        if not self.in_waiting:
            arrival = self.due[0][0] if self.due else self.now + self.timeout
            self.now = min(arrival, self.now + self.timeout)
        data = self._take(size)
        self.now += READ_TIME
        return data

    def write(self, data: bytes) -> int:
        self._check()
        if self.write_error:
            assert self.write_timeout is not None, "a write without a timeout can hang"
            self.now += self.write_timeout
            raise self.write_error
        self.written += data
        self.on_write(data)
        return len(data)

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.closed:
            raise SerialException("Attempting to use a port that is not open")
        if self.error:
            raise self.error

    def _take(self, size: int) -> bytes:
        if not self.due or self.due[0][0] > self.now:
            return self.endless[:size]
        at, data = self.due.pop(0)
        if data[size:]:
            self.due.insert(0, (at, data[size:]))
        return data[:size]


@dataclass
class Card:
    """Answers as docs/protocol.md says, and remembers what it was asked. `line` carries its replies: tests make it bad."""

    port: FakePort
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[int, str, str]] = field(default_factory=list)
    line: Callable[[bytes], None] = lambda data: None
    deaf: int = 0

    def __post_init__(self) -> None:
        self.port.on_write = self.hear
        self.line = self.port.deliver
        self.answers = {
            "hello": "ok nonce={nonce} protocol=1 firmware=0.1.0 serial=IB3000123 board=double state=off caps=keys",
            "info": "ok serial=IB3000123 suite=OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256 pin=ocra counter=7 tries=5 locked=0"
            " free=91000",
            "display": "ok text=CHALLNG>",
            "entropy": "ok bytes=" + "5a" * 32,
            "personalize": "ok serial=IB3000123",
            "selftest": "ok response=pass entropy=pass journal=pass",
        } | self.answers

    def hear(self, data: bytes) -> None:
        for line in filter(None, data.split(b"\n")):
            body, _, check = line.decode().partition("*")
            assert check == f"{crc32(body.encode()):08x}"
            number, word, *values = body[1:].split(" ")
            self.asked.append((int(number), word, " ".join(values)))
            if self.deaf:
                self.deaf -= 1
                continue
            self.line(self.reply(int(number), word, dict(value.split("=") for value in values)) + b"\r\n")

    def reply(self, number: int, word: str, values: dict[str, str]) -> bytes:
        return checked(f"<{number} " + self.answers.get(word, "ok").format(**values))

    def tell(self, number: int, event: str, after: float = 0.0) -> None:
        self.port.deliver(checked(f"!{number} {event}") + b"\r\n", after)

    @property
    def words(self) -> list[str]:
        return [word for _, word, _ in self.asked]


@pytest.fixture
def port() -> FakePort:
    return FakePort()


@pytest.fixture
def card(port: FakePort) -> Card:
    return Card(port)


@pytest.fixture
def client(port: FakePort, card: Card) -> Iterator[CardClient]:
    with CardClient(port, clock=port.clock) as client:
        yield client


PROFILE = Profile(serial="IB3000123", key=KEY)
CALLS: dict[str, Callable[[CardClient], object]] = {
    "hello": CardClient.hello,
    "info": CardClient.info,
    "display": CardClient.display,
    "entropy": CardClient.entropy,
    "personalize": lambda client: client.personalize(PROFILE),
    "challenge": lambda client: client.challenge("482913"),
    "cancel": CardClient.cancel,
    "wipe": CardClient.wipe,
    "key": lambda client: client.key("OK"),
    "enter": lambda client: client.enter("1234"),
    "selftest": CardClient.selftest,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
RESENT = {"hello", "info", "display", "entropy", "cancel", "selftest"}


# What the calls mean


def test_hello_tells_who_is_there(client: CardClient, card: Card) -> None:
    greeting = client.hello()
    assert (greeting.protocol, greeting.firmware, greeting.serial) == (1, "0.1.0", "IB3000123")
    assert (greeting.board, greeting.state, greeting.caps) == ("double", "off", frozenset({"keys"}))


def test_every_hello_has_a_nonce_of_its_own(client: CardClient, card: Card) -> None:
    client.hello()
    client.hello()
    first, second = (values for _, _, values in card.asked)
    assert first.startswith("nonce=")
    assert first != second


def test_info_of_a_card(client: CardClient) -> None:
    suite = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
    assert client.info() == CardInfo("IB3000123", suite, "ocra", 7, 5, False, 91000)


def test_info_of_a_blank_and_of_a_locked_card(client: CardClient, card: Card) -> None:
    card.answers["info"] = "ok serial= suite= pin= counter=0 tries=0 locked=1 free=1"
    assert client.info() == CardInfo("", "", "", 0, 0, True, 1)


def test_what_a_card_cannot_tell_is_none(client: CardClient, card: Card) -> None:
    card.answers["info"] = "ok serial=A suite=S pin=card counter=18446744073709551615 tries= locked=0 free="
    assert client.info() == CardInfo("A", "S", "card", 2**64 - 1, None, False, None)


def test_display_and_entropy(client: CardClient, card: Card) -> None:
    card.answers["display"] = "ok text=FAIL%201"
    assert client.display() == "FAIL 1"
    assert client.entropy() == b"\x5a" * 32
    card.answers["entropy"] = "ok bytes=00ff"
    assert client.entropy(2) == b"\x00\xff"
    assert card.asked[-1][2] == "n=2"


def test_keys_are_typed_in_order_and_the_display_is_read(client: CardClient, card: Card) -> None:
    assert client.enter("12") == "CHALLNG>"
    client.press("PRESS", "C")
    assert [values for _, word, values in card.asked if word == "key"] == ["k=1", "k=2", "k=OK", "k=PRESS", "k=C"]


def test_a_profile_is_staged_in_short_lines_and_then_written(client: CardClient, card: Card, port: FakePort) -> None:
    client.personalize(replace(PROFILE, pin_policy="card", code="1234", tries=3, counter=2**64 - 2, suite="%" * 48))
    assert card.words == ["cancel", "set", "set", "set", "personalize"], "what was staged before is forgotten first"
    values = dict(value.split("=") for _, word, line in card.asked for value in line.split())
    assert values == {
        "serial": "IB3000123",
        "suite": "%25" * 48,
        "key": KEY.hex(),
        "pin": "card",
        "code": "1234",
        "tries": "3",
        "counter": "18446744073709551614",
    }
    assert max(map(len, port.written.split(b"\n"))) <= 240


def test_a_profile_without_a_pin_of_its_own_sets_none(client: CardClient, card: Card) -> None:
    client.personalize(PROFILE)
    assert card.asked[1][2] == "serial=IB3000123 pin=ocra counter=0"


def test_a_refusal_is_a_card_error_with_its_words(client: CardClient, card: Card) -> None:
    card.answers["challenge"] = "err state card is off%1b[2J"
    with pytest.raises(CardError) as caught:
        client.challenge("482913")
    assert (caught.value.code, caught.value.text) == ("state", "card is off?[2J")


def test_a_refused_field_ends_the_personalisation(client: CardClient, card: Card) -> None:
    card.answers["set"] = f"err bad-arg key {KEY.hex()} is not hex"
    with pytest.raises(CardError) as caught:
        client.personalize(PROFILE)
    assert card.words == ["cancel", "set"]
    assert "a0a1a2" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda client: client.entropy(0), "n"),
        (lambda client: client.entropy(65), "n"),
        (lambda client: client.challenge(""), "question"),
        (lambda client: client.challenge("1" * 65), "question"),
        (lambda client: client.challenge("48\n"), "question"),
        (lambda client: client.key("ok"), "key"),
        (lambda client: client.press("1", "123"), "key"),
        (lambda client: client.enter("12a"), "digits"),
        (lambda client: client.enter("１２"), "digits"),  # noqa: RUF001
        (lambda client: client.wait_event("wipe", float("nan")), "timeout"),
    ],
)
def test_a_wrong_argument_never_reaches_the_card(
    client: CardClient, port: FakePort, call: Callable[[CardClient], object], field: str
) -> None:
    with pytest.raises(InputError) as caught:
        call(client)
    assert caught.value.field == field
    assert "123" not in str(caught.value)
    assert port.written == b""


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_positive_number(port: FakePort, timeout: float) -> None:
    with pytest.raises(InputError, match="timeout"):
        CardClient(port, timeout=timeout)


# Replies that pass their check and still are none

GOOD = Card(FakePort()).answers


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("hello", GOOD["hello"].replace("{nonce}", "0123456789abcdef")),
        ("hello", GOOD["hello"].replace("nonce={nonce} ", "")),
        ("hello", GOOD["hello"].replace("protocol=1", "protocol=2")),
        ("hello", GOOD["hello"].replace("protocol=1", "protocol=x")),
        ("hello", GOOD["hello"].replace(" board=double", "")),
        ("hello", GOOD["hello"].replace("double", "%1b[2J")),
        ("info", GOOD["info"].replace(" suite=", " x=")),
        ("info", GOOD["info"].replace(" pin=", " x=")),
        ("info", GOOD["info"].replace(" tries=", " x=")),
        ("info", GOOD["info"].replace(" locked=", " x=")),
        ("info", GOOD["info"].replace(" free=", " x=")),
        ("info", "ok"),
        ("info", GOOD["info"].replace("counter=7", "counter=seven")),
        ("info", GOOD["info"].replace("counter=7", "counter=-7")),
        ("info", GOOD["info"].replace("counter=7", "counter=")),
        ("info", GOOD["info"].replace("counter=7", "counter=18446744073709551616")),
        ("info", GOOD["info"].replace("counter=7", "counter=%d9%a7")),
        ("info", GOOD["info"].replace("counter=7", "counter=" + "9" * 90)),
        ("info", GOOD["info"].replace("tries=5", "tries=10")),
        ("info", GOOD["info"].replace("locked=0", "locked=2")),
        ("info", GOOD["info"].replace("pin=ocra", "pin=none")),
        ("display", "ok"),
        ("display", "ok text=123456789"),
        ("display", "ok text=A%07"),
        ("entropy", "ok"),
        ("entropy", "ok bytes=" + "5a" * 31),
        ("entropy", "ok bytes=" + "5a" * 33),
        ("entropy", "ok bytes=" + "5g" * 32),
        ("personalize", "ok serial=OTHER"),
        ("personalize", "ok"),
        ("selftest", "ok response=pass entropy=fail journal=pass"),
        ("selftest", "ok response=pass entropy=pass"),
    ],
)
def test_a_reply_that_breaks_its_own_rules_is_a_protocol_error(client: CardClient, card: Card, word: str, answer: str) -> None:
    good, card.answers[word] = card.answers[word], answer
    with pytest.raises(ProtocolError) as caught:
        CALLS[word](client)
    assert "5a5a" not in str(caught.value)
    card.answers[word] = good
    CALLS[word](client)


# Deadlines


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


def test_a_compound_call_has_one_deadline_in_all(client: CardClient, card: Card, port: FakePort) -> None:
    card.line = lambda data: port.deliver(data, after=0.9)
    with pytest.raises(LinkTimeout):
        client.press("1", "2", "3")
    assert port.now <= 2.0
    assert len(card.asked) == 3


def test_a_short_timeout_is_kept_too(port: FakePort, card: Card) -> None:
    card.deaf = 99
    with CardClient(port, timeout=0.01, clock=port.clock) as client, pytest.raises(LinkTimeout):
        client.info()
    assert 0.005 < port.now <= 0.01 + 1e-9


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


# A line that loses, repeats, damages and mixes up


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


def test_a_reply_that_comes_too_late_is_not_taken_for_the_next_one(client: CardClient, card: Card, port: FakePort) -> None:
    card.line = lambda data: port.deliver(data, after=2.05)
    card.answers["display"] = "ok text=OLD"
    with pytest.raises(LinkTimeout):
        client.display()
    card.line = lambda data: port.deliver(data, after=0.5)
    card.answers["display"] = "ok text=NEW"
    assert client.display() == "NEW"
    assert client.display() == "NEW"


def test_a_second_reply_to_a_request_that_was_sent_twice_is_dropped(client: CardClient, card: Card, port: FakePort) -> None:
    shown = iter(["ONE", "TWO", "THREE", "FOUR"])

    def slow(number: int, word: str, values: dict[str, str]) -> bytes:
        return checked(f"<{number} ok text={next(shown)}")

    card.reply = slow  # type: ignore[method-assign]
    card.line = lambda data: port.deliver(data, after=0.7)
    assert client.display() == "ONE"
    assert client.display() == "THREE"


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


def test_a_reply_that_was_damaged_is_asked_for_again(client: CardClient, card: Card, port: FakePort) -> None:
    card.line = lambda data: port.deliver(data if len(card.asked) == 2 else data.replace(b"CH", b"HC"))
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


# A port that is gone


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


def test_a_client_closes_its_port_at_the_end_of_with(port: FakePort) -> None:
    with CardClient(port):
        pass
    assert port.closed


def test_a_port_that_fails_to_close_is_closed_all_the_same(client: CardClient, port: FakePort) -> None:
    def fail() -> None:
        raise SerialException("gone")

    port.close = fail  # type: ignore[method-assign]
    client.close()
    with pytest.raises(LinkClosed):
        client.info()


# Events


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


# Threads


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


def test_a_thread_that_waits_for_an_event_lets_others_call(port: FakePort, card: Card) -> None:
    client = CardClient(port, clock=port.clock, timeout=1e6)
    waits = threading.Event()
    read = port.read

    def read_and_tell(size: int = 1) -> bytes:
        waits.set()
        return read(size)

    port.read = read_and_tell  # type: ignore[method-assign]
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


def test_close_ends_a_wait_of_another_thread(port: FakePort) -> None:
    client = CardClient(port, clock=port.clock)
    waits, ended = threading.Event(), []
    read = port.read

    def read_and_tell(size: int = 1) -> bytes:
        waits.set()
        return read(size)

    port.read = read_and_tell  # type: ignore[method-assign]

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


# Secrets


def test_nothing_shows_the_key_or_the_pin(port: FakePort, card: Card) -> None:
    log: list[tuple[str, bytes]] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, line: log.append((direction, line)))
    profile = replace(PROFILE, pin_policy="card", code="9876")
    card.line = lambda data: port.deliver(b">>> >1 set key=" + KEY.hex().encode() + b"\r\n" + data)
    client.personalize(profile)
    client.press("9", "8")
    client.entropy()
    assert [direction for direction, _ in log].count("sent") == 8
    everything = f"{log!r} {profile!r} {client!r}"
    assert not any(secret in everything for secret in (KEY.hex()[:12], "9876", "k=9", "k=8", "5a5a5a", repr(KEY)))
    assert any(line.endswith(b" key=*****--------") for _, line in log)


def test_a_transcript_holds_both_directions_in_order(port: FakePort, card: Card) -> None:
    log: list[tuple[str, bytes]] = []
    client = CardClient(port, clock=port.clock, transcript=lambda direction, line: log.append((direction, line)))
    client.display()
    number = card.asked[0][0]
    assert log == [
        ("sent", checked(f">{number} display")),
        ("received", checked(f"<{number} ok text=CHALLNG>")),
    ]


# Profiles and keys


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("serial", {"serial": ""}),
        ("serial", {"serial": "A" * 17}),
        ("serial", {"serial": "ib3"}),
        ("serial", {"serial": "IB3\n"}),
        ("serial", {"serial": None}),
        ("suite", {"suite": ""}),
        ("suite", {"suite": "O" * 49}),
        ("suite", {"suite": "OCRA 1"}),
        ("suite", {"suite": "OCRA\n"}),
        ("suite", {"suite": None}),
        ("key", {"key": bytes(15)}),
        ("key", {"key": bytes(65)}),
        ("key", {"key": "a0" * 32}),
        ("pin_policy", {"pin_policy": "none"}),
        ("code", {"pin_policy": "card"}),
        ("code", {"pin_policy": "card", "code": "123"}),
        ("code", {"pin_policy": "card", "code": "12345"}),
        ("code", {"pin_policy": "card", "code": "１２３４"}),  # noqa: RUF001
        ("code", {"pin_policy": "card", "code": 1234}),
        ("code", {"code": "1234"}),
        ("tries", {"tries": 4}),
        ("tries", {"pin_policy": "card", "code": "1234", "tries": 0}),
        ("tries", {"pin_policy": "card", "code": "1234", "tries": 10}),
        ("tries", {"pin_policy": "card", "code": "1234", "tries": True}),
        ("counter", {"counter": -1}),
        ("counter", {"counter": 2**64 - 1}),
        ("counter", {"counter": 1.0}),
    ],
)
def test_a_profile_that_no_card_takes_cannot_be_made(field: str, values: dict[str, object]) -> None:
    given = {"serial": "IB3000123", "key": KEY} | values
    with pytest.raises(InputError) as caught:
        Profile(**given)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert "1234" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"serial": "A"},
        {"serial": "A-0123456789-XYZ"},
        {"key": bytes(16)},
        {"key": bytes(64)},
        {"counter": 2**64 - 2},
        {"suite": "O" * 48},
        {"pin_policy": "card", "code": "0000", "tries": 1},
        {"pin_policy": "card", "code": "9999", "tries": 9},
    ],
)
def test_profiles_at_the_edge_of_what_is_allowed(values: dict[str, object]) -> None:
    Profile(**({"serial": "IB3000123", "key": KEY} | values))  # type: ignore[arg-type]


def expand(material: bytes, info: bytes, length: int) -> bytes:
    """HKDF of RFC 5869, written down a second time."""
    secret, block, out = digest(bytes(32), material, sha256), b"", b""
    for number in range(1, 3):
        block = digest(secret, block + info + bytes([number]), sha256)
        out += block
    return out[:length]


@pytest.mark.parametrize("length", [16, 32, 64])
def test_the_key_comes_from_both_sides_the_serial_and_the_purpose(length: int) -> None:
    host, card = bytes(range(16)), bytes(range(50, 90))
    material = b"\0\0\0\x10" + host + card
    assert derive_key(host, card, "IB3", length) == expand(material, b"dscplus card key 1\0IB3", length)


def test_no_two_of_its_inputs_give_the_same_key() -> None:
    one, two = bytes(range(20)), bytes(range(20, 60))
    keys = {
        derive_key(one, two, "A"),
        derive_key(two, one, "A"),
        derive_key(one, two, "B"),
        derive_key(one + two[:1], two[1:], "A"),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("host entropy", (bytes(15), bytes(16), "A")),
        ("card entropy", (bytes(16), bytes(15), "A")),
        ("serial", (bytes(16), bytes(16), "")),
        ("length", (bytes(16), bytes(16), "A", 15)),
        ("length", (bytes(16), bytes(16), "A", 65)),
    ],
)
def test_too_little_entropy_makes_no_key(field: str, arguments: tuple[bytes, bytes, str]) -> None:
    with pytest.raises(InputError) as caught:
        derive_key(*arguments)
    assert caught.value.field == field
