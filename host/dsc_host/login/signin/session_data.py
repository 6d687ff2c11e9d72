"""The data that is stored with an open session or a login in progress. Each stage has a class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection

from dsc_host.login import json_column, rows
from dsc_host.login.model import Stage
from dsc_host.login.rows import Session


@dataclass(frozen=True, slots=True)
class AskedProof:
    """A challenge of a device within the session. It is valid for one purpose."""

    purpose: str
    device: str
    about: str
    """The id of the object for which the proof is valid, such as a share; empty if there is none."""
    keeps: Mapping[str, Any]
    shows: Mapping[str, str]
    tries: int
    """The number of wrong answers."""


@dataclass(frozen=True, slots=True)
class AskedNumber:
    """A phone number to which a code was sent, with a hash of the code."""

    number: str
    digest: str
    until: float
    tries: int
    """The number of wrong codes."""


@dataclass(frozen=True, slots=True)
class AskedEmail:
    """An email address to which a code was sent, with a hash of the code."""

    email: str
    digest: str
    until: float
    tries: int
    """The number of wrong codes."""


@dataclass(frozen=True, slots=True)
class Call:
    """The caller whom support has identified, and the time until which the identification is valid."""

    user: str
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionData:
    """The data that sessions of every stage may have."""

    proof: AskedProof | None = None

    @classmethod
    def of(cls, session: Session) -> Self:
        """Return the data of a session that is at the stage of this class."""
        return json_column.read(cls, session.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginData(SessionData):
    """The data of a login whose user chooses a device.

    `address` is the IP address from which the user logs in, and `browser` is the name of the browser. Either may be empty.
    """

    address: str
    browser: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferData(LoginData):
    """The data of a login whose page shows the challenge of a device.

    `left` is the number of further answers that the challenge accepts.
    """

    keeps: Mapping[str, Any]
    shows: Mapping[str, str]
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationData(SessionData):
    """The data of the activation of an app: a hash of the token that was sent, and the number of attempts."""

    digest: str
    tries: int
    number: str = ""
    """The new number, which the right token confirms; empty if the number was confirmed before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenData(SessionData):
    """The data of an open session."""

    public_id: str = ""
    """The id with which the user ends the session; empty if an earlier version opened the session."""
    idle_is_fine: bool = False
    """Whether the session has no idle timeout."""
    extendable: bool = False
    """Whether a further answer with the method that opened the session extends the session."""
    proven_at: float = 0.0
    """The Unix time of the answer that opened the session, or of the latest step-up; 0 if no device has answered."""
    address: str = ""
    """The IP address from which the user logged in; empty if it is not known."""
    browser: str = ""
    """The name of the browser with which the user logged in; empty if it is not known."""
    called: Call | None = None
    phone: AskedNumber | None = None
    email: AskedEmail | None = None


_OF_STAGE: Mapping[str, type[SessionData]] = {
    Stage.CHOOSING: LoginData,
    Stage.ANSWERING: OfferData,
    Stage.ACTIVATING: ActivationData,
    Stage.IN: OpenData,
}


def of(session: Session) -> SessionData:
    """Return the data of a session, in the class of its stage."""
    return _OF_STAGE[session.stage].of(session)


def keep(db: Connection, session_id: str, data: SessionData) -> None:
    """Write the data of a session."""
    rows.sessions.change(db, session_id, data=json_column.write(data))
