"""The errors of the host library: one small hierarchy, rooted at `DscError`.

Messages are written for people. The message of an `InputError` names the invalid value, and says what is allowed. No message
holds a PIN, a response or a key.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_MOST_QUOTED = 24


class DscError(Exception):
    """Any error of `dsc_host`.

    Examples:
        >>> from dsc_host import DscError, Suite
        >>> try:
        ...     Suite.parse("OCRA-2")
        ... except DscError as error:
        ...     print(type(error).__name__)
        SuiteError
    """

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to rebuild the error, so that a pool of processes can pass it on."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[DscError], args: tuple[object, ...], attributes: Mapping[str, object]) -> DscError:
    """Return the error without a call of its `__init__`, whose arguments differ from `args`."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class InputError(DscError, ValueError):
    """A value from outside is invalid.

    `field` names the value (`"pin"`, `"suite"`, `"master key"`), and `problem` says what is allowed. The message consists of
    both. `problem` is made from `words`, a text with placeholders for `values`, so that a page can translate `words`. `rule` is
    `problem` without quoted input; the two differ only in a `SuiteError`. The HTTP service answers with `rule`.

    Examples:
        >>> from dsc_host import InputError, Policy
        >>> try:
        ...     Policy(attempts=0)
        ... except InputError as error:
        ...     print(error.field)
        attempts
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
        # If there is no memory for the stack of a new thread, Python raises a RuntimeError, not a MemoryError.
        if "can't start new thread" not in str(error):
            raise
        raise OutOfMemory from None


class SuiteError(InputError):
    """An OCRA suite that RFC 6287 does not allow. `field` is always `"suite"`. The message says which part is wrong."""

    def __init__(self, rule: str, given: str | None = None) -> None:
        """Make the problem from `rule`, which says what is allowed, and from `given`, the wrong part of the suite, if any.

        `problem` quotes the first 24 characters of `given`, escaped. `rule` alone quotes nothing.
        """
        quoted = "" if given is None else ascii(given if len(given) <= _MOST_QUOTED else given[:_MOST_QUOTED] + "...")
        super().__init__("suite", f"{rule}, not {quoted}" if quoted else rule)
        self.rule = rule


class LinkError(DscError):
    """The card could not be reached, or its answer could not be used.

    Examples:
        >>> from dsc_host import CardClient, LinkError
        >>> try:
        ...     CardClient.open("socket://127.0.0.1:9")
        ... except LinkError as error:
        ...     print(type(error).__name__)
        CardNotFound
    """


class CardNotFound(LinkError):
    """No card answers at this address, no such port is attached, or the port cannot be opened.

    Examples:
        >>> from dsc_host import CardClient, CardNotFound
        >>> try:
        ...     CardClient.open("nothing://here")
        ... except CardNotFound:
        ...     print("no card")
        no card
    """


class CardStopped(CardNotFound):
    """A MicroPython prompt answers at this address, because the board does not run the card's program."""


class LinkTimeout(LinkError):
    """The card did not answer before the call's deadline.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient, LinkTimeout
        >>> with CardClient.open("sim://") as card:
        ...     try:
        ...         card.wait_response(timeout=0.01)
        ...     except LinkTimeout:
        ...         print("nobody has typed a PIN")
        nobody has typed a PIN
    """


class LinkClosed(LinkError):
    """The line was closed, or the card was unplugged, before or during a call.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient, LinkClosed
        >>> card = CardClient.open("sim://")
        >>> card.close()
        >>> try:
        ...     card.info()
        ... except LinkClosed:
        ...     print("closed")
        closed
    """


class ProtocolError(LinkError):
    """The card's answer violates the protocol.

    Examples:
        >>> from dsc_host import LinkError, ProtocolError
        >>> issubclass(ProtocolError, LinkError)
        True
    """


