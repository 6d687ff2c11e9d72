"""The errors of the host library: one small hierarchy, rooted at `DscError`.

Messages are for a person. A message names the field or the part at fault and what is allowed. It never holds a PIN, a
response or a key.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_MOST_QUOTED = 24


class DscError(Exception):
    """Any error of `dsc_host`."""


class InputError(DscError, ValueError):
    """A value from outside is invalid.

    `field` names the value (`"pin"`, `"suite"`, `"master key"`). The message begins with it and says what is allowed.
    `words` is the problem before its `values` are inserted, so that a page can translate it. `rule` is the problem
    without the given value, for callers who must not see other people's input.
    """

    def __init__(self, field: str, words: str, **values: object) -> None:
        self.field = field
        self.words = words
        self.values = values
        self.problem = words.format(**values) if values else words
        self.rule = self.problem
        super().__init__(f"{field}: {self.problem}")


class OutOfMemory(DscError):
    """The machine is out of memory or threads. Nothing was changed, and nobody was logged in."""

    retry_after = 5.0
    """The seconds to wait before the next try."""

    def __init__(self) -> None:
        super().__init__("this machine has too little free memory right now; nothing was changed: try again")


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Raise `OutOfMemory` instead of the errors that Python and its libraries raise when memory is short."""
    try:
        yield
    except MemoryError:
        raise OutOfMemory from None
    except RuntimeError as error:
        # Python raises a RuntimeError, not a MemoryError, if there is no memory for the stack of a new thread.
        if "can't start new thread" not in str(error):
            raise
        raise OutOfMemory from None


class SuiteError(InputError):
    """An OCRA suite that RFC 6287 does not allow. `field` is always `"suite"`; the message says which part is wrong."""

    def __init__(self, rule: str, given: str | None = None) -> None:
        """`given` is the part that is wrong. `problem` quotes it, escaped and shortened."""
        quoted = "" if given is None else ascii(given if len(given) <= _MOST_QUOTED else given[:_MOST_QUOTED] + "...")
        super().__init__("suite", f"{rule}, not {quoted}" if quoted else rule)
        self.rule = rule


class LinkError(DscError):
    """The card could not be reached, or its answer could not be used."""


class CardNotFound(LinkError):
    """No card answers at this address, or the address cannot be opened."""


class CardStopped(CardNotFound):
    """A MicroPython prompt answers at this address, because the card's program is not running."""


class LinkTimeout(LinkError):
    """The card did not answer before the call's deadline."""


class LinkClosed(LinkError):
    """The line was closed, or the card was unplugged, during a call."""


class ProtocolError(LinkError):
    """The card's answer violates the protocol."""


class CardError(LinkError):
    """The card refused a request. `code` is one of the protocol's error codes; `text` is its explanation for a person."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})" if text else code)
        self.code = code
        self.text = text


class VerifierError(DscError):
    """The verifier refused the operation, or could not do it."""


class StoreError(VerifierError):
    """The database cannot be opened, does not belong to dscplus, or failed."""


class UnknownCard(VerifierError):
    """No card with this serial is enrolled."""


class AlreadyEnrolled(VerifierError):
    """A card with this serial is already enrolled."""


class StateError(VerifierError):
    """The card's state does not allow this operation."""


class NoUnlockKey(VerifierError):
    """The card was enrolled without an unlock key, so there is no code for it."""


class TooManyChallenges(VerifierError):
    """The limit on the card's challenges is reached. The next one is possible after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyUnlockCodes(VerifierError):
    """The limit on the card's unlock codes is reached. The next one is possible at the Unix time `again_at`."""

    def __init__(self, message: str, again_at: float) -> None:
        super().__init__(message)
        self.again_at = again_at
