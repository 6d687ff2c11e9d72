"""The MACs that the RFC defines, from bytes that a test writes out and the standard library's HMAC hashes."""

import hmac

from dsc_host.ocra import Suite

KEY = bytes(range(32))
DEFAULT = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
BLANK = bytes(128)
LATEST = 2**64 - 1


def mac_of(suite: str, *inputs: bytes, key: bytes = KEY) -> bytes:
    """The MAC that the RFC defines, from bytes written out by a test."""
    return hmac.digest(key, suite.encode() + b"\0" + b"".join(inputs), Suite.parse(suite).hash)


def full(inputs: str) -> str:
    """A suite with these inputs whose response is the whole MAC, so that a test sees every bit of it."""
    return f"OCRA-1:HOTP-SHA256-0:{inputs}"
