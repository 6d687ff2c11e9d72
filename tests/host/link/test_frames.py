"""Lines of the protocol: a line that was written is read back, and nothing else is accepted."""

import re
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.checkout import ROOT

from dsc_host.errors import InputError
from dsc_host.link.frames import Event, LineReader, Reply, Request, decode, encode_request, mask

PROTOCOL = ROOT / "docs" / "reference" / "protocol.md"
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
VALUES = st.dictionaries(WORDS, st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=3)
NOISE = st.binary(max_size=300)


def checked(body: str | bytes) -> bytes:
    """Return a line with its checksum as docs/reference/protocol.md describes it, written a second time."""
    raw = body.encode() if isinstance(body, str) else body
    return raw + b"*" + format(crc32(raw), "08x").encode()


def test_the_lines_on_the_protocols_page_are_understood() -> None:
    page = PROTOCOL.read_text(encoding="utf-8")
    lines = re.findall(r"^([<>!]\d+ .*?\*[0-9a-f]{8}) ", page + " ", re.MULTILINE)
    lines += re.findall(r"^([<>!]\d+ .*?\*[0-9a-f]{8})$", page, re.MULTILINE)
    assert [decode(line.encode()) for line in lines[:4]] == [
        Request(7, "challenge", {"q": "482913"}),
        Reply(7),
        Reply(7, code="state", text="card is off"),
        Event(12, "display", {"text": "CHALLNG>"}),
    ]


def test_a_request_is_written_as_on_the_protocols_page() -> None:
    assert encode_request(7, "challenge", {"q": "482913"}) == b">7 challenge q=482913*6ce14597"


def test_values_are_escaped_as_the_page_says() -> None:
    line = encode_request(0, "set", {"a": " *%=~!", "b": "", "c": "\n\x7fé"})
    assert line == checked(">0 set a=%20%2a%25%3d~! b= c=%0a%7f%c3%a9")


@given(st.integers(0, 65535), WORDS, VALUES)
def test_what_is_encoded_is_decoded_and_printable(seq: int, word: str, values: dict[str, str]) -> None:
    line = encode_request(seq, word, values)
    assert decode(line) == Request(seq, word, values)
    assert re.fullmatch(rb"[ -~]+", line)


@pytest.mark.parametrize(
    ("seq", "word", "values"),
    [
        (-1, "info", {}),
        (65536, "info", {}),
        (1, "Info", {}),
        (1, "", {}),
        (1, "info", {"a b": "1"}),
        (1, "info\n", {}),
        (1, "set", {"key": "\ud800"}),
    ],
)
def test_what_is_no_request_is_refused(seq: int, word: str, values: dict[str, str]) -> None:
    with pytest.raises(InputError):
        encode_request(seq, word, values)


def test_a_line_of_240_bytes_is_the_longest() -> None:
    room = 240 - len(encode_request(1, "set", {"key": ""}))
    longest = encode_request(1, "set", {"key": "x" * room})
    assert decode(longest) == Request(1, "set", {"key": "x" * room})
    assert LineReader().feed(longest + b"\r\n") == [longest]
    with pytest.raises(InputError, match="240") as caught:
        encode_request(1, "set", {"key": "x" * (room + 1)})
    assert "xxx" not in str(caught.value)
    too_long = checked(">1 set key=" + "x" * (room + 1))
    assert decode(too_long) is None
    assert LineReader().feed(too_long + b"\n") == []


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (checked("<0 ok"), Reply(0)),
        (checked("<65535 ok serial= pin=ocra"), Reply(65535, {"serial": "", "pin": "ocra"})),
        (checked("<1 ok a=%2A%2a%c3%a9"), Reply(1, {"a": "**é"})),
        (checked("<1 err bad-arg"), Reply(1, code="bad-arg")),
        (checked("<1 err bad-arg q: a=b, 100%25 %2a"), Reply(1, code="bad-arg", text="q: a=b, 100% *")),
        (checked("!3 response text=71234507"), Event(3, "response", {"text": "71234507"})),
        (b">1 hello", Request(1, "hello")),
        (b">1 hello nonce=x", Request(1, "hello", {"nonce": "x"})),
    ],
)
def test_lines_that_are_understood(line: bytes, frame: object) -> None:
    assert decode(line) == frame


