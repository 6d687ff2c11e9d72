"""The class `LoginSystem`: the login system as its callers see it, with the operations of a customer.

Five promises:

1. Nobody logs in without a valid device, except users whom the primary user has opted out, and users of a closed account, who
   see only its statements. Nobody gets more access than the device of the login gives.
2. Each call that needs a session checks again that the session is valid and allows the operation, and that the user owns the
   record.
3. Each call is one transaction, or several transactions of which each leaves a consistent state. A failed transaction is undone
   and can be repeated.
4. A message enters the outbox in the transaction of the change. No log and no error contains a code or a password.
5. The refusal of a name and password does not reveal whether the user exists, nor which of the two was wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self, TypeVar

from dsc_host.login.accounts import contacts, permissions
from dsc_host.login.accounts.statement_provider import StatementProvider
from dsc_host.login.cards import returns
from dsc_host.login.devices import registry, waits
from dsc_host.login.messages import outbox
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import Scope
from dsc_host.login.passwords import Passwords
from dsc_host.login.phones import number_confirmation
from dsc_host.login.policy.model import Policy
from dsc_host.login.protection import levels, opt_out, withdrawals
from dsc_host.login.protection.levels import Protection
from dsc_host.login.protection.limits import Allowance
from dsc_host.login.service.access import customer as may
from dsc_host.login.service.card_calls import CardCalls
from dsc_host.login.service.gateway_calls import GatewayCalls
from dsc_host.login.service.guarded_forms import Proofs
from dsc_host.login.service.operator import Operator
from dsc_host.login.service.phone_app import Phones
from dsc_host.login.service.staff import Staff
from dsc_host.login.service.statements import Statements
from dsc_host.login.signin import flow, password_change, password_check, sessions
from dsc_host.login.signin.origins import Origin
from dsc_host.login.support import wait_outcomes
from dsc_host.login.transaction import LoginContext, LoginTransaction, user_named
from dsc_host.login.views import Answered, DeviceView, SentCode, Step, Visitor, WaitView
from dsc_host.records.transaction import Refused
from dsc_host.verifier import Verifier

T = TypeVar("T")
_ACCOUNT = (Scope.FULL, Scope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class LoginSystem(CardCalls):
    """The login system over the records of one verifier. Threads may share it. Create it with `over`."""

    verifier: Verifier
    statement_provider: StatementProvider | None = None

    @classmethod
    def over(
        cls,
        verifier: Verifier,
        *,
        policy: Policy | None = None,
        senders: Mapping[str, Sender] | None = None,
        statements: StatementProvider | None = None,
    ) -> Self:
        """Return the login system over the database and the clock of a verifier.

        `senders` maps the channels `email`, `sms` and `voice` to their senders. `statements` provides the statements of
        accounts.
        """
        chosen = policy or Policy.default()
        context = LoginContext(verifier.context, chosen, chosen.business_days, Passwords(chosen.passwords))
        return cls(context, senders or {}, verifier, statements)

    def by(self, actor: str) -> Self:
        """Return the same login system for operations in the name of `actor`, which the log records."""
        named = self.verifier.by(actor)
        return replace(self, context=replace(self.context, cards=named.context), verifier=named)

    @property
    def policy(self) -> Policy:
        """The policy of the login system."""
        return self.context.policy

    @property
    def operator(self) -> Operator:
        """The operations of the operator, who runs the system."""
        return Operator(self.context, self.verifier, self.senders)

    @property
    def gateway(self) -> GatewayCalls:
        """The logins of users to other programs. If there are no senders, another process must send the codes."""
        return GatewayCalls(self.context, self.deliver if self.senders else lambda _: 0)

    def deliver(self, codes_for: str | None = None) -> int:
        """Send the messages that are due, or only the codes for the user called `codes_for`. Return the number of messages."""
        return outbox.deliver(self.context, self.senders, codes_for=codes_for)

    # ---- logging in ----

    def begin(self, name: str, password: str, address: str = "", browser: str = "") -> Step:
        """Begin a login with name and password. Raises `WrongCredentials`, `TooManyAttempts`, `OutOfMemory`.

        `address` is the IP address, and `browser` the name of the browser. The user sees both in the lists of sessions and of
        security events.
        """
        origin = Origin.of(address, browser)
        user = password_check.check_password(self.context, name, password, address, origin)
        return self.change(lambda tx: flow.begin(tx, user, origin))

    def choose(self, token: str, device: str, *, manual: bool = False) -> Step:
        """Ask for the challenge of a device. `manual` asks for a challenge to type into the phone app, instead of a push.

        Raises `NotIn`, `NotFound`, `TooManyAttempts`.
        """
        step = self.change(lambda tx: flow.choose(tx, token, device, manual=manual))
        self.deliver(step.user)
        return step

    def resend(self, token: str) -> Step:
        """Send a new code for the login. Raises `NotIn`, `NotFound`, `NotNow`, and `TooManyAttempts` with the time to wait."""
        step = self.change(lambda tx: flow.resend(tx, token))
        self.deliver(step.user)
        return step

    def answer(self, token: str, text: str) -> Answered:
        """Answer the challenge. For a push, an empty text asks whether it was approved. Raises `NotIn`."""
        return self.change(lambda tx: flow.answer(tx, token, text))

    def skip(self, token: str) -> Step:
        """Log in without a device after opting out, for trading only. Raises `NotIn`, `NotNow`."""
        return self.change(lambda tx: flow.skip(tx, token))

    def step(self, token: str) -> Step:
        """Return the current step of a login. Raises `NotIn`."""
        return self.context.read(lambda tx: flow.step(tx, token))

    def is_waiting(self, token: str) -> bool:
        """Return whether this login waits for a push that nobody has answered yet. Raises `NotIn`."""
        return self.context.read(lambda tx: flow.is_waiting(tx, token))

    def visitor(self, token: str) -> Visitor:
        """Return the user who is logged in, and record that the session was used. Raises `NotIn`."""
        visitor = self.context.read(lambda tx: sessions.visitor(tx, token))
        self.context.activity.record(visitor.session, self.context.now())
        return visitor

    def rotate(self, token: str) -> str:
        """Give the session a new token and return it. Raises `NotIn`."""
        return self.change(lambda tx: sessions.rotate(tx, token))

    def leave(self, token: str) -> None:
        """Log out. Do nothing if nobody is logged in."""
        self.change(lambda tx: sessions.drop(tx.db, token))

    # ---- the user's own settings ----

    def devices(self, token: str) -> tuple[DeviceView, ...]:
        """Return the devices of the user that have not ended, the highest level first."""
        return self._seen(token, may("devices", *_ACCOUNT), lambda tx, user, _s: registry.views(tx, user))

    def change_password(self, token: str, old: str, new: str) -> None:
        """Change the password. Raises `WrongCredentials` for a wrong old password, and `InputError` for a bad new password.

        Also raises `TooManyAttempts` and `OutOfMemory`.
        """
        name, session = self._seen(token, may("change_password", *_ACCOUNT), lambda _tx, user, session: (user.name, session.id))
        checked = password_check.check_password(self.context, name, old, f"session {session}")
        self.context.passwords.check_new(new, name, old)
        kept = self.context.passwords.hashed(new)
        self.do(
            token,
            may("change_password", *_ACCOUNT),
            lambda tx, user, session: password_change.change(tx, session, user, checked, kept),
        )

    def protection(self, token: str) -> Protection:
        """Return the user's current level, and the levels that the user would have with and without protection."""
        return self._seen(token, may("protection", *Scope), lambda tx, user, _s: levels.protection(tx, user))

    def check_primary(self, token: str) -> None:
        """Raise `NotAllowed` unless this user is the primary user, who may change security settings.

        The error names the primary user.
        """
        self._seen(token, may("check_primary", *_ACCOUNT), lambda tx, user, _s: permissions.check_primary(tx.db, user))

    def account_users(self, token: str) -> list[tuple[str, Protection]]:
        """Return the names and the protection of the users whom this user may see, this user first.

        A primary user sees all users of the account.
        """
        return self._seen(token, may("account_users", *_ACCOUNT), lambda tx, user, _s: levels.visible_protection(tx, user))

    def opt_out(self, token: str, name: str | None = None) -> None:
        """Opt the user, or another user of the account, out of the protection. Raises `NotAllowed`, `NotFound`, `NotNow`."""
        self._opt(token, name, out=True)

    def opt_in(self, token: str, name: str | None = None) -> None:
        """Opt the user, or another user of the account, in again. Raises as `opt_out` does."""
        self._opt(token, name, out=False)

    def _opt(self, token: str, name: str | None, *, out: bool) -> None:
        self.do(
            token,
            may("opt_out" if out else "opt_in", Scope.FULL),
            lambda tx, user, session: opt_out.opt_user(tx, session, user, name, out=out),
            lambda db, user: [permissions.changeable_user(db, user, name).id],
        )

    def may_withdraw(self, user: str, amount: Decimal, now: float | None = None) -> Allowance:
        """Return whether a user may withdraw this amount of US dollars, now or at another time.

        Raises `NotFound`, `InputError`.
        """
        return self.context.read(lambda tx: withdrawals.may_withdraw(tx, user_named(tx.db, user), amount, now))

    def check_withdrawal(self, token: str, amount: Decimal) -> Allowance:
        """Return the decision that `withdraw` would make now. Log a refusal. Raises `InputError`."""
        return self.do(
            token,
            may("check_withdrawal", Scope.FULL, Scope.TRADING),
            lambda tx, user, session: withdrawals.check(tx, session, user, amount),
        )

    def withdraw(self, token: str, amount: Decimal, entry_id: str = "") -> Allowance:
        """Record a withdrawal, if the limits of the device that opened the session allow it. Return the decision.

        `entry_id` is an id that the caller draws for a form. If the form is sent twice, the withdrawal is still recorded only
        once. Raises `InputError`, `NotNow`, `AlreadyDone`.
        """
        return self.do(
            token,
            may("withdraw", Scope.FULL, Scope.TRADING),
            lambda tx, user, session: withdrawals.withdraw(tx, session, user, amount, entry_id),
        )

    def close_account(self, token: str) -> None:
        """Close the account. Raises `NotAllowed`, `NotNow`."""
        self.do(token, may("close_account", Scope.FULL), lambda tx, user, _s: returns.close(tx, user), returns.concerned)

    # ---- waiting changes and phone numbers ----

    def waiting(self, token: str) -> list[WaitView]:
        """Return the changes of the user that have not taken effect yet."""
        return self._seen(token, may("waiting", *_ACCOUNT), lambda tx, user, _s: waits.views(tx.db, user))

    def stop_change(self, code: str, address: str = "") -> WaitView | None:
        """Stop a waiting change with the code from its message. Return this change, or None if no waiting change has the code.

        Raises `TooManyAttempts`.
        """
        return self.change(lambda tx: wait_outcomes.stop_by_code(tx, code, address))

    def phone_numbers(self, token: str) -> dict[str, str]:
        """Return the user's confirmed phone numbers, masked, by their ids."""
        numbers = self._seen(token, may("phone_numbers", Scope.FULL), lambda tx, user, _s: contacts.phones_of(tx.db, user))
        return {each.id: contacts.masked(each.number) for each in numbers}

    def forget_phone(self, token: str, phone: str) -> None:
        """Remove a phone number by its id. Raises `NotFound`, `NotNow`."""
        self.do(
            token,
            may("forget_phone", Scope.FULL),
            lambda tx, user, session: number_confirmation.forget(tx, session, user, phone),
        )

    def ask_to_confirm_phone(self, token: str, number: str) -> str:
        """Send a code to a number such as +41791234567. Return the masked number. Raises `InputError`, `TooManyAttempts`."""
        name, masked = self.do(
            token,
            may("ask_to_confirm_phone", Scope.FULL),
            lambda tx, user, session: number_confirmation.ask(tx, session, user, token, number),
        )
        self.deliver(name)
        return masked

    def sent_phone_code(self, token: str) -> SentCode | None:
        """Return the number to which a code was sent in this session; None if no code can be entered now."""
        return self._seen(
            token, may("sent_phone_code", Scope.FULL), lambda tx, _user, session: number_confirmation.sent(tx, session)
        )

    def resend_phone_code(self, token: str) -> None:
        """Send a new code to the number of the last code. Raises `NotNow`, and `TooManyAttempts` with the time to wait."""
        name, _ = self.do(
            token,
            may("resend_phone_code", Scope.FULL),
            lambda tx, user, session: number_confirmation.resend(tx, session, user, token),
        )
        self.deliver(name)

    def confirm_phone(self, token: str, code: str) -> bool:
        """Confirm the number if the code is correct. Return whether it is. Raises `NotNow`."""
        return self.do(
            token,
            may("confirm_phone", Scope.FULL),
            lambda tx, user, session: number_confirmation.answer(tx, session, user, token, code),
        )

    # ---- further operations, and the transactions ----

    @property
    def staff(self) -> Staff:
        """The operations of staff."""
        return Staff(self.context, self.verifier)

    @property
    def statements(self) -> Statements:
        """The statements and tax forms of the account."""
        return Statements(self.context, self.statement_provider)

    @property
    def proofs(self) -> Proofs:
        """The step-up: fresh answers of devices for calls that raise `ProofNeeded`."""
        return Proofs(self.context, self.deliver)

    @property
    def phones(self) -> Phones:
        """The operations of apps on phones."""
        return Phones(self.context, self.deliver)

    def change(self, work: Callable[[LoginTransaction], T | Refused]) -> T:
        """Run `work` in a transaction that may write."""
        return self.context.change(work)
