"""Tests of the frames on the serial line: which lines are requests, which are ignored, and the format of the card's lines."""

import tracemalloc
from binascii import crc32

import pytest
from tests.firmware.fakes import KEY, Listener, Served, frame, lines

from dsc_firmware import link
from dsc_firmware.link import LINE_MAX, Sender, hex_value


def heard(data: bytes) -> list[Served]:
    return Listener().hear(data)


class Port:
    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)


HELLO = (7, "hello", True, {"nonce": b"x"})


@pytest.mark.parametrize(
    ("text", "served"),
    [
        (">7 hello", (7, "hello", True, {})),
        (">0 a", (0, "a", True, {})),
        (">65535 challenge q=482913", (65535, "challenge", True, {"q": b"482913"})),
        (">1 set a=1 b= c=%25%20%2A%3d%00%fF", (1, "set", True, {"a": b"1", "b": b"", "c": b"% *=\x00\xff"})),
        (">1 hello nonce=!\"#$&'()+,-./:;<>?@[\\]^_`{|}~", (1, "hello", True, {"nonce": b"!\"#$&'()+,-./:;<>?@[\\]^_`{|}~"})),
    ],
)
def test_request(text: str, served: Served) -> None:
    assert heard(frame(text)) == [served]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\n\r", b"\n\n\n"])
def test_line_ends(end: bytes) -> None:
    line = frame(">7 hello nonce=x").rstrip()
    assert heard(line + end) == [HELLO]
    assert heard(line + end + line + end) == [HELLO, HELLO]


def test_check_may_be_left_off() -> None:
    assert heard(b">7 info\n") == [(7, "info", False, {})]


BROKEN = (
    "|>|> hello|>7|>7 |>7hello|>7  hello|>7 hello |>7 Hello|>7 hell0|>7 hello!|>7 1|7 hello|<7 hello|!7 hello| >7 hello|"
    ">>7 hello|>-1 hello|>+1 hello|>1.0 hello|>x hello|>65536 hello|>99999 hello|>000007 hello|>7 hello nonce|>7 hello =x|"
    ">7 hello nonce==|>7 hello nonce=a=b|>7 hello nonce=a*b|>7 hello nonce=a  n=b|>7 hello  nonce=a|>7 hello nonce=a |"
    ">7 hello Nonce=a|>7 hello n0=a|>7 hello nonce=a nonce=a|>7 hello nonce=a n=1 nonce=b|>7 hello nonce=%|"
    ">7 hello nonce=%4|>7 hello nonce=%4g|>7 hello nonce=%g4|>7 hello nonce=%%|>7 hello nonce=% 41|>7 hello nonce=%4 n=1|"
    ">7 hello\tnonce=x|>7 hello nonce=\xe9|>7 hello nonce=\x7f|>7 hello nonce=\x00|\x00>7 hello|>7 hel\x00lo"
)
TOO_MANY_FIELDS = ">7 set " + " ".join(f"{chr(97 + n)}=1" for n in range(11))


@pytest.mark.parametrize("text", [*BROKEN.split("|"), TOO_MANY_FIELDS])
def test_line_that_breaks_a_rule_is_ignored_and_the_next_is_not(text: str) -> None:
    assert heard(frame(text) + frame(">7 hello nonce=x")) == [HELLO]


@pytest.mark.parametrize(
    "line",
    [
        b"*",
        b"********",
        b"*00000000",
        b">7 hello nonce=x*",
        b">7 hello nonce=x*00000000",
        frame(">7 hello nonce=x").rstrip() + b"0",
        frame(">7 hello nonce=x").rstrip()[:-1],
        frame(">7 hello nonce=x").rstrip() + b" ",
        b" " + frame(">7 hello nonce=x").rstrip(),
        frame(frame(">7 hello nonce=x").rstrip()).rstrip(),
        frame(">7 hello nonce=x").replace(b"*", b" *").rstrip(),
    ],
)
def test_line_whose_check_is_wrong_is_ignored(line: bytes) -> None:
    assert heard(line + b"\n") == []


def test_check_is_lower_case_hex() -> None:
    line = next(frame(f">{n} hello") for n in range(100) if any(c in b"abcdef" for c in frame(f">{n} hello")[-9:]))
    assert len(heard(line)) == 1
    assert heard(line[:-9] + line[-9:].upper()) == []


