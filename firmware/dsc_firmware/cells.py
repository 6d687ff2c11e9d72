"""Texts for the display. Each function fills the buffer `cells` of CELLS bytes with ASCII, and allocates no memory."""

from .ports import CELLS, const

_SPACE = const(0x20)
_STAR = const(0x2A)


def put_text(cells, text):
    """Put `text` on the left, and spaces after it."""
    for i in range(CELLS):
        cells[i] = text[i] if i < len(text) else _SPACE


def put_masked(cells, text, typed):
    """Put `text`, and after it `typed` stars: one for each digit that was typed."""
    put_text(cells, text)
    for i in range(len(text), len(text) + typed):
        cells[i] = _STAR


def put_number(cells, text, number):
    """Put `text` on the left, and `number`, which is more than 0, on the right."""
    put_text(cells, text)
    at = CELLS - 1
    while number:
        cells[at] = 48 + number % 10
        number //= 10
        at -= 1


def put_end(cells, digits, typed):
    """Put the first `typed` of `digits` or, if these are more than eight, the last eight of them. So each new digit is seen."""
    first = max(0, typed - CELLS)
    put_text(cells, b"")
    for i in range(first, typed):
        cells[i - first] = digits[i]
