"""The operations of customers on their devices, except the activation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dsc_host.login.devices import registry
from dsc_host.login.model import Loss, Scope
from dsc_host.login.phones import app_activation
from dsc_host.login.rows import Session, User
from dsc_host.login.service import access
from dsc_host.login.support import loss_reports
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.login.views import DeviceView
from dsc_host.records.transaction import Refused

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeviceCalls:
    """The part of `LoginSystem` about devices in use, with the transactions for the calls of all parts."""

    context: LoginContext

    def do(
        self,
        token: str,
        may: access.May,
        work: Callable[[LoginTransaction, User, Session], T | Refused],
        others: access.Others | None = None,
    ) -> T:
        """Run `work` in a transaction that has locked the user and the users that `others` returns.

        Raises `NotIn`, and the errors of `may`.
        """
        return access.change(self.context, token, may, work, others)

    def _seen(self, token: str, may: access.May, work: Callable[[LoginTransaction, User, Session], T]) -> T:
        """Run `work` in a transaction that only reads."""
        return access.look(self.context, token, may, work)

    def devices_to_report(self, token: str) -> tuple[DeviceView, ...]:
        """Return the devices that the user can report as lost, in a session or at any step of a login. Raises `NotIn`."""
        return self.context.read(lambda tx: loss_reports.devices_to_report(tx, token))

    def report_loss(self, token: str, device: str, loss: Loss) -> bool:
        """Suspend a lost or stolen device immediately, or end the device if it is not lasting.

        `token` is the token of a login in progress or of a session. All other sessions and logins of the device's users end.
        Return whether this session continues: it does if another device opened it. Raises `NotIn`, `NotFound`, `InputError`.
        """
        return self.context.change(lambda tx: loss_reports.report_own(tx, token, device, loss))

    def name_device(self, token: str, device: str, name: str) -> None:
        """Set the name that the user gives to a device. An empty text removes the name. Raises `NotFound`, `InputError`."""
        self.do(
            token,
            access.customer("name_device", Scope.FULL, Scope.ACCOUNT),
            lambda tx, user, _session: registry.rename(tx, user, device, name),
        )

    def remove_app(self, token: str, device: str, *, last: bool = False) -> None:
        """Take an app out of use. Raises `NotFound`, `NotNow`.

        The user's last device is removed only if `last` is true.
        """
        self.do(
            token,
            access.customer("remove_app", Scope.FULL),
            lambda tx, user, session: app_activation.remove_from_account(tx, session, user, device, last=last),
        )
