"""The errors of the login system. Each message may be shown to the user."""

import math

from dsc_host.errors import DscError


class LoginError(DscError):
    """The base class of all errors that the login system raises.

    `words` is the message with placeholders, and `values` are their values. They let a page translate the message.
    """

    def __init__(self, words: str, **values: object) -> None:
        super().__init__(words.format(**values))
        self.words = words
        self.values = values


class NotIn(LoginError):
    """The session does not exist or has ended."""

    def __init__(self) -> None:
        super().__init__("you are not logged in, or your session has ended")


class WrongCredentials(LoginError):
    """The user name and the password do not match.

    The error does not say which of them is wrong, nor whether the user name exists.
    """

    def __init__(self) -> None:
        super().__init__("the user name or password is wrong")


class TooManyAttempts(LoginError):
    """A limit is reached, or a new code was requested too early. `retry_after` is the number of seconds to wait."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many attempts; try again in {seconds} s", seconds=max(1, math.ceil(retry_after)))
        self.retry_after = retry_after


class NotAllowed(LoginError):
    """The user may not do this, or has given a wrong code or PIN for it. The message says which."""


class ProofNeeded(LoginError):
    """The operation requires a fresh answer from one of the user's devices in this session."""

    def __init__(self) -> None:
        super().__init__("answer with your device again to do this")


class NotFound(LoginError):
    """The record does not exist or belongs to another user. The error does not say which."""


class NotNow(LoginError):
    """The current state does not allow this operation."""


class AlreadyDone(NotNow):
    """A form with the same id was sent before, and its work was done."""

    def __init__(self) -> None:
        super().__init__("this was already done; nothing was done a second time")


class LessSecureDevice(LoginError):
    """The device to share is less secure than another physical device of one of the two users."""


class DifferentIdentity(LoginError):
    """The users who want to share a device are not known to be the same person."""


class TemporaryDevice(LoginError):
    """One of the users who want to share a device currently has a temporary device."""
