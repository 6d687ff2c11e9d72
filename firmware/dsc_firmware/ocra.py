"""OCRA (RFC 6287): the response to a question, for every suite whose hashes this interpreter has.

The suite must name all details, as in QN08, PSHA1, S064 and T1M: the defaults of the RFC are not used. Questions, PINs and
responses are buffers of ASCII. Numbers are converted digit by digit in place, so that no secret becomes a string or a long
integer, because these could not be overwritten. The memory of hash objects is overwritten.
"""

import hashlib
import struct
from binascii import hexlify

from .ports import const, decimal, finish, forget, wipe

_QUESTION = const(128)  # bytes of a question in the message, RFC 6287 section 5.1
_BLOCK = {"SHA1": 64, "SHA256": 64, "SHA512": 128}
_SIZE = {"SHA1": 20, "SHA256": 32, "SHA512": 64}


class SuiteError(Exception):
    """The suite is malformed, or this interpreter does not have its hash. The message says what is wrong."""


def hash_of(name):
    """Return the constructor of the hash "SHA1", "SHA256" or "SHA512". Raise SuiteError for another name or a missing hash."""
    maker = getattr(hashlib, name.lower(), None) if name in _SIZE else None
    if maker is None:
        raise SuiteError("no such hash here")
    return maker


def mac(name, key, message):
    """Return the HMAC (RFC 2104) with the hash `name` of the buffer `message` under the buffer `key`.

    The caller should `forget` the result.
    """
    maker = hash_of(name)
    pad = bytearray(_BLOCK[name])
    if len(key) > len(pad):
        key = finish(maker(key))
    for i in range(len(key)):
        pad[i] = key[i]
    inner = _keyed(maker, pad, 0x36, message)
    digest = _keyed(maker, pad, 0x5C, inner)
    forget(inner)
    wipe(pad)
    return digest


def _keyed(maker, pad, mask, message):
    for i in range(len(pad)):
        pad[i] ^= mask
    h = maker(pad)
    h.update(message)
    for i in range(len(pad)):
        pad[i] ^= mask
    return finish(h)


def _number(text, low, high):
    value = decimal(text.encode(), high)
    return value if value >= low else -1


def to_nibbles(text, out):
    """Convert ASCII decimal digits to hex. Each byte of `out` gets a digit from 0 to 15, the most significant digit first."""
    wipe(out)
    for c in text:
        carry = c - 48
        for i in range(len(out) - 1, -1, -1):
            carry += out[i] * 10
            out[i] = carry & 15
            carry >>= 4


def to_decimal(digest, offset, out):
    """Write the 31-bit number at digest[offset] into `out` as decimal digits. If `out` is too short, drop the first digits."""
    wipe(out)
    for n in range(4):
        carry = digest[offset + n] & (0x7F if n == 0 else 0xFF)
        for i in range(len(out) - 1, -1, -1):
            carry += out[i] << 8
            out[i] = carry % 10
            carry //= 10
    for i in range(len(out)):
        out[i] += 48


