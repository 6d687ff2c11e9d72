"""PSKC files that are broken or prepared by an attacker are refused with a reason. One bad package does not cost the others."""

import io
import random
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pskc.encryption import Encryption
from tests.host.exchange.exchange_samples import (
    CARDS,
    DATA,
    KEY,
    SUITE,
    encrypted,
    in_second_package,
    plain,
    read,
    refused,
    replaced,
    written,
)

from dsc_host import Enrollment, InputError
from dsc_host.exchange import Placed, Refusal, pskc_writer, read_pskc, stream
from dsc_host.exchange.packages import Package, Pin
from dsc_host.exchange.separate_pins import SeparatePins

BILLION_LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "declaration",
    [
        BILLION_LAUGHS,
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
        b"<!DOCTYPE KeyContainer>",
    ],
)
def test_a_document_type_declaration_is_refused(declaration: bytes) -> None:
    assert "document type declaration" in refused(replaced(b"<pskc:KeyContainer", declaration + b"<pskc:KeyContainer"))


def test_an_entity_that_nobody_declared_is_refused() -> None:
    assert "not well-formed" in refused(replaced(b"A-1", b"&c;"))


def test_a_file_that_is_cut_off_is_refused() -> None:
    for cut in (0, 1, 40, 300, 700, 1500, len(DATA) - 2, len(DATA) - 12):
        assert "not well-formed XML" in refused(DATA[:cut]), cut


def test_the_cards_before_the_cut_come_out_first() -> None:
    """The last card before the cut is not read: other parts of it, such as its PIN, might be missing."""
    cards = read_pskc(io.BytesIO(DATA[: DATA.index(b"C-3")]), key=KEY)
    assert next(cards) == CARDS[0]
    with pytest.raises(InputError, match="is it complete"):
        next(cards)


NO_XML = [b"", b"\0" * 1000, b"serial,suite\r\nA,B\r\n", b"{}", b"\xff\xfe<\0", b"PK\x03\x04" * 50]
UNKNOWN_ENCODINGS = [f'<?xml version="1.0" encoding="{name}"?><x/>'.encode() for name in ("no-such", "big5")]
OTHER_XML = [
    b"<KeyContainer/>",
    b"<html><body/></html>",
    b'<KeyContainer xmlns="urn:ietf:params:xml:ns:keyprov:pskc:1.0" Version="1.0"/>',
    f'<KeyPackage xmlns="{stream.NAMESPACE}"/>'.encode(),
    f'<KeyContainer xmlns="{stream.NAMESPACE}" Version="2.0"/>'.encode(),
    f'<KeyContainer xmlns="{stream.NAMESPACE}" Version="1.0"/>'.encode(),
]


@pytest.mark.parametrize("data", [*NO_XML, *UNKNOWN_ENCODINGS, *OTHER_XML])
def test_no_xml_and_other_xml_are_refused(data: bytes) -> None:
    refused(data)


def test_nesting_has_an_end() -> None:
    assert "nested" in refused(replaced(b"<pskc:DeviceInfo>", b"<x>" * 100_000 + b"<pskc:DeviceInfo>"))
    assert "nested" in refused(replaced(b"<pskc:KeyPackage>", b"<x>" * 100_000 + b"<pskc:KeyPackage>"))


@pytest.mark.parametrize(
    "huge",
    [b"1" * 10_000_000, b"<x>" + b"1" * 10_000_000 + b"</x>", b"<x/>" * 1_000_000],
    ids=["a text", "a text in an element", "a million elements"],
)
def test_a_huge_package_is_skipped_and_the_rest_go_in(huge: bytes) -> None:
    found = read(in_second_package(rb"<pskc:SerialNo>", huge + rb"<pskc:SerialNo>"))
    assert [found[0], found[2]] == [CARDS[0], CARDS[2]]
    assert isinstance(found[1], Refusal)
    assert str(found[1].error) == "package: is larger than 64 KiB"


