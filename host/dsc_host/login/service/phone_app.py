"""The login system for apps on phones: what `phone_desk` does, for whoever has the device's token."""

from dataclasses import dataclass
from typing import Protocol

from dsc_host.login.phones import app_activation
from dsc_host.login.phones.app_activation import Keys
from dsc_host.login.transaction import LoginContext
from dsc_host.phone.protocol import Activated, Begun, Proof, Push, Question


class System(Protocol):
    """What this wants of the login system."""

    @property
    def context(self) -> LoginContext: ...
    def deliver(self, codes_for: str | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class Phones:
    """Over one login system. Each call raises as the one of its name in `phone_desk`."""

    system: System

    def begin(self, name: str, password: str, address: str = "", phone: int = 0) -> Begun:
        begun = app_activation.begin(self.system.context, name, password, address, phone)
        self.system.deliver(name.strip().lower())
        return begun

    def activate(
        self, ticket: str, token: str, pin_key: bytes, biometrics_key: bytes | None = None, proof: Proof | None = None
    ) -> Activated:
        return app_activation.activate(self.system.context, ticket, token, Keys(pin_key, biometrics_key), proof)

    def challenge(self, device: str, device_token: str) -> Question:
        return app_activation.challenge(self.system.context, device, device_token)

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        return app_activation.pushes(self.system.context, device, device_token)

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        app_activation.approve(self.system.context, device, device_token, push, method, response)

    def deny(self, device: str, device_token: str, push: str) -> None:
        app_activation.deny(self.system.context, device, device_token, push)

    def remove(self, device: str, device_token: str) -> None:
        app_activation.remove(self.system.context, device, device_token)
