"""The codes on security code cards, and the codes that are sent or read out.

Three promises:

1. All codes of a card are equally likely.
2. An index is drawn a second time only after all other indexes were drawn.
3. A check takes the same time for wrong and correct codes. It raises no error for any input.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Sequence

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""The characters of codes, without 0, O, 1, I and L, which people confuse."""
_LONGEST = 64
_FAIR = 256 - 256 % len(ALPHABET)


def code(seed: bytes, index: int, letters: int) -> str:
    """Return the code at an index of the card with this seed. Indexes begin at 1."""
    found: list[str] = []
    block = 0
    while len(found) < letters:
        data = hmac.digest(seed, f"dscplus code {index} {block}".encode(), "sha256")
        # Skip the highest bytes: 256 is not a multiple of the alphabet's length, so they would favor its first characters.
        found += [ALPHABET[byte % len(ALPHABET)] for byte in data if byte < _FAIR]
        block += 1
    return "".join(found[:letters])


def codes(seed: bytes, count: int, letters: int) -> tuple[str, ...]:
    """Return all codes of a card, from index 1 on."""
    return tuple(code(seed, index, letters) for index in range(1, count + 1))


def draw(
    asked: bytes, count: int, indexes: int, pick: Callable[[int], int] = secrets.randbelow
) -> tuple[tuple[int, ...], bytes]:
    """Draw distinct index numbers. Return them, and the new value for `asked`.

    `asked` has a bit for each index that was drawn in the current round. A round draws each index once, and then a new round
    begins. If a round has too few indexes left, the next round supplies the missing indexes. Indexes above `count`, from a time
    when the card had more codes, are forgotten.
    """
    drawn: list[int] = []
    bits = int.from_bytes(asked, "big") & ((1 << count + 1) - 1)
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
    """Return the text in the form of codes: upper case, without separators. Return None if it cannot be a code."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    plain = re.sub(r"[\s,;-]", "", text).upper()
    return plain if plain and all(letter in ALPHABET for letter in plain) else None


def matches(seed: bytes, indexes: Sequence[int], text: object, letters: int) -> bool:
    """Return whether the text contains the codes at these indexes in this order. Case and separators do not matter."""
    right = "".join(code(seed, index, letters) for index in indexes)
    return hmac.compare_digest((normalized(text) or "").encode(), right.encode())


def random_code(letters: int) -> str:
    """Return a random code with this many characters of `ALPHABET`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(letters))


def entered_digits(text: object) -> str:
    """Return a code of digits that a person entered, without spaces; empty if the text cannot be a code."""
    return text.replace(" ", "") if isinstance(text, str) and len(text) <= _LONGEST else ""


def digest(token: str, address: str, text: str) -> str:
    """Return the hash of a code that was sent to an address, keyed with the token of the session in which it is entered."""
    key, message = (each.encode("utf-8", "surrogatepass") for each in (token, f"{address} {text}"))
    return hmac.new(key, message, "sha256").hexdigest()


def random_digits(digits: int) -> str:
    """Return a random number with this many digits, as text."""
    return str(secrets.randbelow(10**digits)).zfill(digits)
