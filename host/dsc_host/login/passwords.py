"""Passwords, kept as Argon2id hashes (RFC 9106), and made anew when the policy asks for more than what is kept.

Three promises:

1. Every refusal is the same work: a hash under each cost that any kept hash has, and under the policy's. Which user it is,
   whether there is one, and how old their hash is cannot be told from the time.
2. The memory that hashes take is bounded, however many people log in at once: a few threads compute all of them.
3. Where even that memory is not to be had, `OutOfMemory` is raised, and nobody is let in.
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
"""How long the costs of the kept hashes are remembered: hashes are made anew, and a cost is not paid for ever."""
SUFFIX_LETTERS = 67
"""What follows the cost in the PHC form: $, 16 bytes of salt, $, 32 bytes of hash, in base64 without padding."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Work:
    """What one hash costs."""

    memory_kib: int
    iterations: int
    lanes: int

    @classmethod
    def of(cls, kept: str) -> "Work | None":
        """Return what a hash in the PHC form, or its beginning, costs; None for anything but Argon2id."""
        found = _COST.fullmatch(kept)
        return cls(int(found[1]), int(found[2]), int(found[3])) if found else None

    def kdf(self, salt: bytes) -> Argon2id:
        """Return what computes a hash of this cost."""
        return Argon2id(
            salt=salt, length=_HASH_BYTES, iterations=self.iterations, lanes=self.lanes, memory_cost=self.memory_kib
        )  # fmt: skip


class Works:
    """The costs that kept hashes have. Threads may share one: at worst, two read them at once."""

    def __init__(self) -> None:
        self._found: frozenset[Work] = frozenset()
        self._read_at: float | None = None

    @property
    def found(self) -> frozenset[Work]:
        """The costs that are known."""
        return self._found

    def renew(self, now: float, read: Callable[[], Iterable[str]]) -> None:
        """Read them again if it is time to. `read` returns what stands before the salt of each hash, each text once."""
        if self._read_at is None or not 0 <= now - self._read_at < _COSTS_SECONDS:
            self._found = frozenset(work for text in read() if (work := Work.of(text)) is not None)
            self._read_at = now

    def add(self, work: Work) -> None:
        """Remember a cost that a kept hash turned out to have."""
        self._found |= {work}


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
    works: Works = field(default_factory=Works, repr=False, compare=False)
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
        """Return a hash in the PHC form, another one for each call. Raises `OutOfMemory`."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return self._done(lambda: self._work.kdf(salt).derive_phc_encoded(password.encode()))

    def matches(self, password: object, kept: str | None) -> bool:
        """Return whether it is the one that was hashed; with nothing kept, never. Every call is the same work.

        Raises `OutOfMemory`, whatever the password.
        """
        text = password if isinstance(password, str) and len(password) <= self.cost.longest else ""
        data = text.encode("utf-8", "surrogatepass")
        mine = None if kept is None else Work.of(kept)
        costs = {self._work, *self.works.found}
        if mine is not None and mine not in costs:
            self.works.add(mine)
            costs.add(mine)
        works = sorted(costs)

        def compared() -> bool:
            # All of them in one go, so that no other login comes between the parts of this one.
            right = [self._compared(data, work, kept if work == mine else None) for work in works]
            return any(right)

        return self._done(compared) and text != "" and text == password

    def is_weaker(self, kept: str) -> bool:
        """Return whether the hash was made with another cost than the policy's of now."""
        return Work.of(kept) != self._work

    @property
    def _work(self) -> Work:
        return Work(self.cost.memory_kib, self.cost.iterations, self.cost.lanes)

    @staticmethod
    def _compared(data: bytes, work: Work, kept: str | None) -> bool:
        """Compute one hash, and return whether it is the kept one."""
        if kept is None:
            work.kdf(bytes(_SALT_BYTES)).derive(data)
            return False
        try:
            Argon2id.verify_phc_encoded(data, kept)
        except InvalidKey:
            return False
        return True

    def _done(self, job: Callable[[], T]) -> T:
        """Return what a thread of this one's own has computed. Raises `OutOfMemory`."""
        with out_of_memory():
            return self._workers.submit(job).result()
