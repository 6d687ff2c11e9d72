"""The operations of customers on their account."""

from decimal import Decimal

from dsc_host.login.accounts import people
from dsc_host.login.cards import deposits
from dsc_host.login.model import FundingMethod, Scope
from dsc_host.login.policy.model import Level
from dsc_host.login.policy.offices import Office
from dsc_host.login.profile import bank_instructions
from dsc_host.login.protection import funding, withdrawals
from dsc_host.login.protection.funding import FundingAllowance
from dsc_host.login.protection.limits import Allowance
from dsc_host.login.service import access
from dsc_host.login.service.sharing_calls import ShareCalls
from dsc_host.login.transaction import user_named
from dsc_host.login.views import Deposit, Payout


class AccountCalls(ShareCalls):
    """The part of `LoginSystem` about an account."""

    __slots__ = ()

    def office(self, token: str) -> Office:
        """Return the office that serves the user's country of residence. Raises `NotIn`.

        `token` may also be the token of a login in progress: a user who cannot answer must know whom to call.
        """
        country = self._seen(
            token, access.anyone("office"), lambda tx, user, _session: people.identity_of(tx.db, user).residence
        )
        return self.context.policy.contact.office(country)

    def withdrawal_limit(self, token: str) -> tuple[Level, Allowance]:
        """Return the limits of the device that opened the session, and how much may still be withdrawn within them."""
        return self._seen(
            token,
            access.customer("withdrawal_limit", Scope.FULL, Scope.TRADING),
            lambda tx, user, session: withdrawals.limit(tx, session, user),
        )

    def payout(self, token: str) -> Payout:
        """Return the account from which this user withdraws money, and where the money goes."""
        return self._seen(
            token,
            access.customer("payout", Scope.FULL, Scope.TRADING),
            lambda tx, user, _session: Payout(
                people.account_name(tx.db, user.account_id), bank_instructions.masked(tx, user), withdrawals.arrival(tx)
            ),
        )

    def may_fund(self, user: str, amount: Decimal, method: FundingMethod) -> FundingAllowance:
        """Decide whether a user may now transfer this amount of US dollars into the account. Raises `NotFound`, `InputError`.

        `user` is a user name. A user without protection may make a transfer by ACH or EFT only if it is the first such transfer
        into the account, and only up to the amount in the policy, unless the policy does not restrict funding.
        """
        return self.context.read(lambda tx: funding.may_fund(tx, user_named(tx.db, user), amount, method))

    def check_funding(self, token: str, amount: Decimal, method: FundingMethod) -> FundingAllowance:
        """Return the decision that `fund` would make now. Log a refusal. Raises `InputError`."""
        return self.do(
            token,
            access.customer("check_funding", Scope.FULL, Scope.TRADING),
            lambda tx, user, _session: funding.check(tx, user, amount, method),
        )

    def fund(self, token: str, amount: Decimal, method: FundingMethod, entry_id: str = "") -> FundingAllowance:
        """Record a transfer into the account, if the user may make it. Return the decision.

        `entry_id` is an id that the caller draws for a form. If the form is sent twice, the transfer is still recorded only
        once. Raises `InputError`, `NotNow`, `AlreadyDone`.
        """
        return self.do(
            token,
            access.customer("fund", Scope.FULL, Scope.TRADING),
            lambda tx, user, _session: funding.fund(tx, user, amount, method, entry_id),
        )

    def deposits(self, token: str) -> list[Deposit]:
        """Return the deposits and charges for the user's devices, the newest first, also those that are kept or released.

        A primary user gets the deposits and charges of the whole account.
        """
        return self._seen(
            token,
            access.customer("deposits", Scope.FULL, Scope.ACCOUNT, Scope.STATEMENTS),
            lambda tx, user, _session: deposits.statement(tx, user),
        )
