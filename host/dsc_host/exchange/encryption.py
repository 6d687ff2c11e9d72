"""The encryption of values in a PSKC file (RFC 6030, section 6). The key is derived once for each file.

AES in CBC mode is accepted only with an HMAC over the ciphertext, which is checked before decryption. AES key wrap (RFC 3394,
RFC 5649) authenticates itself. A key or PIN in the clear is accepted only if the caller allows it. A counter in the clear is
always accepted.
"""

import base64
import hmac
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element  # its parser is not used

from dsc_host.errors import InputError
from dsc_host.exchange import library, stream
from dsc_host.ocra import MIN_KEY_BYTES

if TYPE_CHECKING:
    from pskc import PSKC
    from pskc.device import Device

CIPHERS = {bits // 8: f"http://www.w3.org/2001/04/xmlenc#aes{bits}-cbc" for bits in (128, 192, 256)}
"""The URIs of the ciphers that are read and written, by the length of their keys in bytes."""
WRAPS = frozenset(f"http://www.w3.org/2001/04/xmlenc#kw-aes{bits}" for bits in (128, 192, 256))
"""The URIs of AES key wrap. Files that use it are read but never written, because few systems support it."""
MACS = {"http://www.w3.org/2000/09/xmldsig#hmac-sha1": "sha1"} | {
    f"http://www.w3.org/2001/04/xmldsig-more#hmac-sha{bits}": f"sha{bits}" for bits in (224, 256, 384, 512)
}
"""The URIs of the MACs, with the names of their hashes in Python."""
MOST_ITERATIONS = 10_000_000
"""The highest accepted number of PBKDF2 iterations. It takes about ten seconds. A hostile file could demand years."""

_READ = {*CIPHERS.values(), *WRAPS}
_BLOCK = 16  # bytes of AES
_NO_IV = "without the initialization vector (IV) of 16 bytes that must come first; export it again, with the IV"
_LEAST_MAC_KEY = 16  # bytes: a shorter key can be guessed, and no system uses such a key


class Unopened(InputError):
    """A value cannot be decrypted, or its MAC is wrong."""

    def __init__(self) -> None:
        super().__init__("package", "does not open with this key, or was changed")


class Secrets:
    """The caller's secret for one file: a key, a passphrase, or nothing for a file in the clear."""

    __slots__ = ("allow_plain", "key", "passphrase")

    def __init__(self, key: bytes | None, passphrase: str | None, allow_plain: bool = False) -> None:
        if key is not None and passphrase is not None:
            raise InputError("key", "give a key or a passphrase, not both")
        if key is not None and (not isinstance(key, bytes) or len(key) not in CIPHERS):
            raise InputError("key", "must be 16, 24 or 32 bytes")
        if passphrase is not None and (not isinstance(passphrase, str) or not passphrase or not _is_text(passphrase)):
            raise InputError("passphrase", "must be text that is not empty")
        self.key = key
        self.passphrase = passphrase
        self.allow_plain = allow_plain

    @property
    def given(self) -> bool:
        """Return whether there is a key or a passphrase."""
        return self.key is not None or self.passphrase is not None


class Opener:
    """The decrypter of one file's values, with the keys that the head of the file describes."""

    def __init__(self, head: list[stream.Piece], secrets: Secrets) -> None:
        """Derive the key. `head` holds the `EncryptionKey` and the `MACMethod` of the file, if it has them.

        Raises `InputError` if the head is malformed, if it needs a key or passphrase that is not in `secrets`, and if it shows
        that no value can be decrypted.
        """
        self._line = head[0].line if head else 1
        self._secrets = secrets
        self._encrypted = bool(head)
        self._hash = ""
        self._mac_key = b""
        self._unfit: tuple[bytes, str, bytes] | None = None
        """The first wrong MAC, with the algorithm and the ciphertext to which it belongs."""
        elements = {piece.name: _element_of(piece) for piece in head}
        if len(elements) < len(head):
            raise self._refusal("EncryptionKey or MACMethod occurs twice")
        if any(_needs_private_key(element) for element in elements.values()):
            raise self._private_key()
        if self._encrypted and not secrets.given:
            raise self._refusal("is encrypted; give its key or its passphrase")
        self._document = self._make_document(elements)
        if self._encrypted:
            self._open(elements)

    def device(self, package: Element) -> "Device":
        """Parse a package, from which the caller has removed the secrets and counters. Raises any error of python-pskc."""
        return library.device(self._document, package)

    def check(self, field: str, secret: Element) -> None:
        """Raise `InputError` if a `Secret` is in the clear without permission, has two values, or lacks an `EncryptionKey`.

        `field` names the secret in the error. The error names the whole PSKC file if it applies to every secret of the file.
        """
        if secret.find("EncryptedValue") is None:
            if not self._secrets.allow_plain:
                if self._encrypted:
                    raise InputError(field, "is in the clear, in a file that is otherwise encrypted")
                raise self._refusal("holds keys or PINs in the clear, which must be allowed explicitly (--allow-plain)")
            return
        if not self._encrypted:
            raise self._refusal("has encrypted values, but no EncryptionKey")
        if secret.find("PlainValue") is not None:
            raise InputError(field, "occurs twice: encrypted, and in the clear")

    def decrypted(self, field: str, value: Element) -> bytes:
        """Decrypt the encrypted value of a `Secret` or a `Counter`.

        `field` names the value in errors. Raises `Unopened` if the MAC is wrong or the key does not fit, and `InputError` if
        the value is malformed or has no MAC.
        """
        encrypted = value.find("EncryptedValue")
        if encrypted is not None and _needs_private_key(encrypted):
            raise self._private_key()
        method = None if encrypted is None else encrypted.find("EncryptionMethod")
        if encrypted is None or method is None or method.get("Algorithm") not in _READ:
            raise InputError(field, "must be encrypted with AES-128, AES-192 or AES-256, in CBC mode or by AES key wrap")
        try:
            algorithm, ciphertext = library.encrypted_value(encrypted)
        except ValueError:
            raise InputError(field, "is not Base64") from None
        if not ciphertext or algorithm not in _READ:
            raise InputError(field, "holds a malformed encrypted value")
        if algorithm not in WRAPS:
            self._check_mac(field, value, algorithm, ciphertext)
            size = f"has an encrypted value of {len(ciphertext)} bytes"
            if len(ciphertext) % _BLOCK:
                raise InputError(field, f"{size}, which is not a multiple of {_BLOCK}; export it again")
            if len(ciphertext) < 2 * _BLOCK:
                raise InputError(field, f"{size}, {_NO_IV}")
        try:
            return self._document.encryption.decrypt_value(ciphertext, algorithm)
        except Exception:  # errors of the library, and of its ciphers for an impossible length
            raise Unopened from None

    def check_key(self, key: bytes, secret: Element) -> None:
        """Raise `InputError` if a key that CBC decrypted is too short, for example because its value has no IV."""
        method = secret.find("EncryptedValue/EncryptionMethod")
        if len(key) < MIN_KEY_BYTES and method is not None and method.get("Algorithm") in CIPHERS.values():
            problem = f"must be {MIN_KEY_BYTES} bytes or more, and decrypts to {len(key)}"
            raise InputError("key", f"{problem}; if the original key is longer, its value was written {_NO_IV}")

    def _check_mac(self, field: str, value: Element, algorithm: str, ciphertext: bytes) -> None:
        if not self._hash:
            raise self._refusal("has encrypted values, but no MACMethod to check them with")
        try:
            mac = base64.b64decode("".join((value.findtext("ValueMAC") or "").split()).encode(), validate=True)
        except ValueError:
            mac = b""
        if not mac:
            raise InputError(field, "has no ValueMAC, so nobody could tell whether it was changed")
        if not self._is_mac(mac, ciphertext):
            self._unfit = self._unfit or (mac, algorithm, ciphertext)
            raise Unopened

    def _is_mac(self, mac: bytes, data: bytes) -> bool:
        return hmac.compare_digest(mac, hmac.digest(self._mac_key, data, self._hash))

    def nothing_opens(self) -> InputError:
        """Return the error for a file in which nothing can be decrypted."""
        if (over := self._mac_covers()) is not None:
            return self._refusal(f"its MACs were computed over {over}; export it with MACs over the whole encrypted values")
        return self._refusal("nothing in it decrypts: the key or passphrase is wrong, or the file was changed")

    def _mac_covers(self) -> str | None:
        """Return words for the data over which this file's wrong MACs were computed, or None if that is unknown.

        The value that is decrypted here is never used, because the file is refused in any case.
        """
        if self._unfit is None:
            return None
        mac, algorithm, ciphertext = self._unfit
        if self._is_mac(mac, ciphertext[_BLOCK:]):
            return "the encrypted values without their IV"
        try:
            plaintext = self._document.encryption.decrypt_value(ciphertext, algorithm)
        except Exception:  # as in `decrypted`
            return None
        return "the values before encryption, as in drafts of RFC 6030" if self._is_mac(mac, plaintext) else None

    def _private_key(self) -> InputError:
        return self._refusal(
            "is encrypted with RSA for the owner of a certificate, which dscplus does not open; "
            "encrypt it with a passphrase (PBKDF2) or a shared AES key instead"
        )

    def _make_document(self, elements: dict[str, Element]) -> "PSKC":
        root = Element("KeyContainer", Version="1.0")
        root.extend(elements.values())
        try:
            return library.document(root)
        except InputError:
            raise
        except Exception:  # a malformed value can raise any error inside the library
            raise self._refusal("its EncryptionKey or MACMethod is malformed") from None

    def _open(self, elements: dict[str, Element]) -> None:
        encryption, mac = self._document.encryption, self._document.mac
        if self._secrets.passphrase is not None:
            self._check_derivation(self._document)
        method = elements["MACMethod"].find("MACKey/EncryptionMethod") if "MACMethod" in elements else None
        if method is not None and method.get("Algorithm") not in _READ:
            raise self._refusal("the key of its MAC must be encrypted with AES-128, AES-192 or AES-256, by CBC or key wrap")
        try:
            if self._secrets.passphrase is not None:
                encryption.derive_key(self._secrets.passphrase)
            else:
                encryption.key = self._secrets.key
            # If the file names no MAC key, its encryption key is used for the MAC (RFC 6030, section 6.1.1).
            mac_key = mac.key
        except Exception:
            raise self.nothing_opens() from None
        if mac.algorithm is None:
            return
        if mac.algorithm not in MACS:
            raise self._refusal("its MAC must be an HMAC with SHA-1 or SHA-2")
        if mac_key is None or len(mac_key) < _LEAST_MAC_KEY:
            raise self.nothing_opens()
        self._hash, self._mac_key = MACS[mac.algorithm], mac_key

    def _check_derivation(self, document: "PSKC") -> None:
        derivation = document.encryption.derivation
        if derivation.algorithm is None or not derivation.algorithm.endswith("#pbkdf2"):
            raise self._refusal("its key is not derived from a passphrase with PBKDF2; give its key instead")
        if not 1 <= (derivation.pbkdf2_iterations or 0) <= MOST_ITERATIONS:
            raise self._refusal(f"its PBKDF2 must have 1 to {MOST_ITERATIONS} iterations")
        if derivation.pbkdf2_key_length not in CIPHERS:
            raise self._refusal("its PBKDF2 must make a key of 16, 24 or 32 bytes")
        if not derivation.pbkdf2_salt:
            raise self._refusal("its PBKDF2 must have a salt")
        if derivation.pbkdf2_prf is not None and derivation.pbkdf2_prf not in MACS:
            raise self._refusal("its PBKDF2 must use an HMAC with SHA-1 or SHA-2")

    def _refusal(self, problem: str) -> InputError:
        return stream.refusal(self._line, problem)


def _element_of(piece: stream.Piece) -> Element:
    if piece.element is None:
        raise stream.refusal(piece.line, f"its {piece.name} is larger than 64 KiB")
    return piece.element


def _needs_private_key(element: Element) -> bool:
    """Return whether the element is encrypted for the owner of a certificate, or with RSA."""
    return any("X509" in each.tag or "#rsa" in each.get("Algorithm", "") for each in element.iter())


def _is_text(passphrase: str) -> bool:
    try:
        passphrase.encode()
    except UnicodeEncodeError:
        return False
    return True
