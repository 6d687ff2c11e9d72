"""The login system: everything that a person meets from asking for a card to closing an account, as calls.

Five promises:

1. Nobody comes in without a live device, except where the account's owner has decided that they may; and never to more than
   what the device is good for.
2. Every call that needs a session asks anew whether it lasts, what it may do, and whether it is this user's business.
3. Each call is one transaction, or several of which each may be the last: what fails is undone whole, and may be done again.
4. What people are to be told is in the outbox in that transaction; codes and passwords are in no log and no error.
5. Who does not get in learns nothing: not whether there is such a user, nor which of two things was wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self, TypeVar

from dsc_host.login import rows
from dsc_host.login.accounts import contacts, users
from dsc_host.login.cards import activation, requests, returns
from dsc_host.login.devices import code_sheets, registry, waits
from dsc_host.login.messages import outbox
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import (
    Answered,
    DeviceView,
    Kind,
    Offer,
    Request,
    Scope,
    Step,
    Visitor,
    WaitView,
)
from dsc_host.login.passwords import Passwords
from dsc_host.login.phones import number_confirmation
from dsc_host.login.policy.model import Policy
from dsc_host.login.protection import levels, opt_out, sharing, withdrawals
from dsc_host.login.protection.levels import Protection
from dsc_host.login.protection.limits import Allowance
from dsc_host.login.rows import Parcel, Session, User
from dsc_host.login.service import access
from dsc_host.login.service.access import operation as may
from dsc_host.login.service.guarded_forms import Proofs
from dsc_host.login.service.operator import Operator
from dsc_host.login.service.phone_app import Phones
from dsc_host.login.service.sharing_calls import ShareCalls
from dsc_host.login.service.staff import Staff
from dsc_host.login.signin import flow, sessions
from dsc_host.login.support import wait_outcomes
from dsc_host.login.transaction import LoginContext, LoginTransaction, found, user_named
from dsc_host.records.transaction import Refused
from dsc_host.verifier import Verifier

T = TypeVar("T")
_ACCOUNT = (Scope.FULL, Scope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class LoginSystem(ShareCalls):
    """Over one verifier's records. Threads may share it. Made by `over`."""

    verifier: Verifier
    senders: Mapping[str, Sender]

    @classmethod
    def over(cls, verifier: Verifier, *, policy: Policy | None = None, senders: Mapping[str, Sender] | None = None) -> Self:
        """The login system in a verifier's database, with its clock. `senders`: by channel, `email`, `sms` and `voice`."""
        chosen = policy or Policy.default()
        at = LoginContext(verifier.context, chosen, chosen.business_days, Passwords(chosen.passwords))
        return cls(at, verifier, senders or {})

    def by(self, actor: str) -> Self:
        """The same, for what is done in the name of `actor`: the log says so."""
        named = self.verifier.by(actor)
        return replace(self, context=replace(self.context, cards=named.context), verifier=named)

    @property
    def policy(self) -> Policy:
        return self.context.policy

    @property
    def operator(self) -> Operator:
        """What is done by whoever runs the system."""
        return Operator(self.context, self.verifier, self.senders)

    def deliver(self, codes_for: str | None = None) -> int:
        """Send what waits in the outbox; or only the codes that the user of this name waits for."""
        return outbox.deliver(self.context, self.senders, codes_for=codes_for)

    # ---- coming in ----

    def begin(self, name: str, password: str, address: str = "") -> Step:
        """Name and password. Raises `WrongCredentials`, `TooManyAttempts`."""
        return flow.begin(self.context, name, password, address)

    def choose(self, token: str, device: str, *, manual: bool = False) -> Step:
        """Have a device's element shown. `manual`: for a phone that gets no push. Raises `NotIn`, `NotFound`, `TooMany…`."""
        step = flow.choose(self.context, token, device, manual=manual)
        self.deliver(step.user)
        return step

    def answer(self, token: str, text: str) -> Answered:
        """What the device has shown; for a push, an empty text asks whether it was approved. Raises `NotIn`."""
        return flow.answer(self.context, token, text)

    def skip(self, token: str) -> Step:
        """Without a device, to trade only, after opting out. Raises `NotIn`, `NotNow`."""
        return flow.skip(self.context, token)

    def step(self, token: str) -> Step:
        """A login that is half-way, to be shown again. Raises `NotIn`."""
        return flow.step(self.context, token)

    def is_waiting(self, token: str) -> bool:
        """Tell whether this login waits for a push that nobody has answered yet. Raises `NotIn`."""
        return flow.is_waiting(self.context, token)

    def visitor(self, token: str) -> Visitor:
        """Who is in. Raises `NotIn`."""
        return sessions.visitor(self.context, token)

    def rotate(self, token: str) -> str:
        """A new token for the same session."""
        return self.change(lambda tx: sessions.rotate(tx, token))

    def leave(self, token: str) -> None:
        """Log out. No error if nobody is in."""
        self.change(lambda tx: sessions.drop(tx.db, token))

    # ---- one's own ----

    def devices(self, token: str) -> tuple[DeviceView, ...]:
        """All that one has, the highest level first."""
        return self._seen(token, may("devices", *_ACCOUNT), lambda tx, user, _s: registry.views(tx, user))

    def change_password(self, token: str, old: str, new: str) -> None:
        """Raises `WrongCredentials` for a wrong old password, `InputError` for a bad new one."""
        user, session = self._seen(token, may("change_password", *_ACCOUNT), lambda _db, user, session: (user, session))
        flow.check_password(self.context, user.name, old, f"session {session.id}")
        self.context.passwords.check_new(new, user.name, old)
        kept = self.context.passwords.hashed(new)

        def changed(tx: LoginTransaction, now: User, session: Session) -> None:
            users.change_password(tx, now.id, user.password, kept)
            sessions.end_all(tx.db, now, but=session.id)

        self.do(token, may("change_password", *_ACCOUNT), changed)

    def protection(self, token: str) -> Protection:
        """Limits and restrictions, with and without."""
        return self._seen(token, may("protection", *Scope), lambda tx, user, _s: levels.protection(tx, user))

    def check_primary(self, token: str) -> None:
        """Raises `NotAllowed`, which tells whom to ask, for whoever may not change security settings."""
        self._seen(token, may("check_primary", Scope.FULL), lambda tx, user, _s: users.check_primary(tx.db, user))

    def account_users(self, token: str) -> list[tuple[str, Protection]]:
        """The users whose security settings one may change, by name: oneself first; as the primary user, the account's."""

        def seen(tx: LoginTransaction, user: User, _session: Session) -> list[tuple[str, Protection]]:
            return [(each.name, levels.protection(tx, each)) for each in users.changeable_by(tx.db, user)]

        return self._seen(token, may("account_users", Scope.FULL), seen)

    def opt_out(self, token: str, name: str | None = None) -> None:
        """For oneself, or another user of the account. Raises `NotAllowed`, which tells whom to ask, `NotFound`, `NotNow`."""
        self._opt(token, name, out=True)

    def opt_in(self, token: str, name: str | None = None) -> None:
        """Raises as `opt_out`."""
        self._opt(token, name, out=False)

    def _opt(self, token: str, name: str | None, *, out: bool) -> None:
        def opted(tx: LoginTransaction, user: User, session: Session) -> None:
            whose = users.of_account(tx.db, user, name)
            if out and waits.is_temporary(tx.db, session):
                opt_out.opt_out_later(tx, user, whose.id)
                return
            opt_out.opt(tx, user, whose.id, out)
            sessions.end_all(tx.db, whose, but=session.id if whose.id == user.id else "")

        self.do(
            token,
            may("opt_out" if out else "opt_in", Scope.FULL),
            opted,
            lambda db, user: [users.of_account(db, user, name).id],
        )

    def may_withdraw(self, user: str, amount: Decimal, now: float | None = None) -> Allowance:
        """Whether this user may take out so many US dollars, now or at another time. Raises `NotFound`, `InputError`."""
        return self.context.read(lambda tx: withdrawals.may_withdraw(tx, user_named(tx.db, user), amount, now))

    def withdraw(self, token: str, amount: Decimal) -> Allowance:
        """The same for who is in, by the device they logged in with, and recorded if it may be. Raises `InputError`."""
        return self.do(
            token,
            may("withdraw", Scope.FULL, Scope.TRADING),
            lambda tx, user, session: withdrawals.withdraw(tx, session, user, amount),
        )

    def close_account(self, token: str) -> None:
        """Raises `NotAllowed`, `NotNow`."""

        def closed(tx: LoginTransaction, user: User, _session: Session) -> None:
            returns.close(tx, user)

        self.do(token, may("close_account", Scope.FULL), closed, returns.concerned)

    # ---- a card, from the request to its return ----

    def draft_request(
        self, token: str, pin: str, *, address: str | None = None, account: str | None = None, name: str | None = None
    ) -> Request:
        """Draw up a request for a card; its summary. Raises `InputError`, `NotAllowed`, `NotNow`, `NotFound`.

        `account` is the one on which the money is held; `name` a user of one's account whose card it is to be.
        """

        def drafted(tx: LoginTransaction, user: User, _session: Session) -> Request:
            return requests.draft(tx, user, pin, address=address, account_id=account, whose=name)

        return self.do(token, may("draft_request", Scope.FULL), drafted)

    def confirm_request(self, token: str, request: str) -> Request:
        """Send it off. Raises `NotFound`, `NotAllowed`, `NotNow`."""
        return self.do(token, may("confirm_request", Scope.FULL), lambda tx, user, s: requests.confirm(tx, s, user, request))

    def cancel_request(self, token: str, request: str) -> None:
        """Take it back. Raises `NotFound`, `NotNow`."""
        self.do(token, may("cancel_request", *_ACCOUNT), lambda tx, user, _s: requests.cancel(tx, user, request))

    def requests(self, token: str) -> list[Request]:
        """One's own, the newest first; as the primary user, those of the account's other users too."""
        return self._seen(token, may("requests", *_ACCOUNT), lambda tx, user, _s: requests.requests_of(tx, user))

    def deposit_accounts(self, token: str) -> list[str]:
        """The accounts on which the money for a card may be held, by their ids: one's own first."""
        return self._seen(token, may("deposit_accounts", *_ACCOUNT), lambda tx, user, _s: requests.accounts_of(tx.db, user))

    def waiting(self, token: str) -> list[WaitView]:
        """Return one's own changes that wait until they count."""
        return self._seen(
            token,
            may("waiting", *_ACCOUNT),
            lambda tx, user, _s: [waits.view(tx.db, each) for each in waits.of_user(tx.db, user)],
        )

    def stop_change(self, code: str, address: str = "") -> bool:
        """Stop a change that waits, by the code from its message; return whether there was one. Raises `TooManyAttempts`."""
        return wait_outcomes.stop_by_code(self.context, code, address)

    def address(self, token: str) -> str:
        """Where a card would go."""
        return self._seen(
            token, may("address", *_ACCOUNT), lambda tx, user, _s: found(rows.entities.find(tx.db, user.entity_id)).address
        )

    def request_online_card(self, token: str) -> DeviceView:
        """A card of codes to be printed, for whoever misses their device. Raises `NotNow`."""

        def requested(tx: LoginTransaction, user: User, session: Session) -> DeviceView:
            device = code_sheets.request_online_card(tx, session, user)
            return registry.view(tx, user, *registry.held(tx.db, user, device.id))

        return self.do(token, may("request_online_card", *_ACCOUNT), requested)

    def sheet(self, token: str, device: str) -> tuple[str, ...]:
        """The codes of one's card that is not activated yet. Raises `NotFound`, `NotNow`, `NotAllowed`."""

        def seen(tx: LoginTransaction, user: User, session: Session) -> tuple[str, ...]:
            card = registry.held(tx.db, user, device, lock=False)[0]
            if card.kind != Kind.ONLINE_CARD:
                # Who could read it here would hold a card that lasts, however little their session is good for.
                sessions.check_scope(session, Scope.FULL)
            return code_sheets.sheet_codes(tx, card)

        return self._seen(token, may("sheet", *_ACCOUNT), seen)

    def ask_to_activate(self, token: str, device: str) -> Offer:
        """Have the element of a device shown that is to be activated, or again. Raises `NotFound`, `NotNow`."""
        return self.do(
            token,
            may("ask_to_activate", *_ACCOUNT),
            lambda tx, user, session: activation.ask(tx, session, user, device),
        )

    def activate(self, token: str, answer: str) -> bool:
        """Whether the answer was right, and the device is in use now. Raises `NotNow`."""
        return self.do(
            token,
            may("activate", *_ACCOUNT),
            lambda tx, user, session: activation.answer(tx, session, user, answer),
            sharing.concerned,
        )

    def ask_to_change_pin(self, token: str, device: str) -> Offer:
        """Have a challenge shown, to be answered with the new PIN. Raises `NotFound`, `NotNow`."""
        return self.do(
            token,
            may("ask_to_change_pin", Scope.FULL),
            lambda tx, user, s: activation.ask_for_pin(tx, s, user, device),
        )

    def change_pin(self, token: str, answer: str, pin: str) -> bool:
        """Whether the response was made with the new PIN, and it is the card's now. Raises `InputError`, `NotNow`."""

        def changed(tx: LoginTransaction, user: User, session: Session) -> bool:
            requests.check_pin(tx, user, pin)
            return activation.change_pin(tx, session, user, answer, pin)

        return self.do(token, may("change_pin", Scope.FULL), changed, sharing.concerned)

    def phone_numbers(self, token: str) -> dict[str, str]:
        """One's own that are confirmed, masked, by their ids."""
        numbers = self._seen(token, may("phone_numbers", Scope.FULL), lambda tx, user, _s: contacts.phones_of(tx.db, user))
        return {each.id: contacts.masked(each.number) for each in numbers}

    def forget_phone(self, token: str, phone: str) -> None:
        """Nothing is sent to a number any more, by its id. Raises `NotFound`, `NotNow`."""
        self.do(
            token,
            may("forget_phone", Scope.FULL),
            lambda tx, user, session: number_confirmation.forget(tx, session, user, phone),
        )

    def ask_to_confirm_phone(self, token: str, number: str) -> str:
        """Send a code to a number, as +41791234567; the number, masked. Raises `InputError`, `TooManyAttempts`."""

        def asked(tx: LoginTransaction, user: User, session: Session) -> tuple[str, str] | Refused:
            masked = number_confirmation.ask(tx, session, user, token, number)
            return masked if isinstance(masked, Refused) else (user.name, masked)

        name, masked = self.do(token, may("ask_to_confirm_phone", Scope.FULL), asked)
        self.deliver(name)
        return masked

    def confirm_phone(self, token: str, code: str) -> bool:
        """Whether it was the code: then codes go to that number from now on. Raises `NotNow`."""

        def confirmed(tx: LoginTransaction, user: User, session: Session) -> bool | Refused:
            return number_confirmation.answer(tx, session, user, token, code)

        return self.do(token, may("confirm_phone", Scope.FULL), confirmed)

    def announce_return(self, token: str, device: str, tracking: str) -> Parcel:
        """A card is on its way back. Raises `NotFound`, `NotNow`, `InputError`."""

        def announced(tx: LoginTransaction, user: User, session: Session) -> Parcel:
            parcel = returns.announce(tx, user, device, tracking)
            # A session that the card has opened ends with it.
            sessions.end_all(tx.db, user, but="" if session.device_id == device else session.id)
            return parcel

        return self.do(token, may("announce_return", *_ACCOUNT), announced, sharing.concerned)

    def parcels(self, token: str) -> list[tuple[Parcel, tuple[str, str]]]:
        """One's own, and between which days each is expected to be received."""
        return self._seen(
            token,
            may("parcels", *_ACCOUNT),
            lambda tx, user, _s: [(each, returns.expected(self.context, each)) for each in returns.parcels_of(tx.db, user)],
        )

    # ---- the session that each of these needs ----

    @property
    def staff(self) -> Staff:
        """The same for those who work here."""
        return Staff(self)

    @property
    def proofs(self) -> Proofs:
        """The fresh answers of devices that some calls want: those that raise `ProofNeeded`."""
        return Proofs(self)

    @property
    def phones(self) -> Phones:
        """The same for apps on phones."""
        return Phones(self)

    def change(self, work: Callable[[LoginTransaction], T | Refused]) -> T:
        return self.context.change(work)

    def do(self, token: str, may: access.May, work: access.Work[T], others: access.Others | None = None) -> T:
        """In a transaction that has locked who is in, and the others. Raises `NotIn`, `NotAllowed`."""
        return access.change(self.context, token, may, work, others)

    def _seen(self, token: str, may: access.May, work: Callable[[LoginTransaction, User, Session], T]) -> T:
        """The same, only to look."""
        return access.look(self.context, token, may, work)
