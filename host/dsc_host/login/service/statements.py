"""The operations on the statements and tax forms of an account, which come from a provider."""

from dataclasses import dataclass

from dsc_host.login.accounts.statement_provider import Statement, StatementProvider
from dsc_host.login.cards import returns
from dsc_host.login.errors import NotFound
from dsc_host.login.model import Scope
from dsc_host.login.rows import Session, User
from dsc_host.login.service import access
from dsc_host.login.transaction import LoginContext, LoginTransaction

_MAY = access.scoped(Scope.FULL, Scope.ACCOUNT, Scope.STATEMENTS)


@dataclass(frozen=True, slots=True)
class Statements:
    """The calls about statements. `token` is the token of the session.

    All calls raise `NotNow` while a closed account has a card that must come back and was neither received nor charged for.
    """

    context: LoginContext
    provider: StatementProvider | None

    def all(self, token: str) -> tuple[Statement, ...] | None:
        """Return the statements and tax forms of the account, the newest first; None if there is no provider."""
        account = access.look(self.context, token, _MAY, _readable_account)
        return None if self.provider is None else tuple(self.provider.statements(account))

    def pdf(self, token: str, statement: str) -> bytes:
        """Return a statement or tax form as a PDF. Raises `NotFound` if the account has none with this id."""
        account = access.look(self.context, token, _MAY, _readable_account)
        if self.provider is None or statement not in {each.id for each in self.provider.statements(account)}:
            raise NotFound("your account has no such statement")
        return self.provider.pdf(account, statement)


def _readable_account(tx: LoginTransaction, user: User, _session: Session) -> str:
    """Return the id of the user's account. Raises `NotNow` if its statements may not be seen now."""
    returns.check_settled(tx, user)
    return user.account_id
