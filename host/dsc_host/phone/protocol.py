"""The messages between the phone app and the login system: the calls and the answers.

The messages are the same whether the app calls the login system in its own process or over HTTP. Keys are hex digits.
"""

from dataclasses import dataclass, field

# ---- the calls of the app ----


@dataclass(frozen=True, slots=True)
class Begin:
    """The call `begin`, which starts an activation."""

    name: str
    password: str = field(repr=False)
    phone: int = 0
    """The index of one of the user's confirmed phone numbers; 0 is the most recently confirmed number."""
    number: str = ""
    """A new phone number to which the token is sent instead, or empty text. The login system may refuse a new number."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The response of a user of the app to the `Question` with this id."""

    id: str
    response: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Activate:
    """The call `activate`, with the token from the SMS and the app's keys."""

    ticket: str = field(repr=False)
    token: str = field(repr=False)
    pin_key: str = field(repr=False)
    biometrics_key: str | None = field(default=None, repr=False)
    proof: Proof | None = None
    replace: bool = False
    """Whether the user agrees that the app on their other phone is disabled."""
    recovery_key: str | None = field(default=None, repr=False)
    """The recovery key of the PIN of this app. With this key, the user can replace the app later."""
    recovery_proof: str | None = field(default=None, repr=False)
    """The recovery key of the PIN of the app that is replaced."""


@dataclass(frozen=True, slots=True)
class App:
    """The calls `challenge`, `pushes` and `remove`, which have no data but the identity of the app."""

    device: str
    device_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deny(App):
    """The call `deny`, with the id of the push."""

    push: str


@dataclass(frozen=True, slots=True)
class Approve(Deny):
    """The call `approve`, with a response to the question of the push."""

    method: str
    response: str = field(repr=False)


# ---- the answers of the login system ----


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to `begin`: an activation was started, and a token was sent by SMS."""

    ticket: str = field(repr=False)
    phones: tuple[str, ...]
    """The user's confirmed phone numbers, masked, the most recently confirmed first."""
    replaces: tuple[str, ...] = ()
    """The labels of the user's apps that the activation would disable."""
    user: str = ""
    """The user's name as the login system stores it. The recovery key is derived from this name and the PIN."""
    needs_recovery: bool = False
    """Whether the replacement of the old app needs the PIN of the old app."""
    sent_to: str = ""
    """The masked number to which the token was sent."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question. The app answers it with the response of a user before it may add another user."""

    id: str
    digits: str


@dataclass(frozen=True, slots=True)
class Activated:
    """The answer to `activate`: the data that the app stores about its new user."""

    device: str
    device_token: str = field(repr=False)
    user: str


@dataclass(frozen=True, slots=True)
class Push:
    """A login that waits for approval. The user must enter `number`, which the login page shows, in the app."""

    id: str
    question: str
    number: str
    user: str
    asked_at: float
    """The Unix time when the login page asked."""
    where: str
    """The network address from which the user logs in."""


@dataclass(frozen=True, slots=True)
class Pushes:
    """The logins that wait for approval."""

    pushes: tuple[Push, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a call that returns nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason why a call was refused: its name for programs, and a sentence for the user."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Error:
    """The answer to a call that was refused."""

    error: Refusal
