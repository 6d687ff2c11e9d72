"""The replacement of an app: an activation takes the user's previous app out of use, for example an app on a lost phone.

Two promises:

1. No app is replaced unless the user agrees.
2. An app with a recovery PIN is replaced only with this PIN. A stolen SMS is not enough. Wrong PINs are counted.

The PIN is not stored. The vault keeps a key that the app has derived from the PIN.
"""

import hmac
from dataclasses import dataclass, field

from dsc_host.login import rate_limits
from dsc_host.login.devices import kinds, registry
from dsc_host.login.devices.kinds.base import secret_of
from dsc_host.login.errors import LoginError, NotAllowed, NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState
from dsc_host.login.rate_limits import DAY, RateLimit
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records import vault

_IN_USE = (DeviceState.ACTIVE, DeviceState.MISPLACED)


@dataclass(frozen=True, slots=True)
class Replacement:
    """The user's consent to the replacement of the previous app. `proof` is the key derived from that app's recovery PIN."""

    agreed: bool = False
    proof: bytes | None = field(default=None, repr=False)


def apps_of(tx: LoginTransaction, user: User) -> list[Device]:
    """Return the apps that an activation would replace."""
    return [device for device, _ in registry.held_by(tx.db, user) if _is_replaced(device)]


def needs_recovery(tx: LoginTransaction, apps: list[Device]) -> bool:
    """Return whether the recovery PIN of one of these apps is needed to replace them."""
    return any(vault.get(tx.cards, secret_of(app)) is not None for app in apps)


def refusal(tx: LoginTransaction, user: User, apps: list[Device], given: Replacement) -> LoginError | None:
    """Return the error if these apps may not be replaced; None if they may be replaced. Count a wrong recovery PIN."""
    if apps and given.agreed is not True:
        return NotNow("an app is in use on another phone; agree that this activation takes it out of use")
    known = [key for key in (vault.get(tx.cards, secret_of(app)) for app in apps) if key is not None]
    if not known:
        return None
    login = tx.policy.login
    limits = [RateLimit("recovery", user.id, login.factor_failures, DAY, login.factor_lock_for)]
    if locked := rate_limits.charge(tx, limits):
        return locked
    if not isinstance(given.proof, bytes) or not any(hmac.compare_digest(key, given.proof) for key in known):
        tx.log("phone.activate", user, "refused", "recovery")
        return NotAllowed(
            "the PIN of your previous app is wrong; remove that app on the page Security devices, or call support"
        )
    rate_limits.record_success(tx, limits)
    return None


def end_replaced(tx: LoginTransaction, user: User, apps: list[Device]) -> None:
    """Take these apps out of use, and notify the user."""
    for app in apps:
        notices.notify(tx, user, "out_of_use", device=registry.label(app))
        kinds.of(app).disable(tx, app, "replaced")
        registry.move(tx, app, DeviceState.ENDED)


def _is_replaced(device: Device) -> bool:
    return kinds.of(device).replaces_messages and device.state in _IN_USE
