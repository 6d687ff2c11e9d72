"""PSKC: the RFC's own values, what python-pskc writes and reads, and the same cards after a round trip."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pskc
import pytest
from tests.checkout import ROOT
from tests.host.exchange import transfer_samples
from tests.host.exchange.exchange_samples import (
    KEY,
    OCRA,
    SUITE,
    WITH_PIN,
    document_bytes,
    encrypted,
    first_refusal,
    read,
    written,
)
from tests.host.exchange.transfer_samples import PASSPHRASE

from dsc_host import Enrollment, InputError
from dsc_host.exchange import Refusal, read_pskc, write_pskc

VECTORS = ROOT / "tests" / "vectors" / "pskc"
FIGURES = json.loads((VECTORS / "rfc6030.json").read_text(encoding="utf-8"))
few_iterations = transfer_samples.few_iterations
CARDS = [
    Enrollment("IB3000001", bytes(range(32)), pin="1234", counter=7, duress_pin="4321", owners=("anna", "ben")),
    Enrollment("IB3000002", bytes(range(20)), suite=SUITE, unlock_key=bytes(range(1, 33)), counter=2**64 - 2),
    Enrollment("-3", bytes(range(64)), suite="OCRA-1:HOTP-SHA512-6:QN08-PSHA1", pin="0000", owners=("C=x, #1\\;é<",)),
]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure["file"])
def test_the_rfcs_values_are_read(figure: dict[str, Any]) -> None:
    with_pin = any(card["pin"] for card in figure["cards"])
    options = {
        "key": bytes.fromhex(figure["key"]) if "key" in figure else None,
        "passphrase": figure.get("passphrase"),
        "allow_plain": not {"key", "passphrase"} & figure.keys(),
    }
    found = read((VECTORS / figure["file"]).read_bytes(), suite=WITH_PIN if with_pin else SUITE, **options)
    cards = [card for card in found if isinstance(card, Enrollment)]
    assert [(card.serial, card.key.hex(), card.counter, list(card.owners), card.pin) for card in cards] == [
        (card["serial"], card["key"], card["counter"], card["owners"], card["pin"]) for card in figure["cards"]
    ]
    assert [card.error.field for card in found if isinstance(card, Refusal)] == figure.get("refused", [])


@pytest.mark.parametrize("figure", [f for f in FIGURES if "refused" not in f], ids=lambda figure: figure["file"])
def test_without_a_suite_an_hotp_key_is_refused_with_its_line(figure: dict[str, Any]) -> None:
    data = (VECTORS / figure["file"]).read_bytes()
    key = bytes.fromhex(figure["key"]) if "key" in figure else None
    (refusal,) = read(data, key=key, passphrase=figure.get("passphrase"), allow_plain=True)
    assert isinstance(refusal, Refusal)
    assert refusal.error.field == "suite"
    assert (refusal.number, refusal.serial) == (1, "987654321")
    assert b"<KeyPackage>" in data.splitlines()[refusal.line - 1]
    assert str(refusal).startswith(f"line {refusal.line}, card 987654321: suite: is missing")


@pytest.mark.parametrize(
    "secrets",
    [{"key": bytes(16)}, {"key": bytes(24)}, {"key": bytes(range(32))}, {"passphrase": PASSPHRASE}, {"passphrase": "ä" * 8}],
)
def test_what_is_written_is_read_the_same(secrets: dict[str, Any]) -> None:
    assert read(written(CARDS, **secrets), **secrets) == CARDS


@pytest.mark.parametrize(
    "owners", [(), ("anna",), ("UID=anna",), ("UID=anna,DC=net",), ("a,", "\\"), ("a\\,", "b"), ("#", "=")]
)
def test_owners_come_back_whatever_is_in_their_names(owners: tuple[str, ...]) -> None:
    card = Enrollment("A", bytes(16), suite=SUITE, owners=owners)
    assert read(written([card], key=KEY), key=KEY) == [card]


@pytest.mark.parametrize("user", ["anna", "UID=anna,DC=net", "UID=anna,", "UID=", "UID=a+CN=b", "UID=a\\"])
def test_another_systems_user_is_one_owner(user: str) -> None:
    assert read(encrypted({"key_userid": user})) == [Enrollment("A", bytes(20), suite=SUITE, owners=(user,))]


def test_no_secret_is_written_in_the_clear() -> None:
    data = written(CARDS, key=KEY)
    document = pskc.PSKC(io.BytesIO(data))
    document.encryption.key = KEY
    secrets = [key.secret for key in document.keys]
    assert len(secrets) == 7
    for secret in secrets:
        assert secret is not None
        assert base64.b64encode(secret) not in data
    assert data.count(b"<pskc:ValueMAC>") == len(secrets)


def test_two_files_of_the_same_cards_share_no_value() -> None:
    def values() -> set[str]:
        lines = written(CARDS, passphrase=PASSPHRASE).decode().splitlines()
        return {line for line in lines if "CipherValue" in line or "ValueMAC" in line or "Specified" in line}

    assert not values() & values()


def test_a_passphrase_is_stretched_as_today_is_thought_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    data = written(CARDS[:1], passphrase=PASSPHRASE)
    assert b"<IterationCount>600000</IterationCount>" in data
    assert b'<PRF Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"/>' in data
    assert read(data, passphrase=PASSPHRASE) == CARDS[:1]


def test_python_pskc_reads_what_is_written() -> None:
    for secrets in ({"key": KEY}, {"passphrase": PASSPHRASE}):
        document = pskc.PSKC(io.BytesIO(written(CARDS, **secrets)))
        if "key" in secrets:
            document.encryption.key = KEY
        else:
            document.encryption.derive_key(PASSPHRASE)
        assert all(key.check() for key in document.keys)
        first, pin, duress, second, unlock, *_ = document.keys
        assert (first.serial, first.secret, first.counter, first.policy.pin) == ("IB3000001", CARDS[0].key, 7, "1234")
        assert first.userid == "UID=anna,UID=ben"
        assert first.policy.may_use("CR")
        assert (first.challenge_max_length, first.response_length) == (6, 8)
        assert (pin.id, duress.secret) == ("IB3000001:pin", b"4321")
        assert (second.counter, second.algorithm_suite) == (2**64 - 2, SUITE)
        assert (unlock.secret, unlock.policy.key_usage) == (CARDS[1].unlock_key, ["Unlock"])


@pytest.mark.parametrize("algorithm", ["aes128-cbc", None])
@pytest.mark.parametrize("fields", [["secret"], ["secret", "counter"]])
def test_what_python_pskc_writes_is_read(algorithm: str | None, fields: list[str]) -> None:
    key = {"secret": bytes(range(20)), "counter": 300}
    data = encrypted({**key, "serial": "A-1"}, {**key, "serial": "A-2"}, algorithm=algorithm, fields=fields)
    assert read(data) == [Enrollment(f"A-{n}", bytes(range(20)), suite=SUITE, counter=300) for n in (1, 2)]


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("fields", [["secret"], ["secret", "counter"]])
@pytest.mark.parametrize("secret", [bytes(range(16)), bytes(range(20)), bytes(range(64))])
def test_keys_that_python_pskc_wraps_are_read_without_a_mac(bits: int, fields: list[str], secret: bytes) -> None:
    wrapping = bytes(range(bits // 8))
    data = encrypted({"secret": secret, "counter": 300}, key=wrapping, algorithm=f"kw-aes{bits}", fields=fields)
    assert b"ValueMAC" not in data
    assert read(data, key=wrapping) == [Enrollment("A", secret, suite=SUITE, counter=300)]
    with pytest.raises(InputError, match="nothing in it decrypts"):
        read(data, key=bytes(bits // 8))


def test_a_counter_that_can_be_read_in_two_ways_is_refused() -> None:
    assert first_refusal(encrypted({"counter": 0x31}, fields=["secret", "counter"]), key=KEY).field == "counter"


def test_a_file_that_python_pskc_encrypts_with_a_passphrase_is_read() -> None:
    document = pskc.PSKC()
    document.encryption.setup_pbkdf2(PASSPHRASE, iterations=1000)
    document.add_key(serial="A", algorithm=OCRA, algorithm_suite=SUITE, secret=bytes(16))
    assert read(document_bytes(document), passphrase=PASSPHRASE) == [Enrollment("A", bytes(16), suite=SUITE)]


def test_keys_of_one_device_in_one_package_are_one_card() -> None:
    document = pskc.PSKC()
    document.encryption.setup_preshared_key(key=KEY)
    device = document.add_device(serial="A")
    device.add_key(id="p", algorithm="urn:ietf:params:xml:ns:keyprov:pskc:pin", secret=b"1234")
    device.add_key(id="k", algorithm=OCRA, algorithm_suite=WITH_PIN, secret=bytes(16), policy__pin_key_id="p")
    assert read(document_bytes(document)) == [Enrollment("A", bytes(16), suite=WITH_PIN, pin="1234")]


def test_a_suite_in_the_algorithms_name_is_read() -> None:
    data = encrypted({"algorithm": f"urn:ietf:params:xml:ns:keyprov:pskc#{SUITE}", "algorithm_suite": None})
    assert read(data) == [Enrollment("A", bytes(20), suite=SUITE)]


def test_the_files_own_suite_comes_before_the_callers() -> None:
    data, other = encrypted({}, {"serial": "B", "algorithm_suite": None}), "OCRA-1:HOTP-SHA1-6:QN08"
    assert [card.suite for card in read(data, key=KEY, suite=other) if isinstance(card, Enrollment)] == [SUITE, other]


_MEASURE = """
import gc, io, os, tracemalloc
from dsc_host.exchange import read_pskc, write_pskc
from dsc_host.verifier import Enrollment

