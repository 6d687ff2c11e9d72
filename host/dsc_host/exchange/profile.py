"""The representation of a card in PSKC (RFC 6030): the role of each key, and the owners.

A card has one package each for its key, its PIN, its duress PIN and its unlock key, because RFC 6030 (section 4) allows only
one key in a package. The packages of a card are consecutive and have the same `SerialNo`.

    key          Algorithm   Key Id            identified by
    card's key   …:ocra      SERIAL
    PIN          …:pin       SERIAL:pin        `PINKeyId` in the PINPolicy of the card's key
    duress PIN   …:pin       SERIAL:duress     KeyProfileId dscplus:duress-pin
    unlock key   …:ocra      SERIAL:unlock     KeyUsage Unlock
"""

import re

from dsc_host.errors import InputError

OCRA = "urn:ietf:params:xml:ns:keyprov:pskc:ocra"
HOTP = "urn:ietf:params:xml:ns:keyprov:pskc:hotp"
TOTP = "urn:ietf:params:xml:ns:keyprov:pskc:totp"
PIN = "urn:ietf:params:xml:ns:keyprov:pskc:pin"
CHALLENGE_RESPONSE, ONE_TIME_PASSWORD, UNLOCK = "CR", "OTP", "Unlock"
ALGORITHMIC = "Algorithmic"
DURESS_PROFILE = "dscplus:duress-pin"

_OCRA_URI = re.compile(r"urn:ietf:params:xml:ns:keyprov:pskc[:#](ocra|OCRA-1:.*)", re.IGNORECASE)
_SPECIAL = re.compile(r'[\\,+"<>;=#]')
_VALUE = r'(?:[^\\,+"<>;=#]|\\[\\,+"<>;=#])+'
_NAMES = re.compile(f"UID={_VALUE}(?:,UID={_VALUE})*")
_NAME = re.compile(f"UID=({_VALUE})")


def is_ocra(algorithm: str) -> bool:
    """Return whether an algorithm's URI means OCRA."""
    return _OCRA_URI.fullmatch(algorithm) is not None


def suite_in(algorithm: str) -> str | None:
    """Return the suite with which an algorithm's URI ends, as in a draft of the OCRA profile. Return None if it has none."""
    found = _OCRA_URI.fullmatch(algorithm)
    return None if found is None or found[1].lower() == "ocra" else found[1]


def user_id(owners: tuple[str, ...]) -> str | None:
    """Format the owners as a distinguished name (RFC 4514), the format of a `UserId`: `UID=anna,UID=ben`."""
    return ",".join("UID=" + _SPECIAL.sub(r"\\\g<0>", owner) for owner in owners) or None


def owners_in(user_id: str | None) -> tuple[str, ...]:
    """Parse the owners that `user_id` formatted. Any other `UserId` is the name of one owner."""
    if not user_id:
        return ()
    if _NAMES.fullmatch(user_id) is None:
        return (user_id,)
    return tuple(re.sub(r"\\(.)", r"\1", name) for name in _NAME.findall(user_id))


def check_one_time_password(kind: str, suite: str | None) -> None:
    """Raise `InputError` for a TOTP key, and for an HOTP key if `suite` is None.

    The message names servers that can use such keys.
    """
    server = f"a server for {kind.upper()}, such as privacyIDEA or LinOTP"
    if kind == "totp":
        raise InputError("algorithm", f"is TOTP, which answers no challenges; import the key into {server}")
    if suite is None:
        problem = "is missing: this is an HOTP key; if the card answers challenges with it, give its OCRA suite (--suite)"
        raise InputError("suite", f"{problem}; otherwise import the key into {server}")
