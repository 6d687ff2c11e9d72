"""The operations of staff: support, the issuer and compliance. Each call checks the role of the staff member."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from dsc_host.login.accounts import bank_numbers, field_checks, phone_numbers
from dsc_host.login.cards import returns, shipping
from dsc_host.login.devices import waits
from dsc_host.login.model import Identity, Loss, Role, ShareState
from dsc_host.login.profile import security_events
from dsc_host.login.profile.security_events import SecurityEvent
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Parcel, Session, User
from dsc_host.login.service import access
from dsc_host.login.support import (
    caller_search,
    calls,
    identities,
    loss_reports,
    new_devices,
    notes,
    profile_changes,
    temporary_codes,
    wait_outcomes,
)
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.login.views import (
    CallerView,
    CheckedPerson,
    Decision,
    DeviceView,
    FoundUser,
    NoteView,
    Request,
    Return,
    Settlement,
    ShareView,
    WaitView,
)
from dsc_host.records.transaction import Refused
from dsc_host.verifier import Verifier

T = TypeVar("T")
_SUPPORT, _ISSUER, _COMPLIANCE = (access.staff(role) for role in (Role.SUPPORT, Role.ISSUER, Role.COMPLIANCE))
_DECIDING = access.staff(Role.SUPPORT, Role.COMPLIANCE)
_CALLER_EVENTS = 5
"""The number of the caller's newest security events that support sees."""

_DECISIONS = 20
"""The number of the newest decisions that compliance sees."""
_REASON_LETTERS = 200


def _reason(text: str) -> str:
    """Return the reason of a decision, which may be empty. Raises `InputError`."""
    return field_checks.check_line("why", text, _REASON_LETTERS) if text else ""