@pytest.mark.parametrize(
    "huge", [b'<x a="' + b"1" * 10_000_000 + b'"/>', b"<!--" + b"1" * 10_000_000 + b"-->", b"<" + b"x" * 10_000_000]
)
def test_a_huge_tag_or_comment_is_refused_before_it_is_read_whole(huge: bytes) -> None:
    file = io.BytesIO(replaced(b"<pskc:DeviceInfo>", huge + b"<pskc:DeviceInfo>"))
    with pytest.raises(InputError, match="longer than 1 MiB"):
        list(read_pskc(file, key=KEY))
    assert file.tell() < 2_500_000


def test_a_huge_head_is_refused() -> None:
    assert "EncryptionKey is larger" in refused(replaced(b"<ds:KeyName>", b"<ds:KeyName>" + b"1" * 100_000))


@pytest.mark.parametrize("name", ["EncryptionKey", "MACMethod"])
def test_a_head_that_comes_twice_or_late_is_refused(name: str) -> None:
    (part,) = re.findall(rf"<pskc:{name}.*?</pskc:{name}>".encode(), DATA, re.DOTALL)
    assert "twice" in refused(replaced(part, part + part))
    assert "before the first" in refused(replaced(b"</pskc:KeyContainer>", part + b"</pskc:KeyContainer>"))


def test_a_wrong_key_is_one_error_for_the_whole_file() -> None:
    # One in 256 wrong keys decrypts the MAC's key to something. Then the cards do not open.
    many = written([Enrollment(f"N{n}", bytes(16), suite=SUITE) for n in range(20)])
    for number in (1, 2, 40):
        assert "nothing in it decrypts" in refused(many, key=bytes([number]) * 16)


@pytest.mark.parametrize("number", [1, 7, 8, 400])
def test_a_key_that_opens_the_macs_key_only_is_one_error_and_told_without_reading_on(number: int) -> None:
    data = under_another_mac_key(number)
    file = io.BytesIO(data)
    with pytest.raises(InputError, match=r"^PSKC file: line [0-9]+: .*nothing in it decrypts"):
        list(read_pskc(file, key=KEY))
    assert number < 400 or file.tell() < len(data) / 2


def under_another_mac_key(number: int) -> bytes:
    many = written([Enrollment(f"N{n}", bytes(16), suite=SUITE) for n in range(number)])
    wrong, right = (re.findall(rb"<pskc:MACMethod.*?</pskc:MACMethod>", data, re.DOTALL)[0] for data in (DATA, many))
    return replaced(right, wrong, many)


def test_a_wrong_passphrase_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pskc_writer, "ITERATIONS", 1000)
    data = written(CARDS, passphrase="correct horse")
    assert "nothing in it decrypts" in refused(data, passphrase="wrong horse")
    assert "nothing in it decrypts" in refused(data, key=KEY)
    assert "give its key or its passphrase" in refused(data, allow_plain=True)
    assert "not derived from a passphrase" in refused(DATA, passphrase="correct horse")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        *((rb"(?<=<IterationCount>)1000", count, "10000000 iterations") for count in (b"10000001", b"0", b"-5")),
        *((rb"(?<=<IterationCount>)1000", count, "malformed") for count in (b"many", b"9" * 5000)),
        (rb"<KeyLength>32<", b"<KeyLength>1000000000<", "16, 24 or 32 bytes"),
        (rb"<KeyLength>32<", b"<KeyLength>16<", "nothing in it decrypts"),
        (rb"<Specified>[^<]+<", b"<Specified><", "must have a salt"),
        (rb"<Specified>[^<]+<", b"<Specified>=<", "must have a salt"),
        (rb"hmac-sha256\"/>\n    </pkcs5", b'hmac-md5"/>\n    </pkcs5', "SHA-1 or SHA-2"),
        (rb"#pbkdf2", b"#scrypt", "PBKDF2"),
    ],
)
def test_a_derivation_out_of_bounds_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes, problem: str
) -> None:
    monkeypatch.setattr(pskc_writer, "ITERATIONS", 1000)
    data, times = re.subn(old, new, written(CARDS, passphrase="correct horse"), count=1)
    assert times == 1
    assert problem in refused(data, passphrase="correct horse")


