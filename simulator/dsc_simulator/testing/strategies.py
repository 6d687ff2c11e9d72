"""What a card can be given, as hypothesis strategies."""

from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_letters, digits, hexdigits
from urllib.parse import quote

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dsc_host import Suite
from dsc_simulator.board import KEYS
from dsc_simulator.profile import Profile

_LAST_COUNTER = 2**64 - 2
_SIGNS = {"N": digits, "A": digits + ascii_letters, "H": hexdigits}
_SPOILED = {
    "serial": ["", "ib3", "A" * 17],
    "suite": ["", "OCRA-1", "OCRA-1:HOTP-SHA256-9:QN06", "OCRA-1:HOTP-SHA256-8:QN06-T1M", "OCRA-1:HOTP-SHA256-8:QN03"],
    "key": ["", "00" * 15, "00" * 65, "0" * 33, "g" * 32],
    "pin": ["", "none"],
    "code": ["123", "12345", "123x"],
    "tries": ["0", "10", "x"],
    "counter": ["-1", str(_LAST_COUNTER + 1), "1" * 21],
    "unlock": ["", "00" * 31, "00" * 33],
    "name": ["x"],
}


@dataclass(frozen=True)
class LineRequest:
    """One request of docs/protocol.md. Without its `checked` sum, a card takes only what a person may type."""

    word: str
    values: Mapping[str, str] = field(default_factory=dict)
    checked: bool = True

    def line(self, number: int) -> bytes:
        """The request as it goes over the line, 0 to 65535 its number; the line end before it ends what noise came before."""
        body = " ".join([f">{number} {self.word}", *(f"{name}={quote(value)}" for name, value in self.values.items())]).encode()
        return b"\n%s%s\n" % (body, b"*%08x" % crc32(body) if self.checked else b"")


def keys() -> SearchStrategy[str]:
    """The 13 keys, by name; OK and C as often as all the digits together."""
    return st.sampled_from([*KEYS, *["OK", "C"] * 3])


def pins() -> SearchStrategy[str]:
    """PINs of 4 digits, few enough for a right one to be met."""
    return st.sampled_from(["1234", "0000", "9999"])


def pin_entries() -> SearchStrategy[str]:
    """What may be typed at `PIN>`: mostly a PIN, sometimes too few digits or too many."""
    return pins() | pins() | pins() | st.text(digits, max_size=6)


def counters() -> SearchStrategy[int]:
    """First counters, 0 to 2**64 - 2, mostly at either end."""
    return st.integers(0, 3) | st.integers(_LAST_COUNTER - 3, _LAST_COUNTER) | st.integers(0, _LAST_COUNTER)


def suites(pin: bool) -> SearchStrategy[str]:
    """Suites that every engine can serve (SHA-256 alone), with or without P; the default's question as often as all others."""
    lengths = st.integers(4, 12) | st.sampled_from([63, 64])
    return st.builds(
        "OCRA-1:HOTP-SHA256-{}:{}{}{}".format,
        st.sampled_from([8, 8, 4, 5, 6, 7]),
        st.sampled_from(["C-", "C-", ""]),
        st.just("QN06") | st.builds("Q{}{:02}".format, st.sampled_from("NAH"), lengths),
        st.just("-PSHA256" if pin else ""),
    )


def questions(suite: str) -> SearchStrategy[str]:
    """Questions that a card with this suite takes: exactly as long as it says. Raises SuiteError if it is malformed."""
    parsed = Suite.parse(suite)
    size = parsed.question_length
    return st.text(_SIGNS[parsed.question_format], min_size=size, max_size=size)


def profiles() -> SearchStrategy[Profile]:
    """Personalised cards of both PIN policies, with and without an unlock key."""
    serials = st.sampled_from(["A", "IB3000123", "Z-9" * 5])
    secrets = st.binary(min_size=16, max_size=64)
    ocra = st.builds(Profile, serial=serials, key=secrets, suite=suites(pin=True), counter=counters())
    return ocra | st.builds(
        Profile,
        serial=serials,
        key=secrets,
        suite=suites(pin=False),
        pin_policy=st.just("card"),
        pin=pins(),
        tries=st.none() | st.integers(1, 9),
        counter=counters(),
        unlock_key=st.none() | st.binary(min_size=32, max_size=32),
    )


def milliseconds() -> SearchStrategy[int]:
    """Times to wait: about the card's own 30 and 60 seconds, fractions of one, and days."""
    limits = [1, 500, 999, 1000, 29_000, 29_999, 30_000, 30_001, 31_000, 59_000, 59_999, 60_000, 60_001, 61_000]
    return st.sampled_from(limits) | st.sampled_from([86_400_000, 5 * 86_400_000]) | st.integers(0, 200_000)


def moments() -> SearchStrategy[float]:
    """When the power fails in a step: 0 at once, 1 after the longest that a step can take; a short step may be over before."""
    return st.integers(0, 1000).map(lambda n: n / 1000)


def cuts() -> SearchStrategy[float | None]:
    """Mostly None, for no cut; else one of `moments`."""
    return st.integers(0, 4000).map(lambda n: None if n < 3000 else (n - 3000) / 1000)


def line_requests() -> SearchStrategy[LineRequest]:
    """Requests with values right and wrong, and some that there are not."""
    return st.builds(LineRequest, st.just("key"), st.builds(lambda k: {"k": k}, keys() | st.sampled_from(["", "ok", "10"]))) | (
        st.one_of(
            st.sampled_from(["hello", "info", "display", "cancel", "wipe", "wipe", "selftest", "personalize", "reset"]).map(
                LineRequest
            ),
            _with("hello", "nonce", st.text(" *%=!~aZ", max_size=40)),
            _with("entropy", "n", st.sampled_from(["1", "64", "0", "65", "x", ""])),
            _with("challenge", "q", st.text(digits, max_size=8)),
            _with("set", "serial", st.just("B2")),
            st.sampled_from([(name, value) for name, values in _SPOILED.items() for value in values]).map(
                lambda pair: LineRequest("set", dict([pair]))
            ),
            st.builds(LineRequest, st.sampled_from(["hello", "info", "display", "wipe", "cancel"]), checked=st.just(False)),
        )
    )


def _with(word: str, name: str, values: SearchStrategy[str]) -> SearchStrategy[LineRequest]:
    return values.map(lambda value: LineRequest(word, {name: value}))


def noise() -> SearchStrategy[bytes]:
    """What a card must pass over: bytes that are no line, lines that are damaged or too long."""
    damaged = st.sampled_from(
        [
            b">1 cancel*00000000",
            b">1 wipe\n",
            b"1 hello",
            b">70000 hello",
            b">1 hello ",
            b">1 hello nonce=a nonce=b",
            b">1 hello nonce=%4",
            b">1 Hello",
            b"<1 ok",
            b">1 hello " + b"x" * 240,
        ]
    )
    return damaged | st.binary(max_size=300)
