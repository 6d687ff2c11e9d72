"""Tests of the entropy port's health tests: what they accept, what they refuse, and that a refusal is final."""

import random
from collections.abc import Callable
from math import comb

import pytest

from dsc_firmware.entropy import START, Entropy, EntropyError

GOOD = random.Random(1).randbytes
FALSE_ALARM = 2.0**-20
MIN_ENTROPY = 4  # bits a byte that the source is assumed to give
WINDOW = 512


class Source:
    """A port that returns `data`, then good bytes."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.good = random.Random(2).randbytes

    def read(self, n: int) -> bytes:
        taken, self.data = self.data[:n], self.data[n:]
        return taken + self.good(n - len(taken))


class Faulty:
    """A port that returns `answer(n)` for every read."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self.read = answer


def silent(n: int) -> bytes:
    raise OSError(5)


def passes(data: bytes) -> bool:
    """Return whether the health tests accept exactly these first bytes."""
    entropy = Entropy(Source(data))
    try:
        return bytes(entropy.read(len(data))) == data
    except EntropyError:
        return False


def few_of(byte: int, count: int, size: int) -> bytes:
    """Return `size` bytes of which the first and `count` in all equal `byte`; no two neighbors are equal."""
    others = [n % 251 for n in range(size) if n % 251 != byte]
    data = bytearray(others[n % len(others)] for n in range(size))
    for n in range(count):
        data[2 * n] = byte
    return bytes(data)


def proportion_cutoff() -> int:
    """Return the cutoff of SP 800-90B, 4.4.2: 1 + the critical value of the binomial distribution."""
    p = 2.0**-MIN_ENTROPY
    below = 0.0
    for k in range(WINDOW + 1):
        below += comb(WINDOW, k) * p**k * (1 - p) ** (WINDOW - k)
        if below >= 1 - FALSE_ALARM:
            return k + 1
    raise AssertionError


REPEATS, SHARE = 1 + 20 // MIN_ENTROPY, proportion_cutoff()


@pytest.mark.parametrize(
    ("data", "good"),
    [
        (b"\1" + b"\7" * (REPEATS - 1) + b"\2", True),
        (b"\1" + b"\7" * REPEATS + b"\2", False),
        (b"\7" * REPEATS, False),
        (few_of(7, SHARE - 1, WINDOW), True),
        (few_of(7, SHARE, WINDOW), False),
        (few_of(7, SHARE - 1, WINDOW)[:-1] + b"\7", False),  # The last byte of a window counts.
        (few_of(7, SHARE - 1, WINDOW) * 2, True),  # Each window counts from zero.
        # The first window has one byte more; the second then begins with the frequent byte and counts it from there.
        (few_of(9, 1, WINDOW) + few_of(7, SHARE, WINDOW), False),
    ],
)
def test_repetition_and_proportion_stop_at_their_cutoffs(data: bytes, good: bool) -> None:
    assert passes(data) == good


def test_runs_are_counted_across_reads() -> None:
    entropy = Entropy(Source(b"\1\7\7\7\7\7\7\2"))
    entropy.read(4)
    with pytest.raises(EntropyError):
        entropy.read(4)


def test_good_source_passes_and_gives_what_it_gives() -> None:
    entropy = Entropy(Source(bytes(range(64))))
    assert bytes(entropy.read(64)) == bytes(range(64))
    assert entropy.start()


def test_start_tests_fresh_bytes_and_throws_them_away() -> None:
    asked = []
    entropy = Entropy(Faulty(lambda n: asked.append(n) or GOOD(n)))
    assert entropy.start()
    assert sum(asked) == START


@pytest.mark.parametrize(
    "answer",
    [
        bytes,
        lambda n: b"\xff" * n,
        lambda n: bytes(random.Random(n).choices(b"\0\1", k=n)),
        lambda n: bytes(n % 4 for n in range(n)),
        lambda n: GOOD(n - 1),
        lambda n: GOOD(n + 1),
        lambda n: b"",
        silent,
    ],
    ids=["zeros", "ones", "biased", "four values", "short", "long", "empty", "silent"],
)
def test_bad_source_fails_for_good(answer: Callable[[int], bytes]) -> None:
    port = Faulty(answer)
    entropy = Entropy(port)
    assert not entropy.start()
    port.read = GOOD
    assert not entropy.start()
    with pytest.raises(EntropyError):
        entropy.read(1)
    assert not entropy.healthy


def test_source_that_fails_late_gives_nothing_more() -> None:
    port = Faulty(GOOD)
    entropy = Entropy(port)
    assert entropy.start()
    port.read = silent
    with pytest.raises(EntropyError):
        entropy.read(32)
    port.read = GOOD
    with pytest.raises(EntropyError):
        entropy.read(32)
