"""The operations of apps on phones, which identify themselves by the token of their device."""

from dataclasses import dataclass
from typing import Protocol

from dsc_host.login.phones import app_activation, push_approval
from dsc_host.login.phones.app_activation import Keys
from dsc_host.login.transaction import LoginContext
from dsc_host.phone.protocol import Activated, Begun, Proof, Push, Question


class System(Protocol):
    """The parts of the login system that are used here."""

    @property
    def context(self) -> LoginContext:
        """The context of the login system."""

    def deliver(self, codes_for: str | None = None) -> int:
        """Send the messages that are due."""


@dataclass(frozen=True, slots=True)
class Phones:
    """The app's calls. Each raises what the function of its name in `phones` raises."""

    system: System

    def begin(self, name: str, password: str, address: str = "", phone: int = 0) -> Begun:
        """Send an activation token to one of the user's confirmed phones."""
        begun = app_activation.begin(self.system.context, name, password, address, phone)
        self.system.deliver(name.strip().lower())
        return begun

    def activate(
        self, ticket: str, token: str, pin_key: bytes, biometrics_key: bytes | None = None, proof: Proof | None = None
    ) -> Activated:
        """Activate the app by the token, with the keys that it has generated."""
        return app_activation.activate(self.system.context, ticket, token, Keys(pin_key, biometrics_key), proof)

    def challenge(self, device: str, device_token: str) -> Question:
        """Issue a challenge for the app's PIN, which is answered when another user is added."""
        return app_activation.challenge(self.system.context, device, device_token)

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        """Return the logins that wait for an answer."""
        return push_approval.pushes(self.system.context, device, device_token)

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        """Approve a login by a response."""
        push_approval.approve(self.system.context, device, device_token, push, method, response)

    def deny(self, device: str, device_token: str, push: str) -> None:
        """Deny a login."""
        push_approval.deny(self.system.context, device, device_token, push)

    def remove(self, device: str, device_token: str) -> None:
        """End the app's device, after the app or one of its users was removed on the phone."""
        app_activation.remove(self.system.context, device, device_token)
