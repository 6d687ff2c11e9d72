"""The operations of customers on their devices, except the activation."""

from dataclasses import dataclass

from dsc_host.login.devices import registry
from dsc_host.login.model import Loss, Scope
from dsc_host.login.phones import app_activation
from dsc_host.login.service import access
from dsc_host.login.support import loss_reports
from dsc_host.login.transaction import LoginContext


@dataclass(frozen=True, slots=True)
class DeviceCalls:
    """The part of `LoginSystem` about devices that are in use."""

    context: LoginContext

    def report_loss(self, token: str, device: str, loss: Loss) -> None:
        """Suspend a lost or stolen device at once. `token` is the token of a login in progress, which this ends.

        Raises `NotIn`, `NotFound`, `InputError`.
        """
        self.context.change(lambda tx: loss_reports.report_at_login(tx, token, device, loss))

    def name_device(self, token: str, device: str, name: str) -> None:
        """Give a device the user's own name for it. An empty name removes it. Raises `NotFound`, `InputError`."""
        access.change(
            self.context,
            token,
            access.customer("name_device", Scope.FULL, Scope.ACCOUNT),
            lambda tx, user, _session: registry.rename(tx, user, device, name),
        )

    def remove_app(self, token: str, device: str, *, last: bool = False) -> None:
        """Take an app out of use. `last` confirms that no other device is left to log in with. Raises `NotFound`, `NotNow`."""
        access.change(
            self.context,
            token,
            access.customer("remove_app", Scope.FULL),
            lambda tx, user, session: app_activation.remove_from_account(tx, session, user, device, last=last),
        )
