"""The keys that sign ID tokens and logout tokens: ES256, sealed in the vault under the master key.

A new key is published for some minutes before it signs. So clients that cache the published keys learn the new key in time. The
previous key stays published for a day. The first key, and a new key after a theft, sign immediately. Keys are numbered: if two
processes make the first key at the same time, both use the key that was stored first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey

from dsc_host.login.transaction import LoginTransaction
from dsc_host.records import vault

PUBLISHED_SECONDS = 600
"""The seconds for which a new key is published before it signs. Clients may cache the published keys for half this time."""
OVERLAP_SECONDS = 24 * 60 * 60
"""The seconds for which a key stays published after it has signed for the last time."""
_PREFIX = "openid-key:"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with its number, and with the period in which it signs, in Unix seconds."""

    number: int
    key: ECKey
    made_at: float
    signs_from: float
    signs_until: float | None = None
    """The time at which the next key begins to sign, or None if there is no next key."""

    @property
    def id(self) -> str:
        """The thumbprint of the key, which names it in tokens."""
        return self.key.thumbprint()

    def public(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key."""
        return {**self.key.as_dict(private=False), "kid": self.id, "use": "sig", "alg": "ES256"}


def ensure(tx: LoginTransaction) -> None:
    """Make the first key if there is none. It signs immediately."""
    if not vault.names(tx.db, _PREFIX):
        _make(tx, 1, at_once=True)


def rotate(tx: LoginTransaction, *, at_once: bool = False) -> SigningKey:
    """Make a new key and return it. With `at_once`, it signs now, and all other keys are removed, for example after a theft."""
    keys = load(tx)
    old = [key for key in keys if at_once or _is_over(key, tx.now())]
    number = keys[-1].number + 1 if keys else 1
    vault.forget(tx.db, *(_name(key.number) for key in old))
    _make(tx, number, at_once=at_once or not keys)
    return load(tx)[-1]


def load(tx: LoginTransaction) -> list[SigningKey]:
    """Return all keys, the oldest first. Raises `StoreError` if a key was tampered with."""
    keys: list[SigningKey] = []
    for name, record in reversed(vault.load(tx.cards, _PREFIX).items()):
        kept: Mapping[str, Any] = json.loads(record)
        until = keys[-1].signs_from if keys else None
        number = int(name.removeprefix(_PREFIX))
        keys.append(SigningKey(number, ECKey.import_key(kept["key"]), kept["made_at"], kept["signs_from"], until))
    return keys[::-1]


def published(tx: LoginTransaction) -> list[SigningKey]:
    """Return the keys that clients get, the oldest first."""
    return [key for key in load(tx) if not _is_over(key, tx.now())]


def signing(tx: LoginTransaction) -> SigningKey:
    """Return the key that signs now."""
    keys = load(tx)
    # If the clock was set back, perhaps no key signs yet. Then the oldest key signs.
    return ([key for key in keys if key.signs_from <= tx.now()] or keys[:1])[-1]


def _is_over(key: SigningKey, now: float) -> bool:
    return key.signs_until is not None and now >= key.signs_until + OVERLAP_SECONDS


def _make(tx: LoginTransaction, number: int, *, at_once: bool) -> None:
    now = tx.now()
    key = ECKey.generate_key("P-256", private=True)
    kept = {"key": key.as_dict(private=True), "made_at": now, "signs_from": now if at_once else now + PUBLISHED_SECONDS}
    if vault.get_or_put(tx.cards, _name(number), json.dumps(kept).encode()) == json.dumps(kept).encode():
        tx.log("openid.key", None, "done", "made", number=str(number))


def _name(number: int) -> str:
    return f"{_PREFIX}{number:06}"
