"""The reader of a key file: the key that encrypts a PSKC file, in hex or Base64."""

import base64
import binascii
import codecs
import re
from pathlib import Path

from dsc_host.errors import InputError

_LENGTHS = (16, 24, 32)
_MOST_BYTES = 1024
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_HEX = re.compile("(?:0[xX])?((?:[0-9A-Fa-f]{2})+)")


def read_key_file(path: Path) -> bytes:
    """Return the key of 16, 24 or 32 bytes that a file holds, in hex or in Base64.

    A byte order mark, a `0x` before the hex digits, and blanks or line ends around the key are skipped. Text that is valid as
    hex and as Base64 is read as hex. Raises `InputError`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise InputError("key", f"{path} cannot be read: {error.strerror}") from error
    key = _key_in(_text_of(content).strip())
    if key is None:
        raise InputError("key", f"{path} must hold 16, 24 or 32 bytes in hex, two digits each, or in Base64{_hint(content)}")
    return key


def _text_of(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors="replace")
    return content.decode("latin-1")


def _key_in(text: str) -> bytes | None:
    try:
        # Hex digits of any other length are probably a truncated key. Do not read them as Base64.
        found = _HEX.fullmatch(text)
        key = bytes.fromhex(found[1]) if found else base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return key if len(key) in _LENGTHS else None


def _hint(content: bytes) -> str:
    """Return a hint about the content of the file, which reveals no part of a key."""
    if len(content) in _LENGTHS and not content.isascii():
        return "; it seems to hold raw bytes: write them in hex"
    return ""