class Ocra:
    """A parsed suite, with a buffer for the message that is hashed for a response.

    `digits` is the length of the response; 0 means the whole MAC in hex. A question has the `format` "N", "A" or "H", and at
    most `length` characters. The other inputs are `counter` (True or False), `pin` (the name of the hash for the PIN, or ""),
    `session` (the number of bytes, or 0) and `time` (the time step in seconds, or 0).
    """

    def __init__(self, text):
        self.text = text
        parts = text.split(":")
        if len(parts) != 3 or parts[0] != "OCRA-1":
            raise SuiteError("must be OCRA-1:function:inputs")
        self._parse_function(parts[1].split("-"))
        self._parse_inputs(parts[2].split("-"))
        self._lay_out()

    def _parse_function(self, parts):
        if len(parts) != 3 or parts[0] != "HOTP":
            raise SuiteError("function must be HOTP-hash-digits")
        self.hash = parts[1]
        hash_of(self.hash)
        self.digits = _number(parts[2], 0, 10)
        if self.digits < 0 or 0 < self.digits < 4 or len(parts[2]) != len(str(self.digits)):
            raise SuiteError("digits must be 0 or 4 to 10")

    def _parse_inputs(self, parts):
        self.counter = parts[0] == "C"
        if self.counter:
            parts.pop(0)
        self._parse_question(parts.pop(0) if parts else "")
        self.pin = self._parse_pin(parts.pop(0)) if parts and parts[0][:1] == "P" else ""
        self.session = self._parse_session(parts.pop(0)) if parts and parts[0][:1] == "S" else 0
        self.time = self._parse_time(parts.pop(0)) if parts and parts[0][:1] == "T" else 0
        if parts:
            raise SuiteError("inputs must be C, Q, P, S, T in this order")

    def _parse_question(self, text):
        self.format = text[1:2]
        self.length = _number(text[2:], 4, 64)
        if len(text) != 4 or text[0] != "Q" or self.format not in "NAH" or self.length < 0:
            raise SuiteError("question must be QN, QA or QH and 04 to 64")

    def _parse_pin(self, text):
        hash_of(text[1:])
        return text[1:]

    def _parse_session(self, text):
        length = _number(text[1:], 1, 999)
        if len(text) != 4 or length < 0:
            raise SuiteError("session must be S001 to S999")
        return length

    def _parse_time(self, text):
        unit = text[-1]
        count = _number(text[1:-1], 1, 48 if unit == "H" else 59)
        if unit not in "SMH" or count < 0 or len(text) != 2 + len(str(count)):
            raise SuiteError("time step must be T1S to T59S, T1M to T59M or T1H to T48H")
        return count * (1 if unit == "S" else 60 if unit == "M" else 3600)

    def _lay_out(self):
        head = len(self.text) + 1
        self._at_question = head + (8 if self.counter else 0)
        self._at_pin = self._at_question + _QUESTION
        self._at_session = self._at_pin + _SIZE.get(self.pin, 0)
        self._at_time = self._at_session + self.session
        self._message = bytearray(self._at_time + (8 if self.time else 0))
        self._message[: head - 1] = self.text.encode()
        self._at_counter = head
        self._view = memoryview(self._message)
        self._nibbles = bytearray(2 * self.length)

    def accepts(self, question):
        """Return whether the suite allows the bytes and the length of `question`: one question, or two joined questions."""
        for c in question:
            if not (0x30 <= c <= 0x39 or (self.format != "N" and self._is_letter(c))):
                return False
        return 0 < len(question) <= 2 * self.length

    def _is_letter(self, c):
        c |= 0x20
        return 0x61 <= c <= (0x66 if self.format == "H" else 0x7A)

    def respond(self, out, key, question, counter=0, pin=b"", session=b"", time=0):
        """Write the response into `out` as ASCII.

        `out` has the length of the response: `digits` or, if that is 0, two characters for each byte of the hash. `counter` and
        `time` (in the suite's time steps) are below 2**64. Inputs that the suite does not have are ignored. `accepts(question)`
        must be true. In mutual challenge-response, `question` is both questions together, up to twice the suite's length.
        """
        self._fill_question(question)
        if self.counter:
            self._fill_integer(self._at_counter, counter)
        if self.pin:
            self._fill_pin(pin)
        if self.session:
            self._fill_session(session)
        if self.time:
            self._fill_integer(self._at_time, time)
        digest = mac(self.hash, key, self._message)
        wipe(self._view[self._at_counter :])
        self._truncate(digest, out)
        forget(digest)

    def _fill_integer(self, at, value):
        struct.pack_into(">Q", self._message, at, value)

    def _fill_pin(self, pin):
        digest = finish(hash_of(self.pin)(pin))
        self._view[self._at_pin : self._at_session] = digest
        forget(digest)

    def _fill_session(self, session):
        start = self._at_time - len(session)
        wipe(self._view[self._at_session : start])
        self._view[start : self._at_time] = session

    def _fill_question(self, question):
        field = self._view[self._at_question : self._at_pin]
        wipe(field)
        if self.format == "A":
            field[: len(question)] = question
        elif self.format == "H":
            self._pack_hex(question, field)
        else:
            self._pack_number(question, field)

    def _pack_hex(self, question, field):
        for i in range(len(question)):
            c = question[i]
            self._put_nibble(field, i, c - 48 if c <= 0x39 else (c | 0x20) - 87)

    def _pack_number(self, question, field):
        # A number has at most as many hex digits as decimal digits, so one byte for each decimal digit is enough.
        nibbles = memoryview(self._nibbles)[: len(question)]
        to_nibbles(question, nibbles)
        start = 0
        while start < len(nibbles) and nibbles[start] == 0:
            start += 1
        for i in range(start, len(nibbles)):
            self._put_nibble(field, i - start, nibbles[i])
        wipe(nibbles)

    def _put_nibble(self, field, i, nibble):
        field[i >> 1] |= nibble if i & 1 else nibble << 4

    def _truncate(self, digest, out):
        if self.digits:
            to_decimal(digest, digest[-1] & 15, out)
            return
        out[: 2 * len(digest)] = hexlify(digest)