def test_a_file_without_a_mac_is_refused() -> None:
    head = re.compile(rb"<pskc:EncryptionKey>.*</pskc:MACMethod>", re.DOTALL)
    assert "no EncryptionKey" in refused(head.sub(b"", DATA))
    assert "no MACMethod" in refused(replaced(b' Algorithm="http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"', b""))
    assert "no MACMethod" in refused(re.sub(rb"<pskc:MACMethod.*?</pskc:MACMethod>", b"", DATA, flags=re.DOTALL))
    assert "SHA-1 or SHA-2" in refused(replaced(b"hmac-sha256", b"hmac-md5"))
    # An attacker who cuts the MAC's key down to a byte could try all values.
    assert "nothing in it decrypts" in refused(encrypted({}, mac_key=b"k"))


@pytest.mark.parametrize("inside", ["CipherValue", "ValueMAC"])
def test_a_value_that_was_changed_costs_its_card_alone(inside: str) -> None:
    found = read(in_second_package(rf"<(\w+:{inside})>....".encode(), rb"<\1>AAAA"))
    assert [found[0], found[2]] == [CARDS[0], CARDS[2]]
    assert isinstance(found[1], Refusal)
    assert "does not open with this key, or was changed" in str(found[1])
    assert (found[1].number, found[1].serial) == (2, "B-2")


def test_a_value_is_decrypted_only_if_its_mac_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    decrypted: list[bytes] = []
    decrypt = Encryption.decrypt_value

    def watched(self: Encryption, value: bytes, algorithm: str | None = None) -> bytes:
        decrypted.append(value)
        return decrypt(self, value, algorithm)

    monkeypatch.setattr(Encryption, "decrypt_value", watched)
    assert len(read(DATA)) == 3
    assert len(decrypted) == 1 + 3  # the MACs' own key, and the cards'
    decrypted.clear()
    read(in_second_package(rb"<pskc:ValueMAC>....", b"<pskc:ValueMAC>AAAA"))
    assert len(decrypted) == 1 + 2


def test_a_wrapped_key_that_was_changed_costs_its_card_alone() -> None:
    keys = [{"serial": card.serial, "secret": card.key} for card in CARDS]
    data = encrypted(*keys, algorithm="kw-aes128")
    found = read(in_second_package(rb"(<\w+:CipherValue)>....", rb"\1>AAAA", data))
    assert [found[0], found[2]] == [CARDS[0], CARDS[2]]
    assert "does not open with this key, or was changed" in str(found[1])


