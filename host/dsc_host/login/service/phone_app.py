"""The operations of apps on phones, which identify themselves by the token of their device."""

from collections.abc import Callable
from dataclasses import dataclass

from dsc_host.login.model import Stage
from dsc_host.login.phones import app_activation, push_answers
from dsc_host.login.phones.app_activation import Keys
from dsc_host.login.phones.app_replacement import Replacement
from dsc_host.login.protection import sharing
from dsc_host.login.signin import password_check, sessions
from dsc_host.login.signin.origins import Origin
from dsc_host.login.transaction import LoginContext, LoginTransaction, locked_users
from dsc_host.phone.protocol import Activated, Begun, Proof, Push, Question
from dsc_host.records.transaction import Refused


@dataclass(frozen=True, slots=True)
class Phones:
    """The app's calls. Each raises the errors of its function in `phones`. `begin` also raises those of `LoginSystem.begin`."""

    context: LoginContext
    deliver: Callable[[str], int]
    """Send the codes for the user of this name."""

    def begin(self, name: str, password: str, address: str = "", phone: int = 0, *, number: str = "") -> Begun:
        """Send an activation token to one of the user's confirmed phones, or to a new number if the policy allows that."""
        user = password_check.check_password(self.context, name, password, address, Origin.of(address))
        begun = self.context.change(lambda tx: app_activation.begin(tx, user, phone, number))
        self.deliver(user.name)
        return begun

    def activate(
        self,
        ticket: str,
        token: str,
        pin_key: bytes,
        biometrics_key: bytes | None = None,
        proof: Proof | None = None,
        *,
        replace: bool = False,
        recovery_key: bytes | None = None,
        recovery_proof: bytes | None = None,
    ) -> Activated:
        """Activate the app with the token from the SMS and the keys that the app has generated.

        `proof` is needed if the app already serves another user. If the user has an app on another phone, `replace` must be
        true, and that app is taken out of use. If it has a recovery PIN, `recovery_proof` must be the key derived from the PIN.
        """
        keys = Keys(pin_key, biometrics_key, recovery_key)
        before = Replacement(replace, recovery_proof)
        return self.context.change(lambda tx: _activate(tx, ticket, token, keys, proof, before))

    def challenge(self, device: str, device_token: str) -> Question:
        """Issue a challenge, which the user answers with the app's PIN before the app adds another user."""
        return self.context.change(lambda tx: app_activation.challenge(tx, device, device_token))

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        """Return the pushes that wait for an answer."""
        return self.context.read(lambda tx: push_answers.pushes(tx, device, device_token))

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        """Approve a login with a response."""
        self.context.change(lambda tx: push_answers.approve(tx, device, device_token, push, method, response))

    def deny(self, device: str, device_token: str, push: str) -> None:
        """Deny a login."""
        self.context.change(lambda tx: push_answers.deny(tx, device, device_token, push))

    def remove(self, device: str, device_token: str) -> None:
        """End the app's device, because the app was deleted or this user was removed from it."""
        self.context.change(lambda tx: app_activation.remove(tx, device, device_token))


def _activate(
    tx: LoginTransaction, ticket: str, token: str, keys: Keys, proof: Proof | None, before: Replacement
) -> Activated | Refused:
    """Activate the app, and end the sharing of the cards that it replaces. Raises as `app_activation.activate` does."""
    # The app's keys are enrolled, so take the lock of all enrollments first. Then lock all users whom the activation concerns.
    tx.context.cards.store.claim(tx.db)
    user, _ = sessions.find(tx, ticket, Stage.ACTIVATING)
    locked_users(tx.db, sharing.concerned(tx.db, user))
    replaced = app_activation.replaced_by_app(tx, user)
    activated = app_activation.activate(tx, ticket, token, keys, proof, before)
    if not isinstance(activated, Refused):
        for device in replaced:
            sharing.end_of_device(tx, device)
    return activated
