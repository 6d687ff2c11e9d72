"""The operations of customers on cards, from the request to the return, and on sheets of codes."""

from dataclasses import dataclass

from dsc_host.login import rows
from dsc_host.login.cards import activation, pin_change, requests, returns, sheets
from dsc_host.login.model import Scope
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Parcel
from dsc_host.login.service.access import customer as may
from dsc_host.login.service.profile_calls import ProfileCalls
from dsc_host.login.transaction import found
from dsc_host.login.views import DeviceView, Offer, Request

_ACCOUNT = (Scope.FULL, Scope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class CardCalls(ProfileCalls):
    """The part of `LoginSystem` about cards and sheets of codes."""

    def draft_request(
        self, token: str, pin: str, *, address: str | None = None, account: str | None = None, name: str | None = None
    ) -> Request:
        """Draft a request for a card and return its summary. Raises `InputError`, `NotAllowed`, `NotNow`, `NotFound`.

        `account` is the account that holds the deposit. `name` is the user of the same account who gets the card.
        """
        return self.do(
            token,
            may("draft_request", *_ACCOUNT),
            lambda tx, user, s: requests.draft(tx, s, user, pin, address=address, account_id=account, for_user=name),
        )

    def card_candidates(self, token: str) -> list[str]:
        """Return the names of the users who may have a card now. Raises `NotAllowed`, and `NotNow` if there are none."""
        return self._seen(token, may("card_candidates", *_ACCOUNT), lambda tx, user, s: requests.candidates(tx, s, user))

    def confirm_request(self, token: str, request: str) -> Request:
        """Confirm a request. Raises `NotFound`, `NotAllowed`, `NotNow`."""
        return self.do(token, may("confirm_request", *_ACCOUNT), lambda tx, user, s: requests.confirm(tx, s, user, request))

    def cancel_request(self, token: str, request: str) -> None:
        """Cancel a request whose card is not made yet. Raises `NotFound`, `NotNow`."""
        self.do(token, may("cancel_request", *_ACCOUNT), lambda tx, user, _s: requests.cancel(tx, user, request))

    def requests(self, token: str) -> list[Request]:
        """Return the user's requests, the newest first. A primary user gets the requests of all users of the account."""
        return self._seen(token, may("requests", *_ACCOUNT), lambda tx, user, _s: requests.requests_of(tx, user))

    def deposit_accounts(self, token: str) -> dict[str, str]:
        """Return the accounts that can hold the deposit of a card: their names by their ids, the user's own account first."""
        return self._seen(token, may("deposit_accounts", *_ACCOUNT), lambda tx, user, _s: requests.accounts_of(tx.db, user))

    def address(self, token: str) -> str:
        """Return the postal address, to which a card is sent unless the request names another address."""
        return self._seen(
            token, may("address", *_ACCOUNT), lambda tx, user, _s: found(rows.entities.find(tx.db, user.entity_id)).address
        )

    def request_online_card(self, token: str) -> DeviceView:
        """Give an online card to a user whom support has given a temporary code. Raises `NotNow`."""
        return self.do(
            token,
            may("request_online_card", *_ACCOUNT),
            lambda tx, user, _s: sheets.request_online_card(tx, user),
        )

    def sheet(self, token: str, device: str) -> tuple[str, ...]:
        """Return the codes of a sheet that is not activated yet. Raises `NotFound`, `NotNow`, `NotAllowed`."""
        return self._seen(token, may("sheet", *_ACCOUNT), lambda tx, user, session: sheets.codes(tx, session, user, device))

    def ask_to_activate(self, token: str, device: str) -> Offer:
        """Ask for the challenge with which a device is activated: a new device, or a device that was misplaced and found.

        Raises `NotFound`, `NotNow`.
        """
        return self.do(
            token,
            may("ask_to_activate", *_ACCOUNT),
            lambda tx, user, session: activation.ask(tx, session, user, device),
        )

    def activation_offer(self, token: str) -> Offer:
        """Return the challenge of the activation again. Raises `NotNow` if there is nothing to answer."""
        return self._seen(token, may("activation_offer", *_ACCOUNT), lambda tx, _user, session: activation.shown(tx, session))

    def activate(self, token: str, answer: str) -> bool:
        """Activate the device if the answer is correct. Return whether it is. Raises `NotNow`."""
        return self.do(
            token,
            may("activate", *_ACCOUNT),
            lambda tx, user, session: activation.answer(tx, session, user, answer),
            sharing.concerned,
        )

    def ask_to_change_pin(self, token: str, device: str) -> Offer:
        """Ask for a challenge, which the user answers with the card and its new PIN. Raises `NotFound`, `NotNow`."""
        return self.do(
            token,
            may("ask_to_change_pin", Scope.FULL),
            lambda tx, user, s: pin_change.ask_for_pin(tx, s, user, device),
        )

    def check_new_pin(self, token: str, pin: str) -> None:
        """Raise an `InputError` that names the broken rule if the user may not choose this PIN."""
        self._seen(token, may("check_new_pin", Scope.FULL), lambda tx, user, _session: requests.check_pin(tx, user, pin))

    def pin_offer(self, token: str) -> Offer:
        """Return the challenge for the change of a PIN again. Raises `NotNow` if there is nothing to answer."""
        return self._seen(token, may("pin_offer", Scope.FULL), lambda tx, _user, session: pin_change.shown(tx, session))

    def change_pin(self, token: str, answer: str, pin: str) -> bool:
        """Change the PIN if the card's response was made with the new PIN. Return whether it was.

        Raises `InputError`, `NotNow`.
        """
        return self.do(
            token,
            may("change_pin", Scope.FULL),
            lambda tx, user, session: pin_change.change_pin(tx, session, user, answer, pin),
            sharing.concerned,
        )

    def announce_return(self, token: str, device: str, tracking: str) -> Parcel:
        """Announce that a card is on its way back. Raises `NotFound`, `NotNow`, `InputError`."""
        return self.do(
            token,
            may("announce_return", *_ACCOUNT),
            lambda tx, user, session: returns.announce(tx, session, user, device, tracking),
            sharing.concerned,
        )

    def parcels(self, token: str) -> list[tuple[Parcel, tuple[str, str]]]:
        """Return the user's parcels, each with the first and the last day on which its receipt is expected."""
        return self._seen(token, may("parcels", *_ACCOUNT), lambda tx, user, _s: returns.expected_parcels(tx, user))
