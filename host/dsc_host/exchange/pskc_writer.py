"""The writer of PSKC files. Every key and PIN is encrypted, and no option changes that.

Values are encrypted with AES in CBC mode and authenticated with HMAC-SHA-256. A given key determines the size of AES. From a
passphrase, a key for AES-256 is derived by PBKDF2 with HMAC-SHA-256. This module writes the head of the file itself, because
python-pskc writes the name of PBKDF2's hash in a place where no reader looks for it.
"""

import base64
import io
import secrets as random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.sax.saxutils import quoteattr  # its parser is not used

from dsc_host.errors import InputError
from dsc_host.exchange import formats, library, profile, stream
from dsc_host.exchange.encryption import CIPHERS, Secrets
from dsc_host.exchange.validity import as_date
from dsc_host.ocra import Suite
from dsc_host.verifier import Enrollment, card_rules, unlock_codes

if TYPE_CHECKING:
    from pskc import PSKC

ITERATIONS = 600_000
"""The number of PBKDF2-HMAC-SHA-256 iterations in written files. Each guess at a passphrase costs about half a second."""
LEAST_PASSPHRASE = 8
"""The minimum length of a passphrase, in characters."""
_BATCH = 100
_SALT_BYTES = 16
_KEY_BYTES = 32
_MAC = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
_FIRST, _FOOT = b"<pskc:KeyPackage>", b"</pskc:KeyContainer>"


def write_pskc(
    file: BinaryIO, enrollments: Iterable[Enrollment], *, key: bytes | None = None, passphrase: str | None = None
) -> int:
    """Write the cards to `file` as PSKC (RFC 6030), with encrypted keys and PINs. Return the number of cards.

    Give exactly one of `key` (16, 24 or 32 random bytes) and `passphrase` (8 characters or more, encoded in UTF-8).
    Serials, suites, counters and owners are readable by anybody, and no MAC covers them.

    Memory does not grow with the number of cards. Raises `InputError` for an invalid key or passphrase, for a card that could
    not be enrolled again, and if there is no card. After an error, discard the incomplete file.
    """
    secrets = Secrets(key, passphrase)
    if not secrets.given:
        raise InputError("key", "is missing: give a key or a passphrase, because no key is ever written in the clear")
    if passphrase is not None and len(passphrase) < LEAST_PASSPHRASE:
        raise InputError("passphrase", f"must have {LEAST_PASSPHRASE} characters or more")
    sealer = _Sealer(secrets)
    cards = iter(enrollments)
    total = 0
    while batch := list(islice(cards, _BATCH)):
        packages = sealer.packages(batch)
        if not total:
            file.write(sealer.head())
        file.write(packages)
        total += len(batch)
    if not total:
        raise InputError("cards", "are missing: a PSKC file holds at least one")
    file.write(_FOOT + b"\n")
    return total