def of_length(size: int) -> bytes:
    """Return a valid line of `size` bytes before its end."""
    text = ">7 hello nonce="
    return frame(text + "x" * (size - 9 - len(text)))


def test_line_of_full_length_is_served_and_one_byte_more_is_not() -> None:
    assert len(of_length(240)) == 241
    assert len(heard(of_length(240))) == 1
    assert heard(of_length(241)) == []


@pytest.mark.parametrize("size", [242, 255, 256, 257, 480, 481, 10_000])
def test_line_too_long_is_ignored_up_to_its_end(size: int) -> None:
    assert heard(of_length(size) + of_length(30)) == heard(of_length(30))


@pytest.mark.parametrize("end", [b"%", b"%4", b"="])
def test_line_of_full_length_that_ends_too_early_is_ignored(end: bytes) -> None:
    assert heard(b">7 hello nonce=".ljust(240 - len(end), b"x") + end + b"\n" + frame(">7 hello nonce=x")) == [HELLO]


def test_good_line_at_the_end_of_a_line_too_long_is_not_served() -> None:
    assert heard(b"x" * 480 + frame(">7 hello")) == []


def test_bytes_without_an_end_take_no_memory() -> None:
    listener = Listener()
    noise = b"x" * 10_000
    listener.hear(noise)
    tracemalloc.start()
    for _ in range(10):
        listener.hear(noise)
    # Count only the firmware's memory: other threads of a test run have memory of their own.
    held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, link.__file__)])
    tracemalloc.stop()
    assert sum(trace.size for trace in held.traces) < 4096
    assert listener.hear(b"\n" + frame(">7 hello nonce=x")) == [HELLO]


@pytest.mark.parametrize("line", [frame(f">7 set key={KEY.hex()}"), f">7 set key={KEY.hex()}*0\n".encode(), b"x" * 300 + b"\n"])
def test_line_is_overwritten_once_it_has_been_served_or_ignored(line: bytes) -> None:
    listener = Listener()
    listener.hear(line)
    assert not any(listener.receiver._buffer)


def test_reply_with_values(port: Port, sender: Sender) -> None:
    sender.reply(7)
    sender.value(b"text", memoryview(b"a b*c%d=e\x00\xff~!"))
    sender.value(b"empty", b"")
    sender.hex_value(b"bytes", b"\x00\xfa")
    sender.send()
    assert lines(port.sent) == ["<7 ok text=a%20b%2ac%25d%3de%00%ff~! empty= bytes=00fa"]


def test_error_keeps_its_words_readable(port: Port, sender: Sender) -> None:
    sender.error(65535, "bad-arg", "q: 100% of 6 * digits = 6")
    assert lines(port.sent) == ["<65535 err bad-arg q: 100%25 of 6 %2a digits = 6"]


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def sender(port: Port) -> Sender:
    return Sender(port)


@pytest.mark.parametrize("number", [0, 1, 9, 10, 99, 100, 9999, 10000, 65535])
def test_numbers(port: Port, sender: Sender, number: int) -> None:
    sender.reply(number)
    sender.send()
    assert lines(port.sent) == [f"<{number} ok"]


def test_events_are_counted_and_wrap(port: Port, sender: Sender) -> None:
    sender._events = 0xFFFE
    for word in (b"display", b"wipe", b"boot"):
        sender.event(word)
        sender.send()
    assert lines(port.sent) == ["!65534 display", "!65535 wipe", "!0 boot"]


@pytest.mark.parametrize("data", [b"x" * 500, b" " * 100])
def test_line_never_grows_past_the_limit(port: Port, sender: Sender, data: bytes) -> None:
    sender.reply(65535)
    sender.value(b"text", data)
    sender.value(b"more", data)
    sender.send()
    assert len(port.sent) == LINE_MAX + 1
    assert port.sent[-10:-1] == b"*%08x" % crc32(port.sent[:-10])


def test_sent_line_is_overwritten(sender: Sender) -> None:
    sender.reply(1)
    sender.hex_value(b"bytes", KEY)
    sender.send()
    assert not any(sender._buffer)


def test_hex_value() -> None:
    for c in range(256):
        text = chr(c)
        assert hex_value(c) == (int(text, 16) if text in "0123456789abcdefABCDEF" else -1)
