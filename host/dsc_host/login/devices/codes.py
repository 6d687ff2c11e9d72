"""Codes: those on a security code card, and those that are sent or read out.

Three promises: every code of a card is as likely as any other; no index is asked for again before all have been; and a check
takes as long for a wrong code as for a right one, and raises for nothing that anybody may type.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Sequence

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without those that are taken for others: 0 and O, 1, I and L."""
_LONGEST = 64
_FAIR = 256 - 256 % len(ALPHABET)


def code(seed: bytes, index: int, letters: int) -> str:
    """The code at an index, 1 or more, of the card with this seed."""
    found: list[str] = []
    block = 0
    while len(found) < letters:
        data = hmac.digest(seed, f"dscplus code {index} {block}".encode(), "sha256")
        # Bytes beyond a multiple of the alphabet would make its first letters likelier.
        found += [ALPHABET[byte % len(ALPHABET)] for byte in data if byte < _FAIR]
        block += 1
    return "".join(found[:letters])


def codes(seed: bytes, count: int, letters: int) -> tuple[str, ...]:
    """All of a card, from index 1 on."""
    return tuple(code(seed, index, letters) for index in range(1, count + 1))


def draw(
    asked: bytes, count: int, indexes: int, pick: Callable[[int], int] = secrets.randbelow
) -> tuple[tuple[int, ...], bytes]:
    """So many index numbers, all different, and what is to be remembered of them in place of `asked`, a bit for each.

    None is drawn again until all have been; then a new round begins. Where a round ends with fewer than are wanted, the rest
    comes from the next one.
    """
    drawn: list[int] = []
    bits = int.from_bytes(asked, "big")
    while len(drawn) < indexes:
        left = [index for index in range(1, count + 1) if not bits >> index & 1 and index not in drawn]
        if not left:
            bits = 0
            left = [index for index in range(1, count + 1) if index not in drawn]
        index = left[pick(len(left))]
        bits |= 1 << index
        drawn.append(index)
    return tuple(drawn), bits.to_bytes((count + 8) // 8, "big")


def normalized(text: object) -> str | None:
    """What somebody typed, as codes are written; None for what can be none."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    plain = re.sub(r"[\s,;-]", "", text).upper()
    return plain if plain and all(letter in ALPHABET for letter in plain) else None


def matches(seed: bytes, indexes: Sequence[int], text: object, letters: int) -> bool:
    """Whether these are the codes at these indexes, in their order, however they are spaced."""
    right = "".join(code(seed, index, letters) for index in indexes)
    return hmac.compare_digest((normalized(text) or "").encode(), right.encode())


def random_code(letters: int) -> str:
    """So many letters and digits that cannot be foreseen."""
    return "".join(secrets.choice(ALPHABET) for _ in range(letters))


def random_digits(digits: int) -> str:
    """So many digits that cannot be foreseen."""
    return str(secrets.randbelow(10**digits)).zfill(digits)