class Sink(io.RawIOBase):
    def write(self, data):
        return len(data)

# The objects of python-pskc refer to each other, so only the collector frees them. Run it regularly.
def collecting(items):
    for number, item in enumerate(items):
        if number % 50 == 0:
            gc.collect()
        yield item

def cards(count):
    return collecting(Enrollment(f"N{n}", bytes(16), suite="OCRA-1:HOTP-SHA256-8:C-QN06") for n in range(count))

def peak(work):
    gc.collect()
    tracemalloc.start()
    work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most

def read(path):
    with open(path, "rb") as file:
        return sum(1 for _ in collecting(read_pskc(file, key=bytes(16))))

for count in (200, 1000):
    path = f"{count}.pskc"
    with open(path, "wb") as file:
        write_pskc(file, cards(count), key=bytes(16))
longer = os.path.getsize("1000.pskc") - os.path.getsize("200.pskc")
for work in (lambda count: write_pskc(Sink(), cards(count), key=bytes(16)), lambda count: read(f"{count}.pskc")):
    work(200)
    few, many = peak(lambda: work(200)), peak(lambda: work(1000))
    assert many - few < longer / 5, (few, many, longer)
"""


@pytest.mark.long
def test_five_times_the_cards_take_the_same_memory(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _MEASURE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_cards_are_written_and_read_as_they_come() -> None:
    """Neither waits for the end: the first card comes out of a file that is not complete yet."""
    cards = [Enrollment(f"N{number}", number.to_bytes(16, "big"), suite=SUITE) for number in range(250)]
    data = written(cards)
    assert read(data) == cards, "the order is kept, although 100 are written at a time"
    assert next(read_pskc(io.BytesIO(data[: len(data) // 2]), key=KEY)) == cards[0]


@pytest.mark.parametrize(
    ("secrets", "field"),
    [
        ({}, "key"),
        ({"key": KEY, "passphrase": PASSPHRASE}, "key"),
        *(({"key": key}, "key") for key in (b"", bytes(15), "0" * 16)),
        *(({"passphrase": phrase}, "passphrase") for phrase in ("", "short", "\ud800" * 8)),
    ],
)
def test_a_file_is_not_written_without_a_good_secret(secrets: dict[str, Any], field: str) -> None:
    file = io.BytesIO()
    with pytest.raises(InputError) as raised:
        write_pskc(file, CARDS, **secrets)
    assert raised.value.field == field
    assert file.getvalue() == b""


def test_no_cards_make_no_file() -> None:
    file = io.BytesIO()
    with pytest.raises(InputError, match="cards: are missing"):
        write_pskc(file, [], key=KEY)
    assert file.getvalue() == b""


def test_a_card_that_could_not_be_enrolled_is_not_written() -> None:
    with pytest.raises(InputError, match="key: of card A: must be 16 to 64 bytes"):
        write_pskc(io.BytesIO(), [Enrollment("A", b"k", suite=SUITE)], key=KEY)


@pytest.mark.parametrize("suite", ["", "OCRA", "OCRA-1:HOTP-SHA1-6:QN08-S064"])
def test_a_suite_that_cannot_be_used_is_refused_before_the_file_is_read(suite: str) -> None:
    with pytest.raises(InputError, match="suite"):
        read_pskc(io.BytesIO(), key=KEY, suite=suite)


def test_without_python_pskc_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(CARDS, key=KEY)
    monkeypatch.setitem(sys.modules, "pskc", None)
    for work in (lambda: read(data, key=KEY), lambda: written(CARDS, key=KEY)):
        with pytest.raises(InputError, match=r"pip install 'dscplus\[pskc\]'"):
            work()


def test_the_package_can_be_had_without_python_pskc() -> None:
    code = "import sys; sys.modules['pskc'] = None; import dsc_host.exchange"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
