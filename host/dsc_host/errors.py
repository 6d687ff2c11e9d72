"""Every error that the host library raises: one small hierarchy, rooted at `DscError`.

A message is written for a person, names the field or the part at fault and what is allowed, and never holds a PIN, a
response or a key.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_MOST_QUOTED = 24


class DscError(Exception):
    """Anything that went wrong in `dsc_host`."""


class InputError(DscError, ValueError):
    """A value from outside is not what it must be.

    `field` names the value (`"pin"`, `"suite"`, `"master key"`); the message begins with it and says what is allowed.
    `words` is the problem with its `values` still to be put in, so that a page can say it in another language. `rule` is the
    problem without what was given, for whoever must not be told what others sent.
    """

    def __init__(self, field: str, words: str, **values: object) -> None:
        self.field = field
        self.words = words
        self.values = values
        self.problem = words.format(**values) if values else words
        self.rule = self.problem
        super().__init__(f"{field}: {self.problem}")


class OutOfMemory(DscError):
    """This machine has no memory, or no thread, for the work just now. Nothing was changed; nobody was let in."""

    retry_after = 5.0
    """Seconds after which it may be tried again."""

    def __init__(self) -> None:
        super().__init__("this machine has too little memory free just now; nothing was changed: try again")


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Raise `OutOfMemory` for what Python and its libraries raise where memory is short."""
    try:
        yield
    except MemoryError:
        raise OutOfMemory from None
    except RuntimeError as error:
        # The stack of a new thread is memory too; Python has no exception of its own for that.
        if "can't start new thread" not in str(error):
            raise
        raise OutOfMemory from None


class SuiteError(InputError):
    """An OCRA suite that RFC 6287 does not allow; `field` is always `"suite"`, the message says which part is wrong."""

    def __init__(self, rule: str, given: str | None = None) -> None:
        """`given`: the part that is wrong, which `problem` quotes, escaped and cut short."""
        quoted = "" if given is None else ascii(given if len(given) <= _MOST_QUOTED else given[:_MOST_QUOTED] + "...")
        super().__init__("suite", f"{rule}, not {quoted}" if quoted else rule)
        self.rule = rule


class LinkError(DscError):
    """The card could not be reached, or what it said could not be used."""


class CardNotFound(LinkError):
    """No card answers at this address, or the address cannot be opened."""


class LinkTimeout(LinkError):
    """The card did not answer before the call's deadline."""


class LinkClosed(LinkError):
    """The line was closed, or the card was unplugged, in the middle of a call."""


class ProtocolError(LinkError):
    """The card answered with something that the protocol does not allow."""


class CardError(LinkError):
    """The card refused a request. `code` is one of the protocol's error codes, `text` its words for a person."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})" if text else code)
        self.code = code
        self.text = text


class VerifierError(DscError):
    """The verifier's records could not be used as asked."""


class StoreError(VerifierError):
    """The database cannot be opened, is not one of ours, or failed."""


class UnknownCard(VerifierError):
    """No card of this serial is enrolled."""


class AlreadyEnrolled(VerifierError):
    """A card of this serial is already enrolled."""


class StateError(VerifierError):
    """The card is where in its life this cannot be done."""


class NoUnlockKey(VerifierError):
    """The card was enrolled without an unlock key, so that there is no code for it."""


class TooManyChallenges(VerifierError):
    """The card was given as many challenges as it may be for now. `retry_after` is the seconds until it may have one."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyUnlockCodes(VerifierError):
    """The card was given as many unlock codes as it may be for now. `again_at` is when it may have one, in Unix seconds."""

    def __init__(self, message: str, again_at: float) -> None:
        super().__init__(message)
        self.again_at = again_at