class _Sealer:
    """The encrypter of one file's values."""

    def __init__(self, secrets: Secrets) -> None:
        self._document = library.document()
        encryption = self._document.encryption
        self._salt: bytes | None = None
        if secrets.passphrase is not None:
            self._salt = random.token_bytes(_SALT_BYTES)
            encryption.setup_pbkdf2(
                secrets.passphrase,
                algorithm=CIPHERS[_KEY_BYTES],
                key_length=_KEY_BYTES,
                salt=self._salt,
                iterations=ITERATIONS,
                prf=_MAC,
            )
        elif secrets.key is not None:
            encryption.setup_preshared_key(key=secrets.key, algorithm=CIPHERS[len(secrets.key)])
        self._document.mac.setup(key=random.token_bytes(_KEY_BYTES), algorithm=_MAC)

    def head(self) -> bytes:
        """Return the part of the file before the first package."""
        mac_key = self._document.mac.key
        if mac_key is None:
            raise InputError("key", "is missing")
        sealed = base64.b64encode(self._document.encryption.encrypt_value(mac_key)).decode()
        return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<pskc:KeyContainer Version="1.0" xmlns:pskc="{stream.NAMESPACE}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
 xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:xenc11="http://www.w3.org/2009/xmlenc11#"
 xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#">
 <pskc:EncryptionKey>{self._encryption_key()}</pskc:EncryptionKey>
 <pskc:MACMethod Algorithm={quoteattr(_MAC)}>
  <pskc:MACKey>
   <xenc:EncryptionMethod Algorithm={quoteattr(self._document.encryption.algorithm or "")}/>
   <xenc:CipherData><xenc:CipherValue>{sealed}</xenc:CipherValue></xenc:CipherData>
  </pskc:MACKey>
 </pskc:MACMethod>
 """.encode()

    def packages(self, enrollments: list[Enrollment]) -> bytes:
        """Return the packages of these cards, in order."""
        self._document.devices.clear()
        for enrollment in enrollments:
            try:
                card_rules.check(enrollment)
            except InputError as error:
                shown = card_rules.shown_serial(enrollment.serial)
                raise InputError(error.field, f"of card {shown}: {error.problem}") from None
            _add_card(self._document, enrollment)
        whole = io.BytesIO()
        self._document.write(whole)
        written = whole.getvalue()
        # The library writes a whole document. Use only the part between its head and its foot.
        return written[written.index(_FIRST) : written.rindex(_FOOT)]

    def _encryption_key(self) -> str:
        if self._salt is None:
            return "<ds:KeyName>Pre-shared-key</ds:KeyName>"
        return f"""<xenc11:DerivedKey>
   <xenc11:KeyDerivationMethod Algorithm="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2">
    <pkcs5:PBKDF2-params>
     <Salt><Specified>{base64.b64encode(self._salt).decode()}</Specified></Salt>
     <IterationCount>{ITERATIONS}</IterationCount>
     <KeyLength>{_KEY_BYTES}</KeyLength>
     <PRF Algorithm={quoteattr(_MAC)}/>
    </pkcs5:PBKDF2-params>
   </xenc11:KeyDerivationMethod>
   <xenc11:MasterKeyName>Passphrase</xenc11:MasterKeyName>
  </xenc11:DerivedKey>"""


def _add_card(document: "PSKC", enrollment: Enrollment) -> None:
    for attributes in _keys(enrollment, Suite.parse(enrollment.suite)):
        document.add_key(serial=enrollment.serial, **attributes)


def _keys(enrollment: Enrollment, suite: Suite) -> Iterator[dict[str, Any]]:
    serial = enrollment.serial
    main = _key(serial, enrollment.key, suite) | {
        "counter": enrollment.counter if suite.counter else None,
        "key_userid": profile.user_id(enrollment.owners),
        "policy.key_usage": [profile.CHALLENGE_RESPONSE],
        "policy.start_date": as_date(enrollment.valid_from),
        "policy.expiry_date": as_date(enrollment.valid_until),
    }
    if enrollment.pin is not None:
        main |= {
            "policy.pin_key_id": f"{serial}:pin",
            "policy.pin_usage": profile.ALGORITHMIC,
            "policy.pin_encoding": "DECIMAL",
        }
    yield main
    if enrollment.pin is not None:
        yield _pin(f"{serial}:pin", enrollment.pin)
    if enrollment.duress_pin is not None:
        yield _pin(f"{serial}:duress", enrollment.duress_pin) | {"key_profile": profile.DURESS_PROFILE}
    if enrollment.unlock_key is not None:
        yield _key(f"{serial}:unlock", enrollment.unlock_key, unlock_codes.SUITE) | {"policy.key_usage": [profile.UNLOCK]}


def _key(id_: str, secret: bytes, suite: Suite) -> dict[str, Any]:
    return {
        "id": id_,
        "algorithm": profile.OCRA,
        "algorithm_suite": suite.text,
        "challenge_encoding": formats.QUESTION_ENCODINGS[suite.question_format],
        "challenge_min_length": suite.question_length,
        "challenge_max_length": suite.question_length,
        "response_encoding": "DECIMAL",
        "response_length": suite.digits,
        "secret": secret,
    }


def _pin(id_: str, pin: str) -> dict[str, Any]:
    return {
        "id": id_,
        "algorithm": profile.PIN,
        "response_encoding": "DECIMAL",
        "response_length": len(pin),
        "secret": pin.encode(),
    }
