"""PSKC files that other programs write differently: a single error for the whole file names the cause and the remedy."""

import base64
import gzip
import hmac
import io
import re
import zipfile

import pytest
from tests.host.exchange.exchange_samples import DATA, KEY, SUITE, encrypted, first_refusal, read, refused, replaced

from dsc_host.exchange import Refusal

RSA = b"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
KEY_NAME = b"<ds:KeyName>Pre-shared-key</ds:KeyName>"
DRAFT_ROOTS = [
    b'<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc:1.0"/>',
    b'<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:schema:keyprov:container:1.0"/>',
    b'<KeyContainer Version="1.0"/>',
    b'<SecretContainer version="1.0" xmlns="http://www.openauthentication.org/OATH/2006/08/PSKC"/>',
]


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("cards.xml", data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (zipped(DATA), "is a ZIP archive; unpack it"),
        (gzip.compress(DATA), "is compressed with gzip; unpack it"),
        (b"-----BEGIN PGP MESSAGE-----\n", "OpenPGP"),
        (b"-----BEGIN CERTIFICATE-----\n", "is PEM"),
        (b"\n" + DATA, "has blanks, empty lines or text before <?xml; delete them"),
        (b"  " + DATA, "has blanks, empty lines or text before <?xml; delete them"),
        (replaced(b"A-1", "Zürich".encode("latin-1")), "bytes that are invalid in the encoding"),
        (DATA.decode().encode("utf-16"), "is not in the encoding that its first line names; save it"),
        (replaced(b'"UTF-8"', b'"UTF-16"'), "is not in the encoding that its first line names; save it"),
        *((root, "follows a draft of PSKC") for root in DRAFT_ROOTS),
    ],
    # Each process compresses and encrypts the data anew, and the names of the tests must be the same in all.
    ids=lambda each: "file" if isinstance(each, bytes) else None,
)
def test_a_file_that_is_no_pskc_as_it_is(data: bytes, problem: str) -> None:
    assert problem in refused(data)


@pytest.mark.parametrize("secrets", [{}, {"key": KEY}, {"passphrase": "correct horse"}, {"allow_plain": True}])
def test_a_file_for_the_owner_of_a_certificate_wants_no_key(secrets: dict[str, object]) -> None:
    certificate = b"<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data>"
    problem = refused(replaced(KEY_NAME, certificate), **secrets)
    assert "is encrypted with RSA" in problem
    assert "encrypt it with a passphrase" in problem


def test_values_that_are_encrypted_with_rsa_are_named() -> None:
    assert "is encrypted with RSA" in refused(encrypted({}).replace(b"http://www.w3.org/2001/04/xmlenc#aes128-cbc", RSA))


def mac_key() -> bytes:
    return bytes(range(32))


def with_macs_over(data: bytes, start: int, value: bytes | None = None) -> bytes:
    """Return the file with each MAC over its encrypted value from `start` on, or over `value`."""

    def again(found: re.Match[bytes]) -> bytes:
        signed = base64.b64decode(found[2])[start:] if value is None else value
        return found[1] + found[2] + found[3] + base64.b64encode(hmac.digest(mac_key(), signed, "sha1")) + b"<"

    return re.sub(rb"(<pskc:Secret>.*?CipherValue>)([^<]*)(<.*?ValueMAC>)[^<]*<", again, data, flags=re.DOTALL)


def test_macs_over_something_else_are_named() -> None:
    data = encrypted({}, {"serial": "B"}, mac_key=mac_key())
    assert with_macs_over(data, 0) == data
    assert "its MACs were computed over the values before encryption" in refused(with_macs_over(data, 0, bytes(20)))
    assert "its MACs were computed over the encrypted values without their IV" in refused(with_macs_over(data, 16))
    assert "nothing in it decrypts" in refused(with_macs_over(data, 0, bytes(21)))


@pytest.mark.parametrize(("length", "words"), [(16, "and decrypts to 0"), (20, "and decrypts to 4"), (12, "of 16 bytes")])
def test_a_value_without_its_iv_is_named(length: int, words: str) -> None:
    data = encrypted({"secret": bytes(length)}, {"serial": "B"}, mac_key=mac_key())
    (value,) = re.findall(rb"<pskc:Secret>.*?CipherValue>([^<]*)<", data, re.DOTALL)[:1]
    cut = with_macs_over(replaced(value, base64.b64encode(base64.b64decode(value)[16:]), data), 0)
    error = first_refusal(cut, key=KEY)
    assert (error.field, words in str(error)) == ("key", True)
    assert "without the initialization vector (IV)" in str(error)
    assert not isinstance(read(cut)[1], Refusal), SUITE
