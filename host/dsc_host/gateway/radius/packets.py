"""The bytes of RADIUS packets: parsing, passwords and signatures (RFC 2865; Message-Authenticator: RFC 3579, section 3.2).

Three promises:

1. For any bytes, `parse` returns a packet or raises `Malformed`. It raises no other error.
2. `sign` puts a Message-Authenticator first, so that no reply can be forged by a prefix collision of MD5 (Blast-RADIUS).
3. Signatures are compared in constant time.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

MOST_BYTES = 4096
"""The maximum length of a packet (RFC 2865, section 3)."""
MOST_VALUE = 253
"""The maximum length of the value of an attribute."""
MOST_PASSWORD = 128
"""The maximum length of a password with its padding (RFC 2865, section 5.2)."""
_HEADER = 20
_BLOCK = 16
_AUTHENTICATOR = slice(4, _HEADER)


class Code(IntEnum):
    """The codes of the packets that this server receives and sends."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12


class Type(IntEnum):
    """The types of the attributes that this server reads and writes."""

    USER_NAME = 1
    USER_PASSWORD = 2
    REPLY_MESSAGE = 18
    STATE = 24
    VENDOR_SPECIFIC = 26
    CALLING_STATION_ID = 31
    PROXY_STATE = 33
    MESSAGE_AUTHENTICATOR = 80


class Malformed(ValueError):
    """The bytes are not a RADIUS packet."""


Attribute = tuple[int, bytes]
"""The type of an attribute and its value."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A parsed packet. `raw` has its bytes, without padding at the end."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: tuple[Attribute, ...]
    raw: bytes

    def all(self, kind: Type) -> list[bytes]:
        """Return the values of all attributes of a type, in their order."""
        return [value for each, value in self.attributes if each == kind]

    def one(self, kind: Type) -> bytes | None:
        """Return the value of the only attribute of a type. Return None if there is none or more than one."""
        found = self.all(kind)
        return found[0] if len(found) == 1 else None


def parse(data: bytes) -> Packet:
    """Return the packet in a datagram. Raises `Malformed`."""
    if len(data) < _HEADER:
        raise Malformed("the packet is shorter than its header")
    length = int.from_bytes(data[2:4], "big")
    if not _HEADER <= length <= min(len(data), MOST_BYTES):
        raise Malformed("the length of the packet is wrong")
    raw = data[:length]
    return Packet(raw[0], raw[1], raw[_AUTHENTICATOR], tuple(_attributes(raw)), raw)


def is_signed(packet: Packet, secret: bytes) -> bool:
    """Return whether the packet is a request with one correct Message-Authenticator."""
    given = packet.one(Type.MESSAGE_AUTHENTICATOR)
    if given is None or len(given) != _BLOCK:
        return False
    return hmac.compare_digest(given, hmac.new(secret, _without_signature(packet.raw), "md5").digest())


def sign(code: Code, request: Packet, attributes: Iterable[Attribute], secret: bytes) -> bytes:
    """Return the reply to a request, with a Message-Authenticator first. Raises `ValueError` if it is too long."""
    plain = _packed([(Type.MESSAGE_AUTHENTICATOR, bytes(_BLOCK)), *attributes])
    head = bytes([code, request.identifier]) + (_HEADER + len(plain)).to_bytes(2, "big")
    signature = hmac.new(secret, head + request.authenticator + plain, "md5").digest()
    signed = plain[:2] + signature + plain[2 + _BLOCK :]
    return head + _md5(head + request.authenticator + signed + secret) + signed


def password_of(packet: Packet, secret: bytes) -> bytes | None:
    """Return the password of a request, or None if it is missing or its length is wrong. With a wrong secret it is random."""
    hidden = packet.one(Type.USER_PASSWORD)
    if hidden is None or not hidden or len(hidden) > MOST_PASSWORD or len(hidden) % _BLOCK:
        return None
    return _xored(hidden, packet.authenticator, secret, hides=False).rstrip(b"\0")


def hide_password(password: bytes, authenticator: bytes, secret: bytes) -> bytes:
    """Encrypt a password of at most 128 bytes for a request (RFC 2865, section 5.2)."""
    padded = password + bytes(-len(password) % _BLOCK if password else _BLOCK)
    return _xored(padded, authenticator, secret, hides=True)


def request(
    identifier: int, authenticator: bytes, attributes: Iterable[Attribute], secret: bytes, code: Code = Code.ACCESS_REQUEST
) -> bytes:
    """Return a signed request, as a client sends it."""
    plain = _packed([(Type.MESSAGE_AUTHENTICATOR, bytes(_BLOCK)), *attributes])
    head = bytes([code, identifier]) + (_HEADER + len(plain)).to_bytes(2, "big") + authenticator
    return head + plain[:2] + hmac.new(secret, head + plain, "md5").digest() + plain[2 + _BLOCK :]


def is_reply(data: bytes, to: bytes, secret: bytes) -> bool:
    """Return whether `data` is a correctly signed reply to the request `to`. Raises `Malformed`."""
    begin, middle = data[:4], to[_AUTHENTICATOR]
    if not hmac.compare_digest(_md5(begin + middle + data[_HEADER:] + secret), data[_AUTHENTICATOR]):
        return False
    return is_signed(parse(begin + middle + data[_HEADER:]), secret)


def _attributes(raw: bytes) -> Iterator[Attribute]:
    at = _HEADER
    while at < len(raw):
        length = raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):
            raise Malformed("the length of an attribute is wrong")
        yield raw[at], raw[at + 2 : at + length]
        at += length


def _packed(attributes: Iterable[Attribute]) -> bytes:
    packed = bytearray()
    for kind, value in attributes:
        if len(value) > MOST_VALUE:
            raise ValueError(f"an attribute has at most {MOST_VALUE} bytes")
        packed += bytes([kind, len(value) + 2]) + value
    if len(packed) > MOST_BYTES - _HEADER:
        raise ValueError(f"a packet has at most {MOST_BYTES} bytes")
    return bytes(packed)


def _without_signature(raw: bytes) -> bytes:
    """Return a packet with zeros in place of its Message-Authenticator. The signature is computed over these bytes."""
    at = _HEADER
    while raw[at] != Type.MESSAGE_AUTHENTICATOR:
        at += raw[at + 1]
    return raw[: at + 2] + bytes(_BLOCK) + raw[at + 2 + _BLOCK :]


def _xored(text: bytes, authenticator: bytes, secret: bytes, *, hides: bool) -> bytes:
    result, before = b"", authenticator
    for at in range(0, len(text), _BLOCK):
        block = text[at : at + _BLOCK]
        mixed = bytes(one ^ other for one, other in zip(block, _md5(secret + before), strict=True))
        result, before = result + mixed, mixed if hides else block
    return result


def _md5(data: bytes) -> bytes:
    # The protocol requires MD5. The Message-Authenticator protects replies: HMAC with MD5 is not broken.
    return hashlib.md5(data, usedforsecurity=False).digest()
