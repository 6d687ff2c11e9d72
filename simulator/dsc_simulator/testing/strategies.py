"""Hypothesis strategies for all inputs of a card."""

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
    """One request of docs/reference/protocol.md.

    If `checked` is false, the request has no checksum. A card accepts only a few requests without a checksum.
    """

    word: str
    values: Mapping[str, str] = field(default_factory=dict)
    checked: bool = True

    def line(self, number: int) -> bytes:
        """Return the request as bytes, with its number, 0 to 65535. The line end before the request ends earlier noise."""
        body = " ".join([f">{number} {self.word}", *(f"{name}={quote(value)}" for name, value in self.values.items())]).encode()
        return b"\n%s%s\n" % (body, b"*%08x" % crc32(body) if self.checked else b"")


def keys() -> SearchStrategy[str]:
    """Return a strategy of the 13 keys, by name. OK and C together are nearly as frequent as all digits."""
    return st.sampled_from([*KEYS, *["OK", "C"] * 3])


def pins() -> SearchStrategy[str]:
    """Return a strategy of a few PINs of 4 digits, so that the right PIN is drawn often."""
    return st.sampled_from(["1234", "0000", "9999"])


def pin_entries() -> SearchStrategy[str]:
    """Return a strategy of entries at `PIN>`: mostly a PIN, sometimes too few digits or too many."""
    return pins() | pins() | pins() | st.text(digits, max_size=6)


def counters() -> SearchStrategy[int]:
    """Return a strategy of first counters, 0 to 2**64 - 2, mostly at either end."""
    return st.integers(0, 3) | st.integers(_LAST_COUNTER - 3, _LAST_COUNTER) | st.integers(0, _LAST_COUNTER)


def suites(pin: bool) -> SearchStrategy[str]:
    """Return a strategy of suites that every engine supports (SHA-256 only). `pin` says whether the suite has a PIN (P).

    The question of the default suite, QN06, is as frequent as all other questions together.
    """
    lengths = st.integers(4, 12) | st.sampled_from([63, 64])
    return st.builds(
        "OCRA-1:HOTP-SHA256-{}:{}{}{}".format,
        st.sampled_from([8, 8, 4, 5, 6, 7]),
        st.sampled_from(["C-", "C-", ""]),
        st.just("QN06") | st.builds("Q{}{:02}".format, st.sampled_from("NAH"), lengths),
        st.just("-PSHA256" if pin else ""),
    )


def questions(suite: str) -> SearchStrategy[str]:
    """Return a strategy of questions of the maximum length for this suite. Raise SuiteError for an invalid suite."""
    parsed = Suite.parse(suite)
    size = parsed.question_length
    return st.text(_SIGNS[parsed.question_format], min_size=size, max_size=size)


def profiles() -> SearchStrategy[Profile]:
    """Return a strategy of profiles of both PIN policies, with and without an unlock key."""
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
    """Return a strategy of times to wait: near the card's timeouts of 30 and 60 seconds, fractions of a second, and days."""
    limits = [1, 500, 999, 1000, 29_000, 29_999, 30_000, 30_001, 31_000, 59_000, 59_999, 60_000, 60_001, 61_000]
    return st.sampled_from(limits) | st.sampled_from([86_400_000, 5 * 86_400_000]) | st.integers(0, 200_000)


def moments() -> SearchStrategy[float]:
    """Return a strategy of moments at which the power fails in a step.

    0 is the beginning of the step, and 1 is after the longest possible step. A short step may end earlier.
    """
    return st.integers(0, 1000).map(lambda n: n / 1000)


def cuts() -> SearchStrategy[float | None]:
    """Return a strategy of power cuts: mostly None, which means no cut, and otherwise one of `moments`."""
    return st.integers(0, 4000).map(lambda n: None if n < 3000 else (n - 3000) / 1000)


def line_requests() -> SearchStrategy[LineRequest]:
    """Return a strategy of requests with right and wrong values, and of some requests that do not exist."""
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
    """Return a strategy of bytes that a card must ignore, for example a damaged line or a line that is too long."""
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
