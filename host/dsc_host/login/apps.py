"""The login system for apps on phones: what `phone_desk` does, for whoever has the device's token."""

from dataclasses import dataclass
from typing import Protocol

from dsc_host.login import phone_desk
from dsc_host.login.phone_desk import Keys
from dsc_host.login.phones_port import Activated, Begun, Proof, Push, Question
from dsc_host.login.reception import Reception


class System(Protocol):
    """What this wants of the login system."""

    @property
    def at(self) -> Reception: ...
    def deliver(self, codes_for: str | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class Phones:
    """Over one login system. Each call raises as the one of its name in `phone_desk`."""

    system: System

    def begin(self, name: str, password: str, address: str = "", phone: int = 0) -> Begun:
        begun = phone_desk.begin(self.system.at, name, password, address, phone)
        self.system.deliver(name.strip().lower())
        return begun

    def activate(
        self, ticket: str, token: str, pin_key: bytes, biometrics_key: bytes | None = None, proof: Proof | None = None
    ) -> Activated:
        return phone_desk.activate(self.system.at, ticket, token, Keys(pin_key, biometrics_key), proof)

    def challenge(self, device: str, device_token: str) -> Question:
        return phone_desk.challenge(self.system.at, device, device_token)

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        return phone_desk.pushes(self.system.at, device, device_token)

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        phone_desk.approve(self.system.at, device, device_token, push, method, response)

    def deny(self, device: str, device_token: str, push: str) -> None:
        phone_desk.deny(self.system.at, device, device_token, push)

    def remove(self, device: str, device_token: str) -> None:
        phone_desk.remove(self.system.at, device, device_token)
