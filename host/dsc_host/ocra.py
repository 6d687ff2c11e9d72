"""OCRA (RFC 6287): the response of a card to a challenge, for every suite that the RFC allows.

Three promises:

1. A suite is parsed strictly. Anything that the RFC's grammar does not allow raises a `SuiteError` that names the wrong part.
2. A missing input and an input that the suite does not use are both refused, with an `InputError` that names the field. No
   message ever holds a key, a PIN, a response or session data.
3. No secret is cached. The only cache of the module holds parsed suites.

    suite = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
    suite.response(key, "482913", counter=5, pin="1234")

Decisions where the RFC leaves room:

- Q, P, S and T without details mean the RFC's defaults: QN08, PSHA1, S064 and T1M. The text of the suite is hashed as written,
  so `T` and `T1M` have the same meaning but give different responses.
- A question length below ten may be written with one digit, as in the RFC's own example `QH8-S512` (section 6.4).
- Session data is 1 to 999 bytes long: the RFC allows any length that three digits can express.
- A time step of zero hours is malformed (erratum 3729).
- A PIN is hashed as UTF-8, exactly as given, without Unicode normalization or trimming.
"""

import hashlib
import re
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from dsc_host.errors import InputError, SuiteError

HashName: TypeAlias = Literal["sha1", "sha256", "sha512"]
Question: TypeAlias = str | tuple[str, str]
"""One challenge, or the two challenges of a mutual challenge-response in the order in which they are joined (RFC 6287, 7.2)."""

DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
"""The default suite of a card: counter, 6-digit question, PIN, 8-digit response."""
QUESTION_BYTES = 128
"""The number of bytes of a question in the hashed data, for every suite (RFC 6287, 5.1)."""
MIN_KEY_BYTES, MAX_KEY_BYTES = 16, 128
"""The limits of a key's length in bytes: the minimum of RFC 4226 (R6), and the block size of SHA-512."""

_HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_BLOCK_BYTES = {"sha1": 64, "sha256": 64, "sha512": 128}
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))
_WORD = struct.Struct(">I")
_MODULI = tuple(10**digits for digits in range(11))
_UINT64_END = 1 << 64
_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)}
_MINUS = "\N{MINUS SIGN}"  # Not a dash in Unicode, but some programs write it in place of a dash.


