"""The operations of customers on their account."""

from dsc_host.login.accounts import people
from dsc_host.login.policy.offices import Office
from dsc_host.login.service import access
from dsc_host.login.service.sharing_calls import ShareCalls


class AccountCalls(ShareCalls):
    """The part of `LoginSystem` about an account."""

    __slots__ = ()

    def office(self, token: str) -> Office:
        """Return the office that serves the user, by the country where they live. Raises `NotIn`.

        `token` may be the token of a login in progress: a user without a device must know whom to call.
        """
        country = access.look(
            self.context,
            token,
            access.anyone("office"),
            lambda tx, user, _session: people.identity_of(tx.db, user).residence,
        )
        return self.context.policy.contact.office(country)
