"""What the login system refuses, by name. Each message may be shown to whoever asked."""

from dsc_host.errors import DscError


class LoginError(DscError):
    """Something was asked of the login system that cannot be.

    `words` is the message with its `values` still to be put in, so that a page can say it in another language.
    """

    def __init__(self, words: str, **values: object) -> None:
        super().__init__(words.format(**values))
        self.words = words
        self.values = values


class NotIn(LoginError):
    """There is no such session, or it has ended."""

    def __init__(self) -> None:
        super().__init__("you are not logged in, or no longer")


class WrongCredentials(LoginError):
    """Name and password do not go together. Which of them is wrong is not said, nor whether there is such a name."""

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


class TooManyAttempts(LoginError):
    """Too much has failed. `retry_after` is the seconds until it may be tried again."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many attempts; try again in {seconds} s", seconds=max(1, round(retry_after)))
        self.retry_after = retry_after


class NotAllowed(LoginError):
    """This user may not do that; the message says who may."""


class ProofNeeded(LoginError):
    """The operation wants a fresh answer of one of the user's devices in this session."""

    def __init__(self) -> None:
        super().__init__("answer with your device once more for this")


class NotFound(LoginError):
    """There is none of that, or it is somebody else's: which, is not said."""


class NotNow(LoginError):
    """It is where in its life this cannot be done."""


class LessSecureDevice(LoginError):
    """The device that was to be shared is less secure than another one of those who share it."""


class DifferentIdentity(LoginError):
    """Those who want to share a device are not known to be one person."""


class TemporaryDevice(LoginError):
    """One of those who want to share a device has a temporary one now."""
