"""The operations of users on sheets of codes: request an online card, and see the codes of a sheet before its activation."""

from dsc_host.login.devices import code_sheets, kinds, registry
from dsc_host.login.model import Scope
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions
from dsc_host.login.transaction import LoginTransaction
from dsc_host.login.views import DeviceView


def request_online_card(tx: LoginTransaction, user: User) -> DeviceView:
    """Give an online card to a user who has a temporary code and no lasting device. Raises `NotNow`."""
    device = code_sheets.request_online_card(tx, user)
    return registry.view(tx, user, *registry.held(tx.db, user, device.id))


def codes(tx: LoginTransaction, session: Session, user: User, device_id: str) -> tuple[str, ...]:
    """Return the codes of a sheet that is not activated yet. Raises `NotFound`, `NotNow`, `NotAllowed`."""
    device, _ = registry.held(tx.db, user, device_id, lock=False)
    if not kinds.of(device).temporary:
        # A printed card is a lasting device, so a limited session must not show its codes.
        sessions.check_scope(session, Scope.FULL)
    return code_sheets.sheet_codes(tx, device)
