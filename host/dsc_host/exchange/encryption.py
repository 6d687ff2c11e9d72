"""How a PSKC file's values are encrypted (RFC 6030, section 6), and the key that opens them: worked out once for a file.

AES in CBC mode is taken with an HMAC over the ciphertext, which is checked before anything is decrypted, and never without;
AES key wrap (RFC 3394, RFC 5649) checks itself. A value in the clear is taken only if the caller allows it.
"""

import base64
import hmac
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element  # only read here, and put under a root

from dsc_host.errors import InputError
from dsc_host.exchange import library, stream

if TYPE_CHECKING:
    from pskc import PSKC
    from pskc.device import Device

CIPHERS = {bits // 8: f"http://www.w3.org/2001/04/xmlenc#aes{bits}-cbc" for bits in (128, 192, 256)}
"""By the length of their keys, in bytes."""
WRAPS = frozenset(f"http://www.w3.org/2001/04/xmlenc#kw-aes{bits}" for bits in (128, 192, 256))
"""These are read only: few systems know them."""
MACS = {"http://www.w3.org/2000/09/xmldsig#hmac-sha1": "sha1"} | {
    f"http://www.w3.org/2001/04/xmldsig-more#hmac-sha{bits}": f"sha{bits}" for bits in (224, 256, 384, 512)
}
"""And their hashes, as Python calls them."""
MOST_ITERATIONS = 10_000_000
"""Of PBKDF2: some ten seconds. A file could ask for years."""

_READ = {*CIPHERS.values(), *WRAPS}
_LEAST_MAC_KEY = 16  # bytes: a shorter one could be guessed, and is nobody's


class Unopened(InputError):
    """A value that did not decrypt, or has another MAC."""

    def __init__(self) -> None:
        super().__init__("package", "does not open with this key, or was changed")


class Secrets:
    """What the caller gives to open, or to seal, a file: a key, or a passphrase, or, to read one in the clear, neither."""

    __slots__ = ("allow_plain", "key", "passphrase")

    def __init__(self, key: bytes | None, passphrase: str | None, allow_plain: bool = False) -> None:
        if key is not None and passphrase is not None:
            raise InputError("key", "give a key or a passphrase, not both")
        if key is not None and (not isinstance(key, bytes) or len(key) not in CIPHERS):
            raise InputError("key", "must be 16, 24 or 32 bytes")
        if passphrase is not None and (not isinstance(passphrase, str) or not passphrase or not _is_text(passphrase)):
            raise InputError("passphrase", "must be text, and not empty")
        self.key = key
        self.passphrase = passphrase
        self.allow_plain = allow_plain

    @property
    def given(self) -> bool:
        return self.key is not None or self.passphrase is not None


class Opener:
    """The head of one file, made ready to open its packages."""

    def __init__(self, head: list[stream.Piece], secrets: Secrets) -> None:
        """`head`: its `EncryptionKey` and `MACMethod`, where it has them. Raises `InputError`, for the whole file."""
        self._line = head[0].line if head else 1
        self._secrets = secrets
        self._encrypted = bool(head)
        self._hash = ""
        self._mac_key = b""
        elements = {piece.name: _kept(piece) for piece in head}
        if len(elements) < len(head):
            raise self._refusal("EncryptionKey or MACMethod is there twice")
        if self._encrypted and not secrets.given:
            raise self._refusal("is encrypted; give its key or its passphrase")
        self._document = self._made(elements)
        if self._encrypted:
            self._open(elements)

    def device(self, package: Element) -> "Device":
        """What the package says. Its values are not looked at. Raises whatever python-pskc raises."""
        return library.device(self._document, package)

    def check(self, secret: Element) -> None:
        """That a `Secret` is encrypted, or in the clear where that is allowed. Raises `InputError`.

        One for the whole file (field "PSKC file") if every other would be refused for the same reason.
        """
        if secret.find("EncryptedValue") is None:
            if not self._secrets.allow_plain:
                if self._encrypted:
                    raise InputError("key", "is in the clear, in a file that is otherwise encrypted")
                raise self._refusal("holds keys in the clear, which has to be allowed expressly (allow_plain)")
            return
        if not self._encrypted:
            raise self._refusal("has encrypted values, but no EncryptionKey")
        if secret.find("PlainValue") is not None:
            raise InputError("key", "is there twice: encrypted, and in the clear")

    def decrypted(self, field: str, value: Element) -> bytes:
        """What a `Secret`, or another value, holds encrypted.

        Raises `Unopened`; `InputError` for what this would not be safe to do with, and for the whole file without MACs.
        """
        encrypted = value.find("EncryptedValue")
        method = None if encrypted is None else encrypted.find("EncryptionMethod")
        if encrypted is None or method is None or method.get("Algorithm") not in _READ:
            raise InputError(field, "must be encrypted with AES-128, AES-192 or AES-256, in CBC mode or by AES key wrap")
        try:
            algorithm, ciphertext = library.encrypted_value(encrypted)
        except ValueError:
            raise InputError(field, "is not Base64") from None
        if not ciphertext or algorithm not in _READ:
            raise InputError(field, "holds an encrypted value that is malformed")
        if algorithm not in WRAPS:
            self._check_mac(field, value, ciphertext)
        try:
            return self._document.encryption.decrypt_value(ciphertext, algorithm)
        except Exception:  # the library's own, and, of a length that no cipher gives, those beneath it
            raise Unopened from None

    def _check_mac(self, field: str, value: Element, ciphertext: bytes) -> None:
        if not self._hash:
            raise self._refusal("has encrypted values, but no MACMethod to check them with")
        try:
            mac = base64.b64decode("".join((value.findtext("ValueMAC") or "").split()).encode(), validate=True)
        except ValueError:
            mac = b""
        if not mac:
            raise InputError(field, "has no ValueMAC, so that nobody could tell whether it was changed")
        if not hmac.compare_digest(mac, hmac.digest(self._mac_key, ciphertext, self._hash)):
            raise Unopened

    def nothing_opens(self) -> InputError:
        return self._refusal(
            "nothing in it opens: the key or passphrase is not the one it was encrypted with, or it was changed"
        )

    def _made(self, elements: dict[str, Element]) -> "PSKC":
        root = Element("KeyContainer", Version="1.0")
        root.extend(elements.values())
        try:
            return library.document(root)
        except InputError:
            raise
        except Exception:  # the library lets through whatever a malformed value causes in it
            raise self._refusal("its EncryptionKey or MACMethod is malformed") from None

    def _open(self, elements: dict[str, Element]) -> None:
        encryption, mac = self._document.encryption, self._document.mac
        if self._secrets.passphrase is not None:
            self._check_derivation(self._document)
        method = elements["MACMethod"].find("MACKey/EncryptionMethod") if "MACMethod" in elements else None
        if method is not None and method.get("Algorithm") not in _READ:
            raise self._refusal("its MAC's key must be encrypted with AES-128, AES-192 or AES-256, in CBC mode or by key wrap")
        try:
            if self._secrets.passphrase is not None:
                encryption.derive_key(self._secrets.passphrase)
            else:
                encryption.key = self._secrets.key
            # It is the file's own key if there is no other (RFC 6030, section 6.1.1).
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
            raise self._refusal("its key is not made of a passphrase with PBKDF2; give its key instead")
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


def _kept(piece: stream.Piece) -> Element:
    if piece.element is None:
        raise stream.refusal(piece.line, f"its {piece.name} is larger than 64 KiB")
    return piece.element


def _is_text(passphrase: str) -> bool:
    try:
        passphrase.encode()
    except UnicodeEncodeError:
        return False
    return True
