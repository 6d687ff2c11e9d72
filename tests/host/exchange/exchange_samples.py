"""Samples for the tests of prepared PSKC files: a file of three cards, functions that change one, and its outcome."""

import io
import re
from collections.abc import Iterable
from typing import Any

import pskc
import pytest

from dsc_host import Enrollment, InputError
from dsc_host.exchange import Refusal, read_pskc, write_pskc

KEY = bytes(range(16))
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
WITH_PIN = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
OCRA = "urn:ietf:params:xml:ns:keyprov:pskc:ocra"
CARDS = [Enrollment(serial, bytes([number]) * 20, suite=SUITE) for number, serial in enumerate(("A-1", "B-2", "C-3"), 1)]


def written(cards: list[Enrollment], **secrets: Any) -> bytes:
    file = io.BytesIO()
    assert write_pskc(file, cards, **(secrets or {"key": KEY})) == len(cards)
    return file.getvalue()


DATA = written(CARDS)


def read(data: bytes, **options: Any) -> list[Enrollment | Refusal]:
    return list(read_pskc(io.BytesIO(data), **(options or {"key": KEY})))


def refused(data: bytes, **options: Any) -> str:
    """Return the single error for the whole file."""
    with pytest.raises(InputError) as raised:
        read(data, **options)
    assert raised.value.field == "PSKC file"
    assert re.match(r"line [0-9]+: ", raised.value.problem)
    return raised.value.problem


def replaced(old: bytes, new: bytes, data: bytes = DATA) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def in_second_package(pattern: bytes, new: bytes, data: bytes = DATA) -> bytes:
    head, first, second, rest = re.split(rb"(?=<pskc:KeyPackage>)", data, maxsplit=3)
    changed, times = re.subn(pattern, new, second, count=1, flags=re.DOTALL)
    assert times == 1
    return head + first + changed + rest


def plain(*keys: dict[str, Any]) -> bytes:
    """Return the unencrypted file that python-pskc makes of these keys."""
    return _by_library(pskc.PSKC(), keys)


def encrypted(*keys: dict[str, Any], key: bytes = KEY, mac_key: bytes | None = None, **setup: Any) -> bytes:
    """Return the encrypted file that python-pskc makes of these keys."""
    document = pskc.PSKC()
    document.encryption.setup_preshared_key(key=key, **setup)
    if mac_key:
        document.mac.key = mac_key
    return _by_library(document, keys)


def _by_library(document: pskc.PSKC, keys: Iterable[dict[str, Any]]) -> bytes:
    for key in keys:
        document.add_key(**{"serial": "A", "algorithm": OCRA, "algorithm_suite": SUITE, "secret": bytes(20), **key})
    return document_bytes(document)


def document_bytes(document: pskc.PSKC) -> bytes:
    file = io.BytesIO()
    document.write(file)
    return file.getvalue()


def first_refusal(data: bytes, **options: Any) -> InputError:
    found = next(iter(read(data, **(options or {"allow_plain": True}))))
    assert isinstance(found, Refusal)
    return found.error
