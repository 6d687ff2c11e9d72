"""The messages between the phone app and the login system. They are the same in one process and over HTTP."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Begun:
    """An activation that was started: a token is on its way by SMS."""

    ticket: str = field(repr=False)
    phones: tuple[str, ...]
    """The user's confirmed phones, masked, the latest first. The token went to the latest or to the chosen one."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A response to a `Question` by a user of the app."""

    id: str
    response: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the app answers before it may add another user."""

    id: str
    digits: str


@dataclass(frozen=True, slots=True)
class Activated:
    """The data that an activated app stores."""

    device: str
    device_token: str = field(repr=False)
    user: str


@dataclass(frozen=True, slots=True)
class Push:
    """A login that waits for approval. The login page shows the same `number`."""

    id: str
    question: str
    number: str
    user: str
    asked_at: float
    where: str
