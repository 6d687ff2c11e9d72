"""Valid checksums, which a fuzzer cannot guess. Without them, it would never get past the first checksum."""

import re
from binascii import crc32

LINE_END = re.compile(rb"[\r\n]")


def seal_lines(data: bytes) -> bytes:
    """Give every line that ends with `*` the check that belongs to it."""
    return b"\n".join(line + b"%08x" % crc32(line[:-1]) if line.endswith(b"*") else line for line in LINE_END.split(data))


def encoded(text: bytes, plain: bytes = b"") -> bytes:
    """Return a value in the encoding of docs/reference/protocol.md. `plain` bytes are not encoded."""
    return b"".join(bytes([c]) if c in plain or (0x21 <= c <= 0x7E and c not in b"*%=") else b"%%%02x" % c for c in text)


def written(head: bytes, values: dict[bytes, bytes]) -> bytes:
    """Return a line with its check, without its end."""
    body = head + b"".join(b" %s=%s" % (name, encoded(value)) for name, value in values.items())
    return b"%s*%08x" % (body, crc32(body))
