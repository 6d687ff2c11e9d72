"""The operations of customers on sharing a device."""

from dataclasses import dataclass

from dsc_host.login.model import Scope, ShareState
from dsc_host.login.protection import sharing
from dsc_host.login.service import access
from dsc_host.login.service.own_sessions import SessionCalls
from dsc_host.login.signin import password_check
from dsc_host.login.signin.origins import Origin
from dsc_host.login.views import Offer, ShareView


@dataclass(frozen=True, slots=True)
class ShareCalls(SessionCalls):
    """The part of `LoginSystem` about sharing."""

    def begin_share(
        self, token: str, owner: str, password: str, device: str = "", address: str = ""
    ) -> tuple[ShareView, Offer]:
        """Begin to share a device of another user name with the user of this session. Return the share and the challenge.

        `owner` and `password` are the name and password of the device's owner. The owner's device must answer the challenge.
        Without `device`, the owner's most secure device is shared. If the user has no device, `token` may be the token of a
        login in progress. Raises `WrongCredentials`, `TooManyAttempts`, `NotFound`, `NotNow`, `DifferentIdentity`,
        `LessSecureDevice`, `TemporaryDevice`.
        """
        self._seen(token, sharing.may("begin_share"), lambda _tx, _user, _session: None)
        giver = password_check.check_password(self.context, owner, password, address, Origin.of(address))
        return self.do(
            token,
            sharing.may("begin_share"),
            lambda tx, user, session: sharing.begin(tx, session, user.id, giver, device),
            lambda _db, _user: [giver.id],
        )

    def share_offer(self, token: str, share: str) -> Offer:
        """Return again the challenge for the owner's device. Raises `NotNow` if there is nothing to answer."""
        return self._seen(token, sharing.may("share_offer"), lambda tx, _user, session: sharing.shown(tx, session, share))

    def answer_share(self, token: str, share: str, answer: str) -> bool:
        """Judge the answer of the owner's device. Return whether it was correct. Raises `NotFound`, `NotNow`."""
        return self.do(
            token, sharing.may("answer_share"), lambda tx, user, session: sharing.answer(tx, session, user, share, answer)
        )

    def confirm_share(self, token: str, share: str) -> ShareState:
        """Confirm the share. Return its state, which is pending if compliance must agree. Raises as `begin_share` does."""
        return self.do(
            token,
            sharing.may("confirm_share"),
            lambda tx, user, session: sharing.confirm(tx, session, user.id, share),
            lambda db, _user: sharing.parties(db, share),
        )

    def cancel_share(self, token: str, share: str) -> None:
        """End a share, or cancel a request that waits for compliance. Raises `NotFound`, `NotNow`."""
        # Allow this in a limited session too: a user whose shared device is lost gets their own device back.
        self.do(
            token,
            access.customer("cancel_share", Scope.FULL, Scope.ACCOUNT),
            lambda tx, user, session: sharing.cancel(tx, session, user.id, share),
            lambda db, _user: sharing.parties(db, share),
        )

    def shares(self, token: str) -> list[ShareView]:
        """Return the shares and requests of the user."""
        return self._seen(token, sharing.check_sees, lambda tx, user, _s: sharing.shares_of(tx, user))