def test_a_change_in_the_first_card_does_not_look_like_a_wrong_key() -> None:
    data, _ = re.subn(rb"<pskc:ValueMAC>....", b"<pskc:ValueMAC>AAAA", DATA, count=1)
    found = read(data)
    assert sorted(type(card).__name__ for card in found) == ["Enrollment", "Enrollment", "Refusal"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (rb"<pskc:ValueMAC>.*?</pskc:ValueMAC>", b"", "has no ValueMAC"),
        *((rb"(?<=<pskc:ValueMAC>)[^<]*", mac, "has no ValueMAC") for mac in (b" ", b"====", b"!!!!")),
        *((rb"aes128-cbc", algorithm, "in CBC mode") for algorithm in (b"aes128-gcm", b"tripledes-cbc")),
        (rb"aes128-cbc", b"kw-aes128", "does not open"),
        (rb"<xenc:EncryptionMethod[^>]*>", b"", "in CBC mode"),
        (
            rb"<pskc:EncryptedValue>.*</pskc:ValueMAC>",
            b"<pskc:PlainValue>AAAAAAAAAAAAAAAAAAAAAA==</pskc:PlainValue>",
            "key: is in the clear",
        ),
        (rb"<pskc:EncryptedValue>", b"<pskc:PlainValue>AAAA</pskc:PlainValue><pskc:EncryptedValue>", "occurs twice"),
        (rb"<pskc:Secret>.*</pskc:Secret>", b"", "is missing"),
        (rb"<pskc:Data>", b'<pskc:Data Name="SECRET"><pskc:Value>AAAA</pskc:Value></pskc:Data><pskc:Data>', "draft"),
        (rb"<pskc:Secret>", b"<Secret><PlainValue>AAAA</PlainValue></Secret><pskc:Secret>", "with one Secret"),
        (rb"<pskc:Data>", b"<pskc:Data></pskc:Data><pskc:Data>", "one Data with one Secret"),
        (rb"(?=</pskc:Data>)", b"<pskc:Secret><pskc:PlainValue>AAAA</pskc:PlainValue></pskc:Secret>", "with one Secret"),
        (rb"<xenc:CipherValue>[^<]*", b"<xenc:CipherValue>A", "Base64"),
        (rb"<xenc:CipherValue>.*?</xenc:CipherValue>", b"<xenc:CipherValue/>", "malformed"),
        (rb"<pskc:DeviceInfo>", b"<pskc:DeviceInfo></pskc:DeviceInfo><pskc:DeviceInfo>", "one DeviceInfo"),
        (rb"<pskc:SerialNo>", b"<pskc:SerialNo>B-2</pskc:SerialNo><pskc:SerialNo>", "one SerialNo"),
        (rb"<pskc:Counter>", b"<pskc:Counter><pskc:PlainValue>5</pskc:PlainValue></pskc:Counter><pskc:Counter>", "counter: oc"),
        (rb"<pskc:Counter>", b"<pskc:Counter><pskc:EncryptedValue/>", "counter: occurs twice"),
        (rb"<pskc:Counter>.*</pskc:Counter>", b"<pskc:Counter><pskc:EncryptedValue/></pskc:Counter>", "counter: must be enc"),
        (rb"<pskc:Key .*</pskc:Key>", b"", "holds no key"),
    ],
)
def test_a_package_that_would_get_round_the_encryption_costs_its_card_alone(old: bytes, new: bytes, problem: str) -> None:
    found = read(in_second_package(old, new))
    assert [found[0], found[2]] == [CARDS[0], CARDS[2]]
    assert isinstance(found[1], Refusal)
    assert problem in str(found[1])


def test_keys_in_the_clear_are_read_only_if_that_is_allowed() -> None:
    data = plain({}, {"serial": "B"})
    assert "holds keys or PINs in the clear" in refused(data)
    assert "holds keys or PINs in the clear" in refused(data, passphrase="correct horse")
    assert [card.serial for card in read(data, allow_plain=True) if isinstance(card, Enrollment)] == ["A", "B"]


@given(st.integers(0, len(DATA) - 1), st.binary(max_size=8), st.integers(0, 40))
def test_a_file_with_a_hole_is_refused_in_words_or_read_right(at: int, put: bytes, removed: int) -> None:
    keys = {card.key for card in CARDS}
    with suppress(InputError):
        for card in read(DATA[:at] + put + DATA[at + removed :]):
            assert isinstance(card, Refusal) or card.key in keys


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(InputError):
        read(data)


def test_pins_of_one_name_without_end_do_not_fill_the_memory() -> None:
    def packages() -> Iterator[Package]:
        for number in range(20_000):
            yield Package(number, number, "P", (Pin("pin", "", random.randbytes(1000)),))

    waiting = SeparatePins()
    assert list(waiting.wait(Placed(1, 1, Enrollment("A-1", bytes(32), SUITE)), "pin")) == []
    tracemalloc.start()
    (found,) = waiting.settled(packages())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "the file has 20000 PINs with this Id" in str(found)
    assert most < 1_000_000
