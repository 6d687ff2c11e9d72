"""The MACs that RFC 6287 defines, computed by the standard library's HMAC from bytes that a test writes out."""

import hmac

from dsc_host.ocra import Suite

KEY = bytes(range(32))
DEFAULT = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
BLANK = bytes(128)
LATEST = 2**64 - 1


def mac_of(suite: str, *inputs: bytes, key: bytes = KEY) -> bytes:
    """Return the MAC that the RFC defines for bytes that a test writes out."""
    return hmac.digest(key, suite.encode() + b"\0" + b"".join(inputs), Suite.parse(suite).hash)


def full(inputs: str) -> str:
    """Return a suite with these inputs. Its response is the whole MAC, so that a test sees every bit."""
    return f"OCRA-1:HOTP-SHA256-0:{inputs}"
