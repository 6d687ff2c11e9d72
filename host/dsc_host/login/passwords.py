"""Password hashes with Argon2id (RFC 9106). A login renews a hash whose cost differs from the policy's.

Three promises:

1. Every refusal takes the same work: a hash is computed for each cost that the policy or any stored hash has. So the time
   reveals neither whether the user exists nor how old the user's hash is.
2. The memory for hashes is bounded even if many people log in at the same time: a few threads compute all hashes.
3. If the memory for a hash is not available, `OutOfMemory` is raised, and the login fails.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from dsc_host.errors import InputError, out_of_memory

_SALT_BYTES = 16
_HASH_BYTES = 32
_AT_ONCE = 4
_COST = re.compile(r"\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})(\$.*)?")
_COSTS_SECONDS = 600
"""The seconds after which the costs of the stored hashes are read again. Logins may have renewed hashes in the meantime."""
SUFFIX_LETTERS = 67
"""The number of characters after the cost in the PHC form: $, 16 bytes of salt, $, and 32 bytes of hash in unpadded base64."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class HashCost:
    """The cost of one hash."""

    memory_kib: int
    iterations: int
    lanes: int

    @classmethod
    def of(cls, kept: str) -> "HashCost | None":
        """Return the cost of a hash in the PHC form; None if the hash is not Argon2id. `kept` may end before the salt."""
        found = _COST.fullmatch(kept)
        return cls(int(found[1]), int(found[2]), int(found[3])) if found else None

    def kdf(self, salt: bytes) -> Argon2id:
        """Return the key derivation function that computes a hash with this cost."""
        return Argon2id(
            salt=salt, length=_HASH_BYTES, iterations=self.iterations, lanes=self.lanes, memory_cost=self.memory_kib
        )  # fmt: skip


class StoredCosts:
    """The costs of the stored hashes. Threads may share an object: at worst, two threads read the same costs."""

    def __init__(self) -> None:
        self._found: frozenset[HashCost] = frozenset()
        self._read_at: float | None = None

    @property
    def found(self) -> frozenset[HashCost]:
        """Return the known costs."""
        return self._found

    def renew(self, now: float, read: Callable[[], Iterable[str]]) -> None:
        """Read the costs again if they are older than ten minutes.

        `read` returns the texts that precede the salt in the stored hashes, each text once.
        """
        if self._read_at is None or not 0 <= now - self._read_at < _COSTS_SECONDS:
            self._found = frozenset(cost for text in read() if (cost := HashCost.of(text)) is not None)
            self._read_at = now

    def add(self, cost: HashCost) -> None:
        """Add the cost of a stored hash that was not known before."""
        self._found |= {cost}


class PasswordSettings(Protocol):
    """The settings for passwords, as in the table `passwords` of the policy."""

    @property
    def shortest(self) -> int:
        """The minimum number of characters."""

    @property
    def longest(self) -> int:
        """The maximum number of characters."""

    @property
    def memory_kib(self) -> int:
        """The memory for one hash, in KiB."""

    @property
    def iterations(self) -> int:
        """The number of passes over the memory."""

    @property
    def lanes(self) -> int:
        """The number of lanes that Argon2id computes in parallel."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """A hasher and checker of passwords. Threads may share an object."""

    settings: PasswordSettings
    stored_costs: StoredCosts = field(default_factory=StoredCosts, repr=False, compare=False)
    # Compute all hashes in a few fixed threads, because the C library keeps freed memory for the thread that freed it. If each
    # of the many threads of the web server computed hashes, each would keep such memory.
    _workers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "passwords"), repr=False, compare=False
    )

    def check_new(self, password: str, *others: str) -> None:
        """Raise `InputError` if a new password is too short, too long, easy to guess, not printable, or one of `others`.

        `others` are texts that the password must not equal, in any case of letters: the name, and the old password if known.
        """
        if not isinstance(password, str) or not self.settings.shortest <= len(password) <= self.settings.longest:
            raise InputError(
                "password", "must have {least} to {most} characters", least=self.settings.shortest, most=self.settings.longest
            )
        if not password.isprintable():
            raise InputError("password", "must have only visible characters and spaces")
        if len(set(password)) < 4 or password.casefold() in {other.casefold() for other in others}:
            raise InputError(
                "password", "must be harder to guess: not your name, not your old password, and at least 4 different characters"
            )

    def hashed(self, password: str) -> str:
        """Return a hash in the PHC form. Each call uses a new salt. Raises `OutOfMemory`."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return self._run(lambda: self._cost.kdf(salt).derive_phc_encoded(password.encode()))

    def matches(self, password: object, kept: str | None) -> bool:
        """Return whether `kept` is a hash of this password; False if `kept` is None. Every call takes the same work.

        May raise `OutOfMemory` for any password.
        """
        text = password if isinstance(password, str) and len(password) <= self.settings.longest else ""
        data = text.encode("utf-8", "surrogatepass")
        mine = None if kept is None else HashCost.of(kept)
        costs = {self._cost, *self.stored_costs.found}
        if mine is not None and mine not in costs:
            self.stored_costs.add(mine)
            costs.add(mine)
        # Compute all hashes in one job, so that no other login runs between them.
        right = self._run(lambda: [self._compared(data, cost, kept if cost == mine else None) for cost in sorted(costs)])
        return any(right) and text != "" and text == password

    def is_outdated(self, kept: str) -> bool:
        """Return whether the cost of the hash differs from the policy's current cost."""
        return HashCost.of(kept) != self._cost

    @property
    def _cost(self) -> HashCost:
        return HashCost(self.settings.memory_kib, self.settings.iterations, self.settings.lanes)

    @staticmethod
    def _compared(data: bytes, cost: HashCost, kept: str | None) -> bool:
        """Compute one hash. Return whether it equals the stored hash."""
        if kept is None:
            cost.kdf(bytes(_SALT_BYTES)).derive(data)
            return False
        try:
            Argon2id.verify_phc_encoded(data, kept)
        except InvalidKey:
            return False
        return True

    def _run(self, job: Callable[[], T]) -> T:
        """Run `job` in one of the hashing threads and return its result. Raises `OutOfMemory`."""
        with out_of_memory():
            return self._workers.submit(job).result()
