"""The operations of customers on their own profile, without support."""

from collections.abc import Mapping
from dataclasses import dataclass

from dsc_host.login.accounts import bank_numbers
from dsc_host.login.messages import outbox
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import Scope
from dsc_host.login.profile import bank_instructions, email_change, overview, postal_address, security_events
from dsc_host.login.profile.security_events import EventPage
from dsc_host.login.service.access import customer as may
from dsc_host.login.service.account_calls import AccountCalls
from dsc_host.login.views import Profile, SentCode


@dataclass(frozen=True, slots=True)
class ProfileCalls(AccountCalls):
    """The part of `LoginSystem` about the profile."""

    senders: Mapping[str, Sender]

    def profile(self, token: str) -> Profile:
        """Return the data that the user may see and change about themselves."""
        return self._seen(
            token, may("profile", Scope.FULL, Scope.ACCOUNT), lambda tx, user, session: overview.profile(tx, session, user)
        )

    def security_events(self, token: str, page: int = 1) -> EventPage:
        """Return a page of the user's recent security events, the newest first. Raises `InputError`."""
        return self._seen(
            token,
            may("security_events", Scope.FULL, Scope.ACCOUNT),
            lambda tx, user, _session: security_events.page(tx, user, page),
        )

    def ask_to_change_email(self, token: str, email: str) -> str:
        """Send a code to a new email address. Return the address in its normal form.

        Raises `InputError`, `NotAllowed`, `NotNow`, `TooManyAttempts`.
        """
        name, normal = self.do(
            token,
            may("ask_to_change_email", Scope.FULL),
            lambda tx, user, session: email_change.ask(tx, session, user, token, email),
        )
        outbox.deliver(self.context, self.senders, codes_for=name)
        return normal

    def sent_email_code(self, token: str) -> SentCode | None:
        """Return the address to which a code was sent in this session; None if no code can be entered now."""
        return self._seen(
            token, may("sent_email_code", Scope.FULL, Scope.ACCOUNT), lambda tx, _user, session: email_change.sent(tx, session)
        )

    def resend_email_code(self, token: str) -> None:
        """Send a new code to the address that got the last code. Raises as `ask_to_change_email` does."""
        name, _ = self.do(
            token,
            may("resend_email_code", Scope.FULL),
            lambda tx, user, session: email_change.resend(tx, session, user, token),
        )
        outbox.deliver(self.context, self.senders, codes_for=name)

    def confirm_email(self, token: str, code: str) -> bool:
        """Change the email address if the code is correct. Return whether it is. Raises `NotAllowed`, `NotNow`."""
        return self.do(
            token,
            may("confirm_email", Scope.FULL),
            lambda tx, user, session: email_change.answer(tx, session, user, token, code),
        )

    def change_address(self, token: str, address: str) -> None:
        """Change the postal address. A card that was already requested is still sent to the address of its request.

        Raises `InputError`, `NotAllowed`, `NotNow`.
        """
        self.do(
            token,
            may("change_address", Scope.FULL),
            lambda tx, user, session: postal_address.change(tx, session, user, address),
        )

    def change_bank(self, token: str, *, iban: str = "", routing: str = "", account_number: str = "") -> None:
        """Change the account's bank instructions: an IBAN, or a routing number and an account number in the US.

        Raises `InputError`, `NotAllowed`, `NotNow`.
        """
        self.do(
            token,
            may("change_bank", Scope.FULL),
            lambda tx, user, session: bank_instructions.change(
                tx, session, user, bank_numbers.checked(iban, routing, account_number)
            ),
        )
