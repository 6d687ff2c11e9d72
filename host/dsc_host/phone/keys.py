"""The three keys that the app derives.

- `pin_key` is derived from the PIN and from the user's secret key, which the app stores.
- `biometrics_key` is derived from the secret key alone. The phone uses it after it has recognized a finger or a face.
- `recovery_key` is derived from the user's name and the PIN. With this key, a user replaces the app on a lost phone.

The app does not store the PIN. A wrong PIN gives another key, and this key gives a wrong response that looks like any other
response. So somebody who has stolen the phone can test a PIN only at the server, which counts the failures.
"""

import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dsc_host.errors import InputError

KEY_BYTES = 32
_SHORTEST, _LONGEST = 4, 6


def pin_key(key: bytes, pin: str) -> bytes:
    """Return the 32-byte key for responses with the PIN. `key` is the user's secret key. Raises as `check_pin` does."""
    check_pin(pin)
    return _derived(key, b"dscplus phone pin " + pin.encode("ascii"))


def biometrics_key(key: bytes) -> bytes:
    """Return the 32-byte key for responses after a finger or a face was recognized. `key` is the user's secret key."""
    return _derived(key, b"dscplus phone biometrics")


def recovery_key(name: str, pin: str) -> bytes:
    """Return the 32-byte key which proves that the user `name` knows the PIN of the app on a lost phone.

    The derivation is slow on purpose: nothing else protects the PIN from somebody who has stolen this key from the server.
    Raises `InputError` for a malformed PIN.
    """
    check_pin(pin)
    kdf = Scrypt(salt=b"dscplus phone recovery " + name.encode(), length=KEY_BYTES, n=2**14, r=8, p=1)
    return kdf.derive(pin.encode("ascii"))


def check_pin(pin: str) -> None:
    """Raise `InputError` unless the PIN has 4 to 6 printable ASCII characters, none of which is a space."""
    if not isinstance(pin, str) or not re.fullmatch(f"[!-~]{{{_SHORTEST},{_LONGEST}}}", pin):
        raise InputError(
            "PIN",
            "must have {least} to {most} Latin letters without accents, digits or special characters, and no blanks",
            least=_SHORTEST,
            most=_LONGEST,
        )


def _derived(key: bytes, label: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label).derive(key)