NO_VALUES = (
    "ay",
    "  ok",
    " ",
    "  a=1",
    " a",
    " a=1 a=2",
    " A=1",
    " a1=1",
    " a=b=c",
    " a=1*2",
    " a=%",
    " a=%2",
    " a=%zz",
    " a=%ff",
    " a=\t",
)
NO_NUMBERS = ("65536", "000001", "-1", "")
NO_ERRORS = ("", " State off", " state 100%", " state %ff", " state a\tb")
GOOD = checked("<1 ok a=1")


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"*", b">>> ", b"<1 ok", b"!1 display text=A", b">1 set pin=ocra", b"<1 ok*00000000"),
        *(GOOD.replace(b"a=1", b"a=2"), GOOD.upper(), GOOD[:-8] + GOOD[-8:].upper(), GOOD + b" ", GOOD + b"\n"),
        *(checked(f"<1 ok{values}") for values in NO_VALUES),
        *(checked(f"<{number} ok") for number in NO_NUMBERS),
        *(checked(f"<1 err{words}") for words in NO_ERRORS),
        *(checked(start + "1 ok") for start in ("?", "x<", " <")),
        checked("<65536 err state off"),
        checked("<1  ok"),
        checked(b"<1 ok a=\xc3\xa9"),
    ],
)
def test_lines_that_are_ignored(line: bytes) -> None:
    assert decode(line) is None


@given(NOISE)
def test_noise_is_ignored_and_raises_nothing(noise: bytes) -> None:
    assert decode(noise) is None
    assert decode(checked(noise)) is None or re.match(rb"[<>!]\d+ ", noise)


LINE = checked("<4711 ok serial=IB3000123 counter=5")


def flipped(line: bytes, pattern: int, at: int) -> bytes:
    whole = int.from_bytes(line, "big") ^ (pattern << at)
    return whole.to_bytes(len(line), "big")


@given(st.integers(1, 2**32 - 1), st.integers(0, len(LINE) * 8 - 32))
def test_no_burst_of_32_bits_is_believed(pattern: int, at: int) -> None:
    assert decode(flipped(LINE, pattern, at)) is None


@given(st.lists(st.sampled_from([LINE, b"!1 x", b"\x03\x04", b"\r", b"\n", b"\r\n", b">>> ", b"\xff" * 250])), st.data())
def test_chunks_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    reader, lines = LineReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        lines += reader.feed(stream[start:end])
    assert lines == LineReader().feed(stream)


@given(NOISE, NOISE, st.sampled_from([b"\r", b"\n", b"\r\n"]))
def test_a_frame_comes_through_between_noise(before: bytes, after: bytes, end: bytes) -> None:
    reader = LineReader()
    lines = [line for byte in before + b"\n" + LINE + end + after + end for line in reader.feed(bytes([byte]))]
    frames = [frame for frame in map(decode, lines) if frame]
    assert frames == [Reply(4711, {"serial": "IB3000123", "counter": "5"})]


def test_lines_are_found_at_every_kind_of_end() -> None:
    assert LineReader().feed(b"a\rb\nc\r\nd\n\n\r\re\nf") == [b"a", b"b", b"c", b"d", b"e"]


def test_a_line_without_end_takes_no_memory_and_is_dropped_whole() -> None:
    reader = LineReader()
    for _ in range(1000):
        assert reader.feed(b"x" * 999) == []
    assert sum(len(part) for part in vars(reader).values() if isinstance(part, bytes)) <= 240
    assert reader.feed(LINE + b"\n" + LINE + b"\n") == [LINE]


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (checked(">1 set serial=A key=00112233 pin=ocra"), b">1 set serial=A key=**** pin=ocra*--------"),
        (checked(">1 set code=1234"), b">1 set code=****-"),
        (checked(">1 key k=7"), b">1 key k=****-"),
        (checked(">1 set unlock=001122334455"), b">1 set unlock=****-"),
        (checked("<1 ok tries=5 unlock=10"), checked("<1 ok tries=5 unlock=10")),
        (checked("<1 ok bytes=00ff"), b"<1 ok bytes=****-"),
        (checked("!1 response text=71234507"), b"!1 response text=****-"),
        (b">>> >1 sy" + b"ab" * 16, b">>> >1 sy****"),
        (checked("!1 display text=CHALLNG>"), checked("!1 display text=CHALLNG>")),
    ],
)
def test_secrets_and_what_would_give_them_away_are_masked(line: bytes, masked: bytes) -> None:
    assert mask(line) == masked.replace(b"****-", b"*****--------")


def test_a_request_shows_no_key() -> None:
    assert "c0ffee" not in repr(Request(1, "set", {"key": "c0ffee"}))
