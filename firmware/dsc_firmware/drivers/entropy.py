"""The port `entropy`: the chip's random number generator, as the interpreter gives it."""

from os import urandom


class Urandom:
    """Whether its bytes are any good, the card tests at boot."""

    def read(self, n):
        return urandom(n)
