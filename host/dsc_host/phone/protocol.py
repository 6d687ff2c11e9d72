"""What goes between the phone app and the login system: the same, whether in one process or over HTTP."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Begun:
    """An activation that has begun: a token is on its way by SMS."""

    ticket: str = field(repr=False)
    phones: tuple[str, ...]
    """The user's confirmed phones, masked, the one that was confirmed last first; the token went there, or to the one that

    was chosen."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A response to a `Question`, by a user whom the app knows already."""

    id: str
    response: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What the app is asked."""

    id: str
    digits: str


@dataclass(frozen=True, slots=True)
class Activated:
    """What the app keeps."""

    device: str
    device_token: str = field(repr=False)
    user: str


@dataclass(frozen=True, slots=True)
class Push:
    """A login that waits for an answer. `number` is what the page shows too."""

    id: str
    question: str
    number: str
    user: str
    asked_at: float
    where: str
