"""Tests of the card's receiver in noise: it never serves an altered request, and always serves the next valid request."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.firmware.fakes import Listener, frame

Served = tuple[int, str, dict[str, bytes]]

# Requests that need no check (docs/reference/protocol.md) are left out: nothing can detect that one was altered.
WORDS = st.sampled_from(["challenge", "key", "set", "entropy", "wipe", "personalize", "cancel", "selftest"])
NAMES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6)
FIELDS = st.dictionaries(NAMES, st.binary(max_size=16), max_size=4)
NOISE = st.one_of(st.binary(max_size=300), st.text(">*=% 0123challenge", max_size=300).map(str.encode))
FEW = settings(max_examples=100, deadline=None)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Served, bytes]:
    """Draw a request and its line."""
    number, word, fields = draw(st.integers(0, 0xFFFF)), draw(WORDS), draw(FIELDS)
    encoded = (
        f" {name}=" + "".join(f"%{c:02x}" if draw(st.booleans()) or not chr(c).isalnum() or c > 127 else chr(c) for c in value)
        for name, value in fields.items()
    )
    return (number, word, fields), frame(f">{number} {word}" + "".join(encoded))


class Card(Listener):
    """A card's receiver. Only requests with a valid check count."""

    @property
    def checked(self) -> list[Served]:
        return [(number, word, fields) for number, word, checked, fields in self.served if checked]

    def hear_all(self, data: bytes, splits: list[int] | None = None) -> "Card":
        at = 0
        for size in splits or []:
            self.hear(data[at : at + size])
            at += size
        self.hear(memoryview(data)[at:])
        return self


@FEW
@given(
    st.lists(requests(), max_size=6), st.lists(st.integers(0, 50), max_size=20), st.sampled_from([b"", b"\r", b"\n", b"\r\n"])
)
def test_requests_arrive_whole_however_they_are_cut_up(
    sent: list[tuple[Served, bytes]], splits: list[int], between: bytes
) -> None:
    stream = between.join(line for _, line in sent)
    assert Card().hear_all(stream, splits).checked == [request for request, line in sent if len(line) <= 241]


@FEW
@given(NOISE, requests(), NOISE, requests())
def test_next_good_line_is_served_after_any_noise(
    noise: bytes, first: tuple[Served, bytes], more: bytes, second: tuple[Served, bytes]
) -> None:
    card = Card().hear_all(noise + b"\n" + first[1] + more + b"\r\n" + second[1])
    assert card.checked == [request for request, line in (first, second) if len(line) <= 241]


@FEW
@given(requests(), st.data())
def test_altered_request_is_never_served(sent: tuple[Served, bytes], data: st.DataObject) -> None:
    # CRC-32 detects any three altered bits in a line of this length; it misses more of them once in 2**32 times.
    request, line = sent
    flips = data.draw(st.lists(st.integers(0, 8 * (len(line) - 1) - 1), min_size=1, max_size=3, unique=True))
    altered = bytearray(line)
    for bit in flips:
        altered[bit // 8] ^= 1 << bit % 8
    card = Card().hear_all(bytes(altered))
    assert card.checked == []
    card.hear_all(b"\n" + line)
    assert card.checked == ([request] if len(line) <= 241 else [])


@FEW
@given(requests(), st.data())
def test_cut_request_is_never_served(sent: tuple[Served, bytes], data: st.DataObject) -> None:
    _, line = sent
    start = data.draw(st.integers(0, len(line) - 2))
    stop = data.draw(st.integers(start + 1, len(line) - 1))
    assert Card().hear_all(line[:start] + line[stop:]).checked == []


@FEW
@given(requests(), NOISE)
def test_bytes_put_into_a_request_spoil_it(sent: tuple[Served, bytes], noise: bytes) -> None:
    request, line = sent
    middle = len(line) // 2
    noise = noise.replace(b"\n", b"").replace(b"\r", b"") or b"x"
    assert request not in Card().hear_all(line[:middle] + noise + line[middle:]).checked
