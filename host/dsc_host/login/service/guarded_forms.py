"""The step-up within an open session, and the form that waits for it.

A form that needs a fresh answer is kept by the browser, sealed under the master key for this session. It is therefore neither
in the records, nor readable in a page.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dsc_host.errors import StoreError
from dsc_host.login import rows
from dsc_host.login.devices import registry
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.model import DeviceView, Offer, Scope
from dsc_host.login.rows import Session, User
from dsc_host.login.service import access
from dsc_host.login.signin import device_proof, sessions, step_up
from dsc_host.login.signin.device_proof import Purpose
from dsc_host.login.transaction import LoginContext, LoginTransaction, as_data, data_of, found
from dsc_host.records.keys import Secret
from dsc_host.records.transaction import Refused

_MAY = access.scoped(Scope.FULL, Scope.ACCOUNT)


class System(Protocol):
    """The parts of the login system that are used here."""

    @property
    def context(self) -> LoginContext:
        """The context of the login system."""

    def deliver(self, codes_for: str | None = None) -> int:
        """Send the messages that are due."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """The calls of a step-up. `token` is the token of the open session."""

    system: System

    def choices(self, token: str) -> tuple[DeviceView, ...]:
        """Return the devices that may answer now, the highest level first."""
        context = self.system.context
        shown = access.look(context, token, _MAY, lambda tx, user, _s: registry.views(tx, user))
        return tuple(each for each in shown if each.live)

    def ask(self, token: str, device: str) -> Offer:
        """Ask for the challenge of one of these devices. Raises `NotFound`, `TooManyAttempts`."""
        context = self.system.context

        def asked(tx: LoginTransaction, user: User, session: Session) -> tuple[str, Offer] | Refused:
            chosen, use = registry.held(tx.db, user, device)
            if not registry.is_live(chosen, use, context.now()):
                raise NotFound("you have no such device in use")
            offer = device_proof.ask(tx, session, user, chosen, Purpose.FRESH, token=token)
            return offer if isinstance(offer, Refused) else (user.name, offer)

        name, offer = access.change(context, token, _MAY, asked)
        self.system.deliver(name)
        return offer

    def offer(self, token: str) -> Offer:
        """Return the challenge again. Raises `NotNow` if there is nothing to answer."""
        return access.look(
            self.system.context, token, _MAY, lambda tx, _user, session: device_proof.shown(tx.db, session, Purpose.FRESH)
        )

    def answer(self, token: str, text: str) -> bool:
        """Return whether the answer was correct. Guarded operations are then allowed for some minutes. Raises `NotNow`."""
        context = self.system.context

        def answered(tx: LoginTransaction, user: User, session: Session) -> bool:
            device, right = device_proof.judge(tx, session, user, Purpose.FRESH, text, token=token)
            right = right and registry.is_live(*registry.held(tx.db, user, device.id), context.now())
            if right:
                now = found(rows.sessions.find(tx.db, session.id))
                data = as_data({**data_of(now), step_up.PROVEN_AT: context.now()})
                rows.sessions.change(tx.db, session.id, data=data)
            tx.log("prove", user, "done" if right else "refused", device=device.id)
            return right

        return access.change(context, token, _MAY, answered)

    def seal(self, token: str, path: str, form: Mapping[str, str]) -> str:
        """Seal a form into a text that only this session can open again."""
        plain = json.dumps([path, dict(form)]).encode()
        return base64.urlsafe_b64encode(
            self.system.context.cards.keys.current.seal(plain, _bound(token), Secret.VAULT)
        ).decode()

    def unseal(self, token: str, sealed: str) -> tuple[str, dict[str, str]]:
        """Open a form that was sealed in this session. Return its path and fields. Raises `NotNow` for any other text."""
        try:
            packed = base64.urlsafe_b64decode(sealed.encode())
            path, form = json.loads(self.system.context.cards.keys.current.unseal(packed, _bound(token), Secret.VAULT))
        except (StoreError, ValueError, binascii.Error):
            raise NotNow("there is nothing to answer; begin again") from None
        return path, form


def _bound(token: str) -> str:
    return f"form of {sessions.hashed(token)}"
