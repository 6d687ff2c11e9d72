"""The operations of users on their own sessions."""

from dataclasses import dataclass

from dsc_host.login.model import Scope
from dsc_host.login.service.access import customer as may
from dsc_host.login.service.own_devices import DeviceCalls
from dsc_host.login.signin import own_sessions
from dsc_host.login.views import SessionView


@dataclass(frozen=True, slots=True)
class SessionCalls(DeviceCalls):
    """The part of `LoginSystem` about open sessions. Every session may use these calls, even a session without a device."""

    def sessions(self, token: str) -> tuple[SessionView, ...]:
        """Return the user's open sessions: first the current session, then the others, the most recently used first."""
        return self._seen(token, may("sessions", *Scope), lambda tx, user, session: own_sessions.views(tx, user, session))

    def end_session(self, token: str, session: str) -> None:
        """End one of the user's open sessions by its id in `sessions`. Raises `NotFound`."""
        self.do(token, may("end_session", *Scope), lambda tx, user, _session: own_sessions.end(tx, user, session))

    def end_other_sessions(self, token: str) -> None:
        """End all other sessions of the user, and all logins in progress."""
        self.do(token, may("end_other_sessions", *Scope), lambda tx, user, session: own_sessions.end_others(tx, user, session))
