"""The operations of customers on the devices that they have, beyond their activation."""

from dataclasses import dataclass

from dsc_host.login.model import Loss
from dsc_host.login.support import loss_reports
from dsc_host.login.transaction import LoginContext


@dataclass(frozen=True, slots=True)
class DeviceCalls:
    """The part of `LoginSystem` about devices that are in use."""

    context: LoginContext

    def report_loss(self, token: str, device: str, loss: Loss) -> None:
        """Suspend a lost or stolen device at once. `token` is the token of a login in progress, which ends.

        Raises `NotIn`, `NotFound`, `InputError`.
        """
        self.context.change(lambda tx: loss_reports.report_at_login(tx, token, device, loss))
