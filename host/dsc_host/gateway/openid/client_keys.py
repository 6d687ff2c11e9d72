"""The public keys with which a client authenticates (`private_key_jwt`), as a JSON Web Key Set."""

import json

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from dsc_host.errors import InputError

ALGORITHMS = ("ES256", "RS256", "PS256")
_MOST_KEYS = 10
_LEAST_RSA_BITS = 2048


def checked(data: bytes) -> str:
    """Return the public keys in a JWK or a JWK Set as JSON text, in which each key has an id. Raises `InputError`.

    The private parts of keys are removed, so that they are never stored.
    """
    try:
        given = json.loads(data.decode("utf-8"))
        keys = KeySet.import_key_set(given if "keys" in given else {"keys": [given]})
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        keys = KeySet([])
    if not 0 < len(keys.keys) <= _MOST_KEYS or not all(isinstance(key, ECKey | RSAKey) and _is_strong(key) for key in keys):
        raise InputError("keys", "must be a JSON Web Key Set with 1 to 10 public keys: P-256, or RSA with 2048 bits or more")
    return json.dumps({"keys": [{**key.as_dict(private=False), "kid": key.kid or key.thumbprint()} for key in keys]})


def load(text: str) -> KeySet:
    """Return the keys in a text that `checked` has returned."""
    return KeySet.import_key_set(json.loads(text))


def _is_strong(key: ECKey | RSAKey) -> bool:
    if isinstance(key, ECKey):
        return key.curve_name == "P-256"
    return key.public_key.key_size >= _LEAST_RSA_BITS
