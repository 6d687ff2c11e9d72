"""The calls of the login system about sharing a device."""

from dataclasses import dataclass

from sqlalchemy import Connection

from dsc_host.login.context import Reception
from dsc_host.login.model import Offer, Scope, ShareState, ShareView
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Session, User
from dsc_host.login.service import access
from dsc_host.login.signin import flow
from dsc_host.records.context import Refused


@dataclass(frozen=True, slots=True)
class ShareCalls:
    """The part of `LoginSystem` that shares devices."""

    at: Reception

    def begin_share(
        self, token: str, owner: str, password: str, device: str = "", address: str = ""
    ) -> tuple[ShareView, Offer]:
        """By who is not the owner: the owner's name and password, and a challenge to the owner's device.

        `token` may be that of a login that is half-way, of a user who has no device. Raises `WrongCredentials`,
        `TooManyAttempts`, `DifferentIdentity`, `LessSecureDevice`, `TemporaryDevice`, `NotNow`.
        """
        access.look(self.at, token, sharing.may("begin_share"), lambda _db, _user, _session: None)
        giver = flow.check_password(self.at, owner, password, address)

        def begun(db: Connection, user: User, session: Session) -> tuple[ShareView, Offer] | Refused:
            asked = sharing.begin(self.at, db, session, user.id, giver.id, device)
            return asked if isinstance(asked, Refused) else (sharing.view(db, asked[0]), asked[1])

        return access.change(self.at, token, sharing.may("begin_share"), begun, lambda _db, _user: [giver.id])

    def answer_share(self, token: str, share: str, answer: str) -> bool:
        """Whether the device's answer was right. Raises `NotFound`, `NotNow`."""

        def answered(db: Connection, user: User, session: Session) -> bool:
            return sharing.answer(self.at, db, session, user, share, answer)

        return access.change(self.at, token, sharing.may("answer_share"), answered)

    def confirm_share(self, token: str, share: str) -> ShareState:
        """Done, or pending until compliance has agreed. Raises as `begin_share`."""

        def confirmed(db: Connection, user: User, session: Session) -> ShareState:
            return sharing.confirm(self.at, db, session, user.id, share)

        return access.change(
            self.at, token, sharing.may("confirm_share"), confirmed, lambda db, _user: sharing.parties(db, share)
        )

    def cancel_share(self, token: str, share: str) -> None:
        """End the sharing. Raises `NotFound`, `NotNow`."""

        def cancelled(db: Connection, user: User, session: Session) -> None:
            sharing.cancel(self.at, db, session, user.id, share)

        # With little, too: who shared a device that is missing now comes by their own again.
        access.change(
            self.at,
            token,
            access.operation("cancel_share", Scope.FULL, Scope.ACCOUNT),
            cancelled,
            lambda db, _user: sharing.parties(db, share),
        )

    def shares(self, token: str) -> list[ShareView]:
        """What one shares, or has asked to."""
        return access.look(self.at, token, sharing.check_sees, lambda db, user, _s: sharing.shares_of(self.at, db, user))
