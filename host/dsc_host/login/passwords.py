"""Passwords, kept as Argon2id hashes (RFC 9106), and made anew when the policy asks for more than what is kept.

Two promises: to be refused for a name that there is not takes as long as for a wrong password; and the memory that hashes
take is bounded, however many people log in at once: a few threads compute all of them.
"""

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from dsc_host.errors import InputError

_SALT_BYTES = 16
_HASH_BYTES = 32
_AT_ONCE = 4


class Cost(Protocol):
    """The policy's table `passwords`."""

    @property
    def shortest(self) -> int: ...
    @property
    def longest(self) -> int: ...
    @property
    def memory_kib(self) -> int: ...
    @property
    def iterations(self) -> int: ...
    @property
    def lanes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Passwords:
    """Makes and checks the hashes. Threads may share one."""

    cost: Cost
    # A limit alone would not do: the C library keeps what was freed for the thread that freed it, and the pages have many.
    _workers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "passwords"), repr=False, compare=False
    )

    def check_new(self, password: str, *others: str) -> None:
        """Raises `InputError` for one that is too short, too long, or one of `others`: the name, the old password."""
        if not isinstance(password, str) or not self.cost.shortest <= len(password) <= self.cost.longest:
            raise InputError(
                "password", "must have {least} to {most} characters", least=self.cost.shortest, most=self.cost.longest
            )
        if not password.isprintable():
            raise InputError("password", "must have characters that can be seen, and blanks, only")
        if len(set(password)) < 4 or password.casefold() in {other.casefold() for other in others}:
            raise InputError("password", "must be harder to guess: another than your name, your old one, or a few characters")

    def hashed(self, password: str) -> str:
        """A hash of its own for each call, in the PHC form."""
        kdf = self._kdf(secrets.token_bytes(_SALT_BYTES))
        return self._workers.submit(kdf.derive_phc_encoded, password.encode()).result()

    def matches(self, password: object, kept: str | None) -> bool:
        """Whether it is the one that was hashed. With nothing kept, never; it takes as long."""
        text = password if isinstance(password, str) and len(password) <= self.cost.longest else ""
        data = text.encode("utf-8", "surrogatepass")
        if kept is None:
            self._workers.submit(self._kdf(bytes(_SALT_BYTES)).derive, data).result()
            return False
        try:
            self._workers.submit(Argon2id.verify_phc_encoded, data, kept).result()
        except InvalidKey:
            return False
        return text != "" and text == password

    def is_weaker(self, kept: str) -> bool:
        """Whether the hash was made with another cost than the policy's of now."""
        cost = f"m={self.cost.memory_kib},t={self.cost.iterations},p={self.cost.lanes}"
        found = re.fullmatch(r"\$argon2id\$v=19\$([^$]+)\$.*", kept)
        return found is None or found[1] != cost

    def _kdf(self, salt: bytes) -> Argon2id:
        return Argon2id(
            salt=salt,
            length=_HASH_BYTES,
            iterations=self.cost.iterations,
            lanes=self.cost.lanes,
            memory_cost=self.cost.memory_kib,
        )