@dataclass(frozen=True, slots=True)
class Staff:
    """The calls of staff. `token` is the token of the staff member's session."""

    context: LoginContext
    verifier: Verifier

    def search(self, token: str, text: str) -> tuple[FoundUser, ...]:
        """Return the users who match what a caller says. See `caller_search.search`.

        Raises `InputError`, `NotAllowed`, `TooManyAttempts`.
        """
        return self._do(token, _SUPPORT, lambda tx, staff, _s: caller_search.search(tx, staff, text))

    def identify(self, token: str, user: str, said: Identity) -> bool:
        """Return whether the details that a caller gives are those of this user. If so, the caller is identified.

        Raises `InputError`, `NotAllowed`, `NotNow`, `TooManyAttempts`.
        """
        return self._do(token, _SUPPORT, lambda tx, staff, session: calls.identify(tx, session, staff, user, said))

    def check_support(self, token: str) -> None:
        """Raise `NotIn` or `NotAllowed` unless the user has the role of support."""
        self._look(token, _SUPPORT, lambda _tx, _staff, _session: None)

    def end_call(self, token: str) -> None:
        """End the call with the identified caller. Raises `NotAllowed`."""
        self._do(token, _SUPPORT, lambda tx, staff, session: calls.end(tx, session, staff))

    def caller(self, token: str) -> CallerView:
        """Return the identified caller. Raises `NotAllowed`."""
        return self._look(token, _SUPPORT, lambda tx, _staff, session: calls.caller_view(tx, session))

    def caller_events(self, token: str) -> tuple[SecurityEvent, ...]:
        """Return the last security events of the identified caller, the newest first. Raises `NotAllowed`.

        They are without addresses and browsers, which only the user sees.
        """
        page = self._look(
            token, _SUPPORT, lambda tx, _staff, session: security_events.page(tx, calls.known_caller(tx, session))
        )
        return tuple(replace(each, address="", browser="") for each in page.events[:_CALLER_EVENTS])

    def notes(self, token: str) -> tuple[NoteView, ...]:
        """Return the notes about the identified caller, the newest first. Raises `NotAllowed`."""
        return self._look(token, _SUPPORT, lambda tx, _staff, session: notes.of_caller(tx, session))

    def add_note(self, token: str, text: str) -> None:
        """Add a note about the identified caller. Nobody can change it unnoticed. Raises `InputError`, `NotAllowed`."""
        self._do(token, _SUPPORT, lambda tx, staff, session: notes.add(tx, session, staff, text))

    def caller_devices(self, token: str) -> tuple[str, tuple[DeviceView, ...]]:
        """Return the name and the devices of the identified caller. Raises `NotAllowed`."""
        return self._look(token, _SUPPORT, lambda tx, _staff, session: calls.caller_devices(tx, session))

    def give_temporary_code(self, token: str) -> str:
        """Make a temporary code for the identified caller, to be read out. Raises `NotAllowed`, `NotNow`."""
        return self._do(token, _SUPPORT, lambda tx, staff, s: temporary_codes.give_temporary_code(tx, s, staff))

    def report_loss(self, token: str, device: str, loss: Loss) -> None:
        """Take a device of the identified caller out of use. Raises `InputError`, `NotAllowed`, `NotFound`, `NotNow`."""
        self._do(token, _SUPPORT, lambda tx, staff, session: loss_reports.report_loss(tx, session, staff, device, loss))

    def issue_code_card(self, token: str) -> tuple[DeviceView, tuple[str, ...]]:
        """Make a security code card for the caller. Return the card and its codes, to be printed and sent by mail.

        Raises `NotAllowed`, `NotNow`.
        """
        return self._do(token, _SUPPORT, lambda tx, staff, session: new_devices.issue_code_card(tx, session, staff))

    def sheet(self, token: str, device: str) -> tuple[DeviceView, tuple[str, ...]]:
        """Return a code card of the caller with its codes, until it is activated. Raises `NotAllowed`, `NotFound`, `NotNow`."""
        return self._look(token, _SUPPORT, lambda tx, _staff, session: new_devices.sheet(tx, session, device))

    def enable_messages(self, token: str, number: str) -> bool:
        """Enable SMS and call-back for the caller, now or, for a new number, after a wait. Return whether they are enabled now.

        The number may have spaces and signs. Raises `InputError`, `NotAllowed`, `NotNow`.
        """
        number = phone_numbers.without_signs(number)
        phone_numbers.check_phone(number)
        return self._do(token, _SUPPORT, lambda tx, staff, s: new_devices.offer_messages(tx, s, staff, number))

    def set_email(self, token: str, email: str) -> None:
        """Change the email address of a caller who has opted out. Raises `InputError`, `NotAllowed`, `NotNow`."""
        self._do(token, _SUPPORT, lambda tx, staff, session: profile_changes.set_email(tx, session, staff, email))

    def set_address(self, token: str, address: str) -> None:
        """Change the postal address of a caller who has opted out. Raises `InputError`, `NotAllowed`, `NotNow`."""
        self._do(token, _SUPPORT, lambda tx, staff, session: profile_changes.set_address(tx, session, staff, address))

    def set_bank(self, token: str, *, iban: str = "", routing: str = "", account_number: str = "") -> None:
        """Change the bank instructions of the account of a caller who has opted out. See `LoginSystem.change_bank`."""
        self._do(
            token,
            _SUPPORT,
            lambda tx, staff, session: profile_changes.set_bank(
                tx, session, staff, bank_numbers.checked(iban, routing, account_number)
            ),
        )

    def correct_identity(self, token: str, user: str, identity: Identity) -> None:
        """Request a correction of an identity, which a second person must confirm.

        Raises `NotAllowed`, `NotFound`, `NotNow`, `InputError`.
        """
        self._do(token, _SUPPORT, lambda tx, staff, _s: identities.correct_identity(tx, staff, user, identity))

    def corrections(self, token: str) -> list[tuple[WaitView, Identity]]:
        """Return the corrections of identities that wait for a second person. Raises `NotAllowed`."""
        return self._look(token, _DECIDING, lambda tx, _staff, _s: identities.corrections(tx))

    def people_to_check(self, token: str) -> dict[str, CheckedPerson]:
        """Return the people whom the waiting requests and corrections are about, by user name. Raises `NotAllowed`.

        Only compliance sees these people. Support asks callers for the details of their identity, so it must not see them here.
        """
        return self._look(token, _COMPLIANCE, lambda tx, _staff, _s: identities.people_to_check(tx))

    def decide_correction(self, token: str, correction: str, agreed: bool, why: str = "") -> None:
        """Confirm or refuse a correction, and record the reason, `why`. Nobody may confirm a correction that they requested.

        Raises `InputError`, `NotAllowed`, `NotFound`, `NotNow`.
        """
        why = _reason(why)
        self._do(token, _DECIDING, lambda tx, staff, _s: wait_outcomes.decide_correction(tx, staff, correction, agreed, why))

    def caller_waits(self, token: str) -> list[WaitView]:
        """Return the waits of the identified caller. Raises `NotAllowed`."""
        return self._look(token, _SUPPORT, lambda tx, _staff, session: waits.views(tx.db, calls.known_caller(tx, session)))

    def confirm_wait(self, token: str, wait: str) -> None:
        """Let a waiting change of the identified caller take effect now.

        The change must have been requested on an earlier day, and not by this staff member.

        Raises `NotAllowed`, `NotFound`, `NotNow`.
        """
        self._do(token, _SUPPORT, lambda tx, staff, session: wait_outcomes.confirm(tx, session, staff, wait))

    def stop_wait(self, token: str, wait: str) -> None:
        """Stop a waiting change of the identified caller. Raises `NotAllowed`, `NotFound`."""
        self._do(token, _SUPPORT, lambda tx, staff, session: wait_outcomes.stop_for_caller(tx, session, staff, wait))

    def queue(self, token: str) -> list[Request]:
        """Return the requests whose cards must be made or shipped. Raises `NotAllowed`."""
        return self._look(token, _ISSUER, lambda tx, _staff, _s: shipping.queue(tx))

    def on_the_way(self, token: str) -> list[Request]:
        """Return the requests whose cards were sent last and are not activated yet. Raises `NotAllowed`."""
        return self._look(token, _ISSUER, lambda tx, _staff, _s: shipping.on_the_way(tx))

    def personalize_all(
        self, token: str, open_card: shipping.OpenCard, progress: shipping.Progress, most: int | None = None
    ) -> list[Request]:
        """Make the cards of all requests, or of the oldest `most`, one after another.

        Raises `NotAllowed`, and the errors of the serial line.
        """
        staff = self._look(token, _ISSUER, lambda _tx, staff, _s: staff.name)
        verifier = self.verifier.by(f"issuer:{staff}")
        return shipping.personalize_all(replace(self.context, cards=verifier.context), verifier, open_card, progress, most)

    def ship(self, token: str, request: str) -> Request:
        """Record that a card was shipped. Raises `NotAllowed`, `NotNow`, `NotFound`."""
        return self._do(token, _ISSUER, lambda tx, staff, _s: shipping.ship(tx, request, staff.name))

    def receive(self, token: str, serial: str) -> Parcel:
        """Record that a card has come back. Raises `NotAllowed`, `NotNow`, `NotFound`."""
        return self._do(token, _ISSUER, lambda tx, staff, _s: returns.receive(tx, serial, staff))

    def returns(self, token: str) -> list[Return]:
        """Return the cards on their way back, and after them the cards that were received last. Raises `NotAllowed`."""
        return self._look(token, _ISSUER, lambda tx, _staff, _s: returns.newest(tx))

    def settle(self, token: str, serial: str, cents: int | None = None, *, owner: str | None = None) -> int:
        """Keep the deposit of a card that was not returned, or charge a fee for a device without a deposit.

        `cents` is the amount; None means the policy's fee for the kind. Return the amount in cents. For a device without a
        serial, `owner` is the user name of its owner, and `serial` is its label. Raises `NotAllowed`, `NotFound`, `NotNow`,
        `InputError`.
        """
        return self._do(token, _ISSUER, lambda tx, staff, _s: returns.settle(tx, serial, cents, staff, owner))

    def settlement(self, token: str, serial: str, cents: int | None = None, *, owner: str | None = None) -> Settlement:
        """Return what `settle` would do with these values, and change nothing. Raises as `settle` does."""
        return self._do(token, _ISSUER, lambda tx, staff, _s: returns.settlement(tx, serial, cents, staff, owner))

    def pending_shares(self, token: str) -> list[ShareView]:
        """Return the shares that wait for compliance. Raises `NotAllowed`."""
        return self._look(token, _COMPLIANCE, lambda tx, _staff, _s: sharing.pending(tx.db))

    def decide_share(self, token: str, share: str, agreed: bool, why: str = "") -> ShareState:
        """Approve or refuse a share that waits for compliance. Record the reason, `why`. Return the new state of the share.

        Raises `InputError`, `NotAllowed`, `NotNow`, `NotFound`.
        """
        why = _reason(why)
        return self._do(token, _COMPLIANCE, lambda tx, staff, _s: sharing.decide(tx, staff, share, agreed, why))

    def decisions(self, token: str) -> list[Decision]:
        """Return the newest decisions about shares and corrections, the newest first. Raises `NotAllowed`."""

        def all_of_them(tx: LoginTransaction) -> list[Decision]:
            found = [*sharing.decisions(tx.db, _DECISIONS), *identities.decisions(tx, _DECISIONS)]
            return sorted(found, key=lambda each: each.at or 0.0, reverse=True)[:_DECISIONS]

        return self._look(token, _COMPLIANCE, lambda tx, _staff, _s: all_of_them(tx))

    def _do(self, token: str, may: access.May, work: Callable[[LoginTransaction, User, Session], T | Refused]) -> T:
        return access.change(self.context, token, may, work)

    def _look(self, token: str, may: access.May, work: Callable[[LoginTransaction, User, Session], T]) -> T:
        return access.look(self.context, token, may, work)
