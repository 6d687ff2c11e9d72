"""The calls of the login system about sharing a device."""

from dataclasses import dataclass

from dsc_host.login.model import Offer, Scope, ShareState, ShareView
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Session, User
from dsc_host.login.service import access
from dsc_host.login.signin import flow
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.records.transaction import Refused


@dataclass(frozen=True, slots=True)
class ShareCalls:
    """The part of `LoginSystem` that shares devices."""

    context: LoginContext

    def begin_share(
        self, token: str, owner: str, password: str, device: str = "", address: str = ""
    ) -> tuple[ShareView, Offer]:
        """By who is not the owner: the owner's name and password, and a challenge to the owner's device.

        `token` may be that of a login that is half-way, of a user who has no device. Raises `WrongCredentials`,
        `TooManyAttempts`, `DifferentIdentity`, `LessSecureDevice`, `TemporaryDevice`, `NotNow`.
        """
        access.look(self.context, token, sharing.may("begin_share"), lambda _db, _user, _session: None)
        giver = flow.check_password(self.context, owner, password, address)

        def begun(tx: LoginTransaction, user: User, session: Session) -> tuple[ShareView, Offer] | Refused:
            asked = sharing.begin(tx, session, user.id, giver.id, device)
            return asked if isinstance(asked, Refused) else (sharing.view(tx.db, asked[0]), asked[1])

        return access.change(self.context, token, sharing.may("begin_share"), begun, lambda _db, _user: [giver.id])

    def answer_share(self, token: str, share: str, answer: str) -> bool:
        """Whether the device's answer was right. Raises `NotFound`, `NotNow`."""

        def answered(tx: LoginTransaction, user: User, session: Session) -> bool:
            return sharing.answer(tx, session, user, share, answer)

        return access.change(self.context, token, sharing.may("answer_share"), answered)

    def confirm_share(self, token: str, share: str) -> ShareState:
        """Done, or pending until compliance has agreed. Raises as `begin_share`."""

        def confirmed(tx: LoginTransaction, user: User, session: Session) -> ShareState:
            return sharing.confirm(tx, session, user.id, share)

        return access.change(
            self.context, token, sharing.may("confirm_share"), confirmed, lambda db, _user: sharing.parties(db, share)
        )

    def cancel_share(self, token: str, share: str) -> None:
        """End the sharing. Raises `NotFound`, `NotNow`."""

        def cancelled(tx: LoginTransaction, user: User, session: Session) -> None:
            sharing.cancel(tx, session, user.id, share)

        # With little, too: who shared a device that is missing now comes by their own again.
        access.change(
            self.context,
            token,
            access.operation("cancel_share", Scope.FULL, Scope.ACCOUNT),
            cancelled,
            lambda db, _user: sharing.parties(db, share),
        )

    def shares(self, token: str) -> list[ShareView]:
        """What one shares, or has asked to."""
        return access.look(self.context, token, sharing.check_sees, lambda tx, user, _s: sharing.shares_of(tx, user))
