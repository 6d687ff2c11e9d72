"""The operations of staff: support, the issuer and compliance. Each call checks the role of the staff member."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dsc_host.login import json_column, rows
from dsc_host.login.accounts import phone_numbers
from dsc_host.login.cards import returns, shipping
from dsc_host.login.devices import code_sheets, registry, waits
from dsc_host.login.errors import NotFound
from dsc_host.login.model import DeviceView, Identity, Loss, Request, Role, Scope, ShareState, ShareView, WaitKind, WaitView
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Parcel, Session, User
from dsc_host.login.service import access
from dsc_host.login.support import calls, identities, loss_reports, new_devices, temporary_codes, wait_outcomes
from dsc_host.login.transaction import LoginContext, LoginTransaction, found
from dsc_host.records.transaction import Refused
from dsc_host.verifier import Verifier

T = TypeVar("T")


class System(Protocol):
    """The parts of the login system that are used here."""

    @property
    def context(self) -> LoginContext:
        """The context of the login system."""

    @property
    def verifier(self) -> Verifier:
        """The verifier with the cards."""

    def by(self, actor: str) -> "System":
        """Return the same system for operations in the name of `actor`."""

    def do(self, token: str, may: access.May, work: Callable[[LoginTransaction, User, Session], T | Refused]) -> T:
        """Run `work` in a transaction that has locked the user."""


@dataclass(frozen=True, slots=True)
class Staff:
    """The calls of staff. `token` is the token of the staff member's session."""

    system: System

    def identify(self, token: str, user: str, said: Identity) -> bool:
        """Return whether a caller is this user, by the details that they give. Raises `NotAllowed`, `NotNow`."""
        return self._do(
            token, (Role.SUPPORT,), lambda tx, staff, session: calls.identify(tx, session, staff, user, said)
        )  # fmt: skip

    def check_support(self, token: str) -> None:
        """Raise `NotIn`, or `NotAllowed` unless the user has the role of support."""
        self._look(token, (Role.SUPPORT,), lambda _tx, _staff, _session: None)

    def caller_devices(self, token: str) -> tuple[str, tuple[DeviceView, ...]]:
        """Return the name and the devices of the identified caller. Raises `NotAllowed`."""

        def seen(tx: LoginTransaction, _staff: User, session: Session) -> tuple[str, tuple[DeviceView, ...]]:
            user = calls.known_caller(tx, session)
            return user.name, registry.views(tx, user)

        return self._look(token, (Role.SUPPORT,), seen)

    def give_temporary_code(self, token: str) -> str:
        """Make a temporary code for the identified caller, to be read out. Raises `NotAllowed`, `NotNow`."""

        def given(tx: LoginTransaction, staff: User, session: Session) -> str:
            return temporary_codes.give_temporary_code(tx, session, staff)

        return self._do(token, (Role.SUPPORT,), given)

    def report_loss(self, token: str, device: str, loss: Loss) -> None:
        """Take a device of the identified caller out of use. Raises `NotAllowed`, `NotFound`, `NotNow`."""

        def reported(tx: LoginTransaction, staff: User, session: Session) -> None:
            loss_reports.report_loss(tx, session, staff, device, loss)

        self._do(token, (Role.SUPPORT,), reported)

    def issue_code_card(self, token: str) -> tuple[DeviceView, tuple[str, ...]]:
        """Make a security code card for the caller. Return it with its codes, to be printed and sent. Raises `NotAllowed`."""

        def issued(tx: LoginTransaction, staff: User, session: Session) -> tuple[DeviceView, tuple[str, ...]]:
            device = new_devices.issue_code_card(tx, session, staff)
            user = found(rows.users.find(tx.db, device.owner_id))
            codes = code_sheets.sheet_codes(tx, device)
            return registry.view(tx, user, *registry.held(tx.db, user, device.id)), codes

        return self._do(token, (Role.SUPPORT,), issued)

    def sheet(self, token: str, device: str) -> tuple[DeviceView, tuple[str, ...]]:
        """Return the codes of the caller's card again, until it is activated. Raises `NotAllowed`, `NotFound`, `NotNow`."""

        def seen(tx: LoginTransaction, _staff: User, session: Session) -> tuple[DeviceView, tuple[str, ...]]:
            user = calls.known_caller(tx, session)
            held = registry.held(tx.db, user, device, lock=False)
            return registry.view(tx, user, *held), code_sheets.sheet_codes(tx, held[0])

        return self._look(token, (Role.SUPPORT,), seen)

    def enable_messages(self, token: str, number: str) -> bool:
        """Enable SMS and call-back for the caller. Return True if they are enabled now, False if a new number must wait.

        Raises `NotAllowed`, `NotNow`.
        """

        def enabled(tx: LoginTransaction, staff: User, session: Session) -> bool:
            return new_devices.offer_messages(tx, calls.caller(tx, session), number, staff)

        phone_numbers.check_phone(number)
        return self._do(token, (Role.SUPPORT,), enabled)

    def correct_identity(self, token: str, user: str, identity: Identity) -> None:
        """Request a correction of an identity. A second person confirms it. Raises `NotAllowed`, `NotFound`, `InputError`."""
        self._do(
            token, (Role.SUPPORT,), lambda tx, staff, _s: identities.correct_identity(tx, staff, user, identity)
        )  # fmt: skip

    def corrections(self, token: str) -> list[tuple[WaitView, Identity]]:
        """Return the corrections of identities that wait for a second person. Raises `NotAllowed`."""

        def seen(tx: LoginTransaction, _staff: User, _session: Session) -> list[tuple[WaitView, Identity]]:
            return [(waits.view(tx.db, each), json_column.read(Identity, each.data)) for each in waits.corrections(tx.db)]

        return self._look(token, (Role.SUPPORT, Role.COMPLIANCE), seen)

    def decide_correction(self, token: str, correction: str, agreed: bool) -> None:
        """Confirm or refuse a correction that somebody else requested. Raises `NotAllowed`, `NotFound`, `NotNow`."""

        def decided(tx: LoginTransaction, staff: User, _session: Session) -> None:
            wait_outcomes.decide_correction(tx, staff, correction, agreed)

        self._do(token, (Role.SUPPORT, Role.COMPLIANCE), decided)

    def caller_waits(self, token: str) -> list[WaitView]:
        """Return the waits of the identified caller. Raises `NotAllowed`."""

        def seen(tx: LoginTransaction, _staff: User, session: Session) -> list[WaitView]:
            return [waits.view(tx.db, each) for each in waits.of_user(tx.db, calls.known_caller(tx, session))]

        return self._look(token, (Role.SUPPORT,), seen)

    def confirm_wait(self, token: str, wait: str) -> None:
        """Let a change take effect now, on a later day and by another support member than who asked for it.

        Raises `NotAllowed`, `NotFound`, `NotNow`.
        """

        def confirmed(tx: LoginTransaction, staff: User, session: Session) -> None:
            user = calls.caller(tx, session)
            kept = waits.locked(tx.db, wait, user)
            if kept.kind == WaitKind.IDENTITY:
                raise NotFound("there is no such change that waits")
            waits.check_may_confirm(self.system.context, kept, staff)
            wait_outcomes.let_count(tx, user, kept, staff.name)

        self._do(token, (Role.SUPPORT,), confirmed)

    def stop_wait(self, token: str, wait: str) -> None:
        """Stop a waiting change of the identified caller. Raises `NotAllowed`, `NotFound`."""

        def stopped(tx: LoginTransaction, staff: User, session: Session) -> None:
            user = calls.caller(tx, session)
            wait_outcomes.stop(tx, user, waits.locked(tx.db, wait, user), staff.name)

        self._do(token, (Role.SUPPORT,), stopped)

    def queue(self, token: str) -> list[Request]:
        """Return the requests whose cards must be made or shipped. Raises `NotAllowed`."""
        return self._look(token, (Role.ISSUER,), lambda tx, _staff, _s: shipping.queue(tx))

    def personalise_all(self, token: str, open_card: shipping.OpenCard, told: shipping.Told) -> list[Request]:
        """Make the cards of all requests, one after another. Raises `NotAllowed`, and what the line to a card raises."""
        staff = self._look(token, (Role.ISSUER,), lambda _tx, staff, _s: staff.name)
        mine = self.system.by(f"issuer:{staff}")
        return shipping.personalise_all(mine.context, mine.verifier, open_card, told)

    def ship(self, token: str, request: str) -> Request:
        """Record that a card was shipped. Raises `NotAllowed`, `NotNow`, `NotFound`."""
        return self._do(token, (Role.ISSUER,), lambda tx, _staff, _s: shipping.ship(tx, request))

    def receive(self, token: str, serial: str) -> Parcel:
        """Record that a card has come back. Raises `NotAllowed`, `NotNow`, `NotFound`."""
        return self._do(token, (Role.ISSUER,), lambda tx, staff, _s: returns.receive(tx, serial, staff))

    def settle(self, token: str, serial: str, cents: int | None = None) -> int:
        """Keep the deposit of a card that does not come back. Raises `NotAllowed`, `NotNow`, `InputError`."""
        return self._do(token, (Role.ISSUER,), lambda tx, staff, _s: returns.settle(tx, serial, cents, staff))

    def pending_shares(self, token: str) -> list[ShareView]:
        """Return the shares that wait for compliance. Raises `NotAllowed`."""
        return self._look(token, (Role.COMPLIANCE,), lambda tx, _staff, _s: sharing.pending(tx.db))

    def decide_share(self, token: str, share: str, agreed: bool) -> ShareState:
        """Decide on a share for compliance. Raises `NotAllowed`, `NotNow`, `NotFound`."""
        return self._do(
            token, (Role.COMPLIANCE,), lambda tx, staff, _s: sharing.decide(tx, staff, share, agreed)
        )  # fmt: skip

    def _do(self, token: str, roles: tuple[Role, ...], work: Callable[[LoginTransaction, User, Session], T | Refused]) -> T:
        def done(tx: LoginTransaction, user: User, session: Session) -> T | Refused:
            calls.check_role(user, session, *roles)
            return work(tx, user, session)

        return self.system.do(token, access.scoped(Scope.FULL), done)

    def _look(self, token: str, roles: tuple[Role, ...], work: Callable[[LoginTransaction, User, Session], T]) -> T:
        def done(tx: LoginTransaction, user: User, session: Session) -> T:
            calls.check_role(user, session, *roles)
            return work(tx, user, session)

        return access.look(self.system.context, token, access.scoped(Scope.FULL), done)
