"""The step-up within an open session, and the submitted form that is kept until the step-up is done.

The server seals the form with the master key and binds it to the session. The page carries the sealed text, so the form is not
stored in the database, and nobody can read it on the page.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dsc_host.errors import StoreError
from dsc_host.login.errors import NotNow
from dsc_host.login.model import Scope
from dsc_host.login.service import access
from dsc_host.login.signin import device_proof, sessions, step_up
from dsc_host.login.signin.device_proof import Purpose
from dsc_host.login.transaction import LoginContext
from dsc_host.login.views import DeviceView, Offer
from dsc_host.records.keys import Secret

_MAY = access.scoped(Scope.FULL, Scope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class Proofs:
    """The calls of a step-up. `token` is the token of the open session."""

    context: LoginContext
    deliver: Callable[[str], int]
    """Send the codes for the user of this name."""

    def choices(self, token: str) -> tuple[DeviceView, ...]:
        """Return the devices with which the user may answer now, the highest level first."""
        return access.look(self.context, token, _MAY, lambda tx, user, session: step_up.choices(tx, session, user))

    def ask(self, token: str, device: str) -> Offer:
        """Ask for the challenge of one of the devices in `choices`. Raises `NotFound`, `TooManyAttempts`."""
        name, offer = access.change(
            self.context, token, _MAY, lambda tx, user, session: step_up.ask(tx, session, user, token, device)
        )
        self.deliver(name)
        return offer

    def offer(self, token: str) -> Offer:
        """Return the challenge again. Raises `NotNow` if there is nothing to answer."""
        return access.look(self.context, token, _MAY, lambda tx, _user, session: device_proof.shown(tx, session, Purpose.FRESH))

    def answer(self, token: str, text: str) -> bool:
        """Return whether the answer was correct. If so, allow guarded operations for some minutes. Raises `NotNow`.

        An answer with a finger or a face also extends a session that was opened in the same way.
        """
        return access.change(
            self.context, token, _MAY, lambda tx, user, session: step_up.answer(tx, session, user, token, text)
        )

    def seal(self, token: str, path: str, form: Mapping[str, str]) -> str:
        """Seal a form as a text that only this session can open again."""
        plain = json.dumps([path, dict(form)]).encode()
        sealed = self.context.cards.keys.current.seal(plain, _bound(token), Secret.VAULT)
        return base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, token: str, sealed: str) -> tuple[str, dict[str, str]]:
        """Open a form that was sealed in this session. Return its path and fields. Raises `NotNow` for any other text."""
        try:
            packed = base64.urlsafe_b64decode(sealed.encode())
            path, form = json.loads(self.context.cards.keys.unseal(packed, _bound(token), Secret.VAULT))
        except (StoreError, ValueError):
            raise NotNow("there is nothing to answer; begin again") from None
        return path, form


def _bound(token: str) -> str:
    return f"form of {sessions.hashed(token)}"