@dataclass(frozen=True, slots=True)
class Suite:
    """An OCRA suite (RFC 6287, section 6). `Suite.parse` makes it; do not construct it directly. It holds no secret.

    Attributes:
        text: The suite as written; it is part of the hashed data.
        hash: The hash of the HMAC.
        digits: The number of digits of a response: 4 to 10, or 0 for the whole MAC in lower-case hex.
        counter: Whether a counter is an input.
        question_format: `N` for decimal digits, `A` for ASCII letters and digits, or `H` for hex digits.
        question_length: The maximum length of a question in characters: 4 to 64.
        pin_hash: The hash of the PIN. None if the PIN is not an input.
        session: The number of bytes of session data, 1 to 999. None if session data is not an input.
        time_step: The number of seconds in a time step, 1 to 172,800 (48 hours). None if the time is not an input.

    Examples:
        >>> from dsc_host import Suite
        >>> suite = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
        >>> suite.response(bytes(range(32)), "482913", counter=0, pin="1234")
        '03421046'
    """

    text: str
    hash: HashName
    digits: int
    counter: bool
    question_format: str
    question_length: int
    pin_hash: HashName | None
    session: int | None
    time_step: int | None

    @classmethod
    def parse(cls, text: str) -> "Suite":
        """Return the suite in `text`, as in `OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256`. Raises `SuiteError` if it is malformed.

        The text must be in upper case, without blanks, and in the order C-Q-P-S-T. Results are cached.
        """
        if not isinstance(text, str):
            raise SuiteError("must be text")
        return _parse(text)

    def response(
        self,
        key: bytes,
        question: Question,
        *,
        counter: int | None = None,
        pin: str | None = None,
        session: bytes | None = None,
        timestamp: int | None = None,
    ) -> str:
        """Return the response to `question`, as a card shows it.

        `key` is 16 to 128 bytes. Each of the other four inputs is required if the suite uses it, and refused if not. `counter`
        is 0 to 2**64 - 1. `pin` is any text that is not empty. `session` has at least 1 byte, and at most as many bytes as the
        suite says. `timestamp` is a number of time steps, not of seconds: `time_steps` converts a time to it. Raises
        `InputError`, which names the invalid input.
        """
        inner_pad, outer_pad = self._pads(key)
        new_hash = _HASHES[self.hash]
        inputs = self._head(counter) + self._tail(self.encode_question(question), self._pin_bytes(pin), session, timestamp)
        return self._shorten(new_hash(outer_pad + new_hash(inner_pad + inputs).digest()).digest())

    def prepare(self, key: bytes, pin: str | None = None) -> "Responder":
        """Return a `Responder` for `key`, 16 to 128 bytes, and `pin`, any text that is not empty. Both are hashed here, once.

        Raises `InputError` for a key of another length, and for a PIN that is missing, unexpected or impossible in UTF-8.
        """
        return Responder(self, key, pin)

    def encode_question(self, question: Question) -> bytes:
        """Return the 128 bytes that represent `question` in the hashed data. Equal bytes lead to equal responses.

        A question, or each of two questions, has 1 to `question_length` characters of the suite's format. A numeric question is
        encoded as a hex number without leading zeros, padded on the right: `000001`, `000016` and `000256` all become 1 and
        then zeros. Raises `InputError` for anything else.
        """
        if isinstance(question, str):
            if 0 < len(question) <= self.question_length:
                return _QUESTION_ENCODERS[self.question_format](question)
        elif not isinstance(question, tuple) or [type(part) for part in question] != [str, str]:
            raise InputError("question", "must be text, or a tuple of two texts for mutual challenge-response")
        elif all(0 < len(part) <= self.question_length for part in question):
            return _QUESTION_ENCODERS[self.question_format]("".join(question))
        raise InputError("question", f"must have 1 to {self.question_length} characters")

    def time_steps(self, unix_seconds: float) -> int:
        """Return the number of whole time steps from 1970 to `unix_seconds`, for `timestamp` (RFC 6287, 5.1).

        Raises `InputError` if the suite has no time input, or if `unix_seconds` is not a number from 0 to less than 2**64.
        """
        if self.time_step is None:
            raise InputError("timestamp", "is not part of this suite")
        if not isinstance(unix_seconds, int | float) or not 0 <= unix_seconds < _UINT64_END:
            raise InputError("timestamp", "must be a time in seconds since 1970")
        return int(unix_seconds // self.time_step)

    def _pads(self, key: bytes) -> tuple[bytes, bytes]:
        """Return the bytes with which the inner and the outer hash of HMAC (RFC 2104) begin.

        Both begin with the padded and masked key. In the inner hash, the suite's text and a zero byte follow. The HMAC is
        built from two hashes: copying two hashes takes less time than copying an HMAC of the standard library.
        """
        if not isinstance(key, bytes) or not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
            raise InputError("key", f"must be {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")
        block = _BLOCK_BYTES[self.hash]
        if len(key) > block:
            key = _HASHES[self.hash](key).digest()
        key = key.ljust(block, b"\0")
        return key.translate(_INNER_PAD) + self.text.encode("ascii") + b"\0", key.translate(_OUTER_PAD)

    def _pin_bytes(self, pin: str | None) -> bytes:
        if (pin is None) is not (self.pin_hash is None):
            raise _presence_error("pin", pin)
        if pin is None or self.pin_hash is None:
            return b""
        return _HASHES[self.pin_hash](_pin_utf8(pin)).digest()

    # The data that is hashed after the suite's text (RFC 6287, 5.1) is made in two parts, because all responses of a series
    # share the second part.

    def _head(self, counter: int | None) -> bytes:
        """Encode the counter, which comes before the question."""
        # A comparison of this kind finds two faults: an input that is missing, and an input that the suite does not use.
        if (counter is None) is self.counter:
            raise _presence_error("counter", counter)
        if counter is None:
            return b""
        # Do the work of `_uint64` here: calling that function would make a response a tenth slower.
        if type(counter) is int and 0 <= counter < _UINT64_END:
            return counter.to_bytes(8, "big")
        return _uint64("counter", counter)

    def _tail(self, question: bytes, pin: bytes, session: bytes | None, timestamp: int | None) -> bytes:
        """Encode the question and the inputs after it. `question` and `pin` are already encoded."""
        if (session is None) is not (self.session is None):
            raise _presence_error("session", session)
        if (timestamp is None) is not (self.time_step is None):
            raise _presence_error("timestamp", timestamp)
        tail = question + pin
        if session is not None and self.session is not None:
            tail += _left_padded(session, self.session)
        if timestamp is not None:
            tail += _uint64("timestamp", timestamp)
        return tail

    def _shorten(self, mac: bytes) -> str:
        """Return the MAC as a response: truncated (RFC 4226, 5.3), or complete in hex if the suite has 0 digits."""
        if self.digits == 0:
            return mac.hex()
        word: int = _WORD.unpack_from(mac, mac[-1] & 0x0F)[0]
        return str((word & 0x7FFFFFFF) % _MODULI[self.digits]).zfill(self.digits)


def fold_response(text: str) -> str:
    """Normalize a response that a person typed to the form in which a card shows it.

    White space, dashes and minus signs are removed, and full-width digits become ASCII digits. All other characters stay, so a
    text that has another character remains invalid.
    """
    kept = (letter for letter in text if not letter.isspace() and unicodedata.category(letter) != "Pd" and letter != _MINUS)
    return "".join(kept).translate(_FULL_WIDTH)


class Responder:
    """A suite, key and PIN, prepared by `Suite.prepare` so that each response takes only two short hash computations.

    A responder holds the key in two hash states, so it is as secret as the key. It cannot be pickled. Threads may share it.
    """

    __slots__ = ("_inner", "_outer", "_pin", "_suite")

    def __init__(self, suite: Suite, key: bytes, pin: str | None = None) -> None:
        inner_pad, outer_pad = suite._pads(key)
        self._suite = suite
        self._pin = suite._pin_bytes(pin)
        self._inner = _HASHES[suite.hash](inner_pad)
        self._outer = _HASHES[suite.hash](outer_pad)

    def __call__(
        self,
        question: Question,
        counter: int | None = None,
        *,
        session: bytes | None = None,
        timestamp: int | None = None,
    ) -> str:
        """Return the response to `question` (RFC 6287, 5.1). An input is required if the suite uses it, and refused if not.

        `counter` and `timestamp` are 0 to 2**64 - 1. A timestamp counts time steps (`Suite.time_steps`), not seconds.
        `session` has at least 1 byte, and at most as many bytes as the suite says. Shorter session data is padded on the left
        with zero bytes. Raises `InputError`, which names the input that is missing, unexpected or out of range.
        """
        suite = self._suite
        tail = suite._tail(suite.encode_question(question), self._pin, session, timestamp)
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(suite._head(counter) + tail)
        outer.update(inner.digest())
        return suite._shorten(outer.digest())

    def series(
        self, question: Question, counters: Iterable[int], *, session: bytes | None = None, timestamp: int | None = None
    ) -> Iterator[str]:
        """Return an iterator over the responses to `question` with each of `counters`, in the order of the counters.

        Each counter is checked when the iteration reaches it. `session` and `timestamp` are as in `__call__`, and are checked
        immediately, as the question is. Raises the errors of `__call__`.
        """
        return self._responses(
            counters, self._suite._tail(self._suite.encode_question(question), self._pin, session, timestamp)
        )

    def _responses(self, counters: Iterable[int | None], tail: bytes) -> Iterator[str]:
        # Look up these attributes once: for a whole window, looking them up takes as long as the hashing.
        new_inner, new_outer, head, shorten = self._inner.copy, self._outer.copy, self._suite._head, self._suite._shorten
        for counter in counters:
            inner, outer = new_inner(), new_outer()
            inner.update(head(counter) + tail)
            outer.update(inner.digest())
            yield shorten(outer.digest())


def _presence_error(field: str, value: object) -> InputError:
    return InputError(field, "is missing, and this suite needs it" if value is None else "is not part of this suite")


def _uint64(field: str, value: int) -> bytes:
    if type(value) is int:  # isinstance would accept a bool, which is not a counter
        try:
            return value.to_bytes(8, "big")
        except OverflowError:
            pass
    raise InputError(field, "must be a whole number from 0 to 2**64 - 1")


def _left_padded(session: bytes, length: int) -> bytes:
    if not isinstance(session, bytes) or not 1 <= len(session) <= length:
        raise InputError("session", f"must be 1 to {length} bytes")
    return session.rjust(length, b"\0")


def _pin_utf8(pin: str) -> bytes:
    if not isinstance(pin, str) or not pin:
        raise InputError("pin", "must be text that is not empty")
    try:
        return pin.encode()
    except UnicodeEncodeError:
        pass  # Do not raise here: the encoding error, which quotes the PIN, would become the context of the InputError.
    raise InputError("pin", "must be text that can be encoded in UTF-8")


def _encode_numeric(question: str) -> bytes:
    if not (question.isascii() and question.isdigit()):
        raise InputError("question", "must be decimal digits, 0 to 9")
    number = int(question)
    hex_digits = (number.bit_length() + 3) // 4
    # Pad on the right: if the number of digits is odd, the last digit becomes the high half of its byte.
    number <<= 4 * (hex_digits % 2)
    return number.to_bytes((hex_digits + 1) // 2, "big").ljust(QUESTION_BYTES, b"\0")


def _encode_alphanumeric(question: str) -> bytes:
    if not (question.isascii() and question.isalnum()):
        raise InputError("question", "must be ASCII letters and digits")
    return question.encode("ascii").ljust(QUESTION_BYTES, b"\0")


def _encode_hex(question: str) -> bytes:
    if not re.fullmatch("[0-9A-Fa-f]+", question):
        raise InputError("question", "must be hex digits, 0 to 9 and A to F")
    # Pad digits, not bytes: if the number of digits is odd, the last digit becomes the high half of its byte.
    return bytes.fromhex(question.ljust(QUESTION_BYTES * 2, "0"))


_QUESTION_ENCODERS = {"N": _encode_numeric, "A": _encode_alphanumeric, "H": _encode_hex}


# ---- reading a suite ----

_HASH_NAMES: dict[str, HashName] = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}
_DIGITS = re.compile("0|[4-9]|10")
_UNIT_SECONDS = {"S": 1, "M": 60, "H": 3600}
# The inputs in their required order, each with its default details, a pattern of its allowed details, and words for an error.
_INPUTS = {
    "C": ("", re.compile(""), "C without details"),
    "Q": ("N08", re.compile("[NAH](0?[4-9]|[1-5][0-9]|6[0-4])"), "QN, QA or QH with a length, 04 to 64"),
    "P": ("SHA1", re.compile("SHA1|SHA256|SHA512"), "PSHA1, PSHA256 or PSHA512"),
    "S": ("064", re.compile("(?!000)[0-9]{3}"), "S with three digits, 001 to 999"),
    "T": ("1M", re.compile("([1-9]|[1-5][0-9])[SM]|([1-9]|[1-3][0-9]|4[0-8])H"), "T with 1S-59S, 1M-59M or 1H-48H"),
}
_INPUT_ORDER = list(_INPUTS)


@lru_cache(maxsize=256)
def _parse(text: str) -> Suite:
    parts = text.split(":")
    if len(parts) != 3:
        raise SuiteError("must have three parts between colons, as in OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
    if parts[0] != "OCRA-1":
        raise SuiteError("the algorithm must be OCRA-1", parts[0])
    mac_hash, digits = _parse_function(parts[1])
    given = _parse_inputs(parts[2])
    return Suite(
        text=text,
        hash=mac_hash,
        digits=digits,
        counter="C" in given,
        question_format=given["Q"][0],
        question_length=int(given["Q"][1:]),
        pin_hash=_HASH_NAMES[given["P"]] if "P" in given else None,
        session=int(given["S"]) if "S" in given else None,
        time_step=int(given["T"][:-1]) * _UNIT_SECONDS[given["T"][-1]] if "T" in given else None,
    )


def _parse_function(text: str) -> tuple[HashName, int]:
    parts = text.split("-")
    if len(parts) != 3 or parts[0] != "HOTP":
        raise SuiteError("the function must be HOTP-hash-digits, as in HOTP-SHA256-8", text)
    if parts[1] not in _HASH_NAMES:
        raise SuiteError("the function's hash must be SHA1, SHA256 or SHA512", parts[1])
    if not _DIGITS.fullmatch(parts[2]):
        raise SuiteError("the number of response digits must be 0 or 4 to 10", parts[2])
    return _HASH_NAMES[parts[1]], int(parts[2])


def _parse_inputs(text: str) -> dict[str, str]:
    """Return the details of each input by its letter, with defaults filled in, for example `{"C": "", "Q": "N06"}`."""
    given: dict[str, str] = {}
    for item in text.split("-"):
        letter = item[:1]
        if letter not in _INPUTS:
            raise SuiteError("an input must be C, Q, P, S or T", item)
        if letter in given:
            raise SuiteError(f"the input {letter} is given twice")
        if given and _INPUT_ORDER.index(letter) < _INPUT_ORDER.index(next(reversed(given))):
            raise SuiteError(f"the input {letter} is out of order; the order is C-Q-P-S-T")
        default, allowed, words = _INPUTS[letter]
        given[letter] = item[1:] or default
        if not allowed.fullmatch(given[letter]):
            raise SuiteError(f"the input {letter} must be {words}", item)
    if "Q" not in given:
        raise SuiteError("the question, Q, is missing")
    return given