class CardError(LinkError):
    """The card refused a request. `code` is one of the protocol's error codes, and `text` explains it to a person.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient, CardError
        >>> with CardClient.open("sim://") as card:
        ...     try:
        ...         card.challenge("482913")
        ...     except CardError as error:
        ...         print(error.code)
        state
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} ({code})" if text else code)
        self.code = code
        self.text = text


class VerifierError(DscError):
    """The verifier refused the operation, or could not do it.

    Examples:
        >>> from dsc_host import MasterKey, Verifier, VerifierError
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> try:
        ...     verifier.challenge("IB3000123")
        ... except VerifierError as error:
        ...     print(type(error).__name__)
        UnknownCard
    """


class StoreError(VerifierError):
    """The database failed, cannot be opened, belongs to another program, does not fit the operation, or was tampered with.

    Examples:
        >>> from dsc_host import MasterKey, StoreError, Verifier
        >>> try:
        ...     Verifier.open("sqlite:////no/such/folder/dsc.db", master_key=MasterKey.generate())
        ... except StoreError:
        ...     print("not opened")
        not opened
    """


class UnknownCard(VerifierError):
    """No card with this serial is enrolled.

    Examples:
        >>> from dsc_host import MasterKey, UnknownCard, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> try:
        ...     verifier.card("IB3000123")
        ... except UnknownCard:
        ...     print("unknown")
        unknown
    """


class AlreadyEnrolled(VerifierError):
    """A card with this serial is already enrolled.

    Examples:
        >>> from dsc_host import AlreadyEnrolled, MasterKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        >>> try:
        ...     verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        ... except AlreadyEnrolled:
        ...     print("already enrolled")
        already enrolled
    """


class StateError(VerifierError):
    """The card's state does not allow this operation.

    Examples:
        >>> from dsc_host import MasterKey, StateError, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        >>> card = verifier.retire("IB3000123", "broken")
        >>> try:
        ...     verifier.resume("IB3000123")
        ... except StateError:
        ...     print("retired for good")
        retired for good
    """


class NoUnlockKey(VerifierError):
    """The card was enrolled without an unlock key, so it has no unlock codes.

    Examples:
        >>> from dsc_host import MasterKey, NoUnlockKey, Verifier
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate())
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        >>> try:
        ...     verifier.unlock_code("IB3000123", "482913")
        ... except NoUnlockKey:
        ...     print("no unlock key")
        no unlock key
    """


class TooManyChallenges(VerifierError):
    """The limit on the card's challenges is reached. The next challenge is possible after `retry_after` seconds.

    `message` is the text for people.

    Examples:
        >>> from dsc_host import MasterKey, Policy, TooManyChallenges, Verifier
        >>> policy = Policy(challenges=1, challenges_within=60)
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate(), policy=policy, clock=lambda: 1000.0)
        >>> card = verifier.enroll("IB3000123", key=bytes(32), pin="1234")
        >>> challenge = verifier.challenge("IB3000123")
        >>> try:
        ...     verifier.challenge("IB3000123")
        ... except TooManyChallenges as error:
        ...     print(error.retry_after)
        60.0
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyUnlockCodes(VerifierError):
    """The limit on the card's unlock codes is reached. The next unlock code is possible at the Unix time `again_at`.

    `message` is the text for people.

    Examples:
        >>> from dsc_host import MasterKey, Policy, TooManyUnlockCodes, Verifier
        >>> options = {"policy": Policy(unlock_codes=1), "clock": lambda: 1000.0}
        >>> verifier = Verifier.open("sqlite://", master_key=MasterKey.generate(), **options)
        >>> suite = "OCRA-1:HOTP-SHA256-8:C-QN06"
        >>> card = verifier.enroll("IB3000123", key=bytes(32), suite=suite, unlock_key=bytes(range(32)))
        >>> code = verifier.unlock_code("IB3000123", "482913")
        >>> try:
        ...     verifier.unlock_code("IB3000123", "482914")
        ... except TooManyUnlockCodes as error:
        ...     print(error.again_at)
        87400.0
    """

    def __init__(self, message: str, again_at: float) -> None:
        super().__init__(message)
        self.again_at = again_at
