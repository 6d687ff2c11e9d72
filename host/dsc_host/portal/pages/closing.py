"""The page that closes an account: the consequences, a box to tick, and then a proof with a device."""

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import DeviceState, DeviceView, NotAllowed, ProofNeeded
from dsc_host.portal.components import WARNING, Alert, Outcome
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.pages import confirmations
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, View
from dsc_host.portal.wording import KINDS

_WITH_OWNER = (DeviceState.SHIPPED, DeviceState.ACTIVE, DeviceState.MISPLACED)


def closing_form(visit: Visit) -> Response:
    """Show the form that closes the account."""
    return visit.show(_closing(visit))


def close_account(visit: Visit) -> Response:
    """Close the account, and end the session. The closing always needs a fresh answer of a device, even after a login."""
    with visit.showing_errors(lambda: _closing(visit)):
        if not confirmations.is_confirmed(visit):
            raise InputError("sure", "must be ticked to go on")
    visit.system.check_primary(visit.token)
    if not visit.sent_to:
        raise ProofNeeded
    visit.system.close_account(visit.token)
    return visit.redirect_to_login(notice="closed")


def _closing(visit: Visit) -> View:
    _ = visit._
    if not is_for(visit.visitor(), "/close"):
        raise NotAllowed("log in with a device to do this")
    visit.system.check_primary(visit.token)
    kept = [each for each in visit.system.devices(visit.token) if _is_to_return(each)]
    words = (
        _("The account is closed for good: nobody can undo it."),
        _("All devices of all users of the account stop working, and all their sessions end."),
        _("Closing moves no money. Money left in the account can no longer be withdrawn here, and none can be deposited."),
        _("Requested cards that are not made yet are canceled, and their deposits are released."),
        _(
            "You can see the statements with your user name and password once each card of the account has come back or was"
            " charged for."
        ),
        _("All users of the account are notified."),
    )
    fields = (Field("sure", _("I want to close the account for good"), "checkbox"),)
    return View(
        _("Close the account"),
        blocks=(_before(_, kept), Outcome(_("What will happen"), words)),
        forms=(Form("/close", _("Close the account"), fields, danger=True),),
        back=Link("/profile", _("Back to the profile")),
    )


def _is_to_return(device: DeviceView) -> bool:
    return device.own and device.returnable and device.state in _WITH_OWNER


def _before(_: Language, cards: list[DeviceView]) -> Alert:
    """Return the advice to withdraw the money and to send these cards back before the account is closed."""
    money = Link("/withdraw", _("Withdraw money"))
    if not cards:
        return Alert(WARNING, _("Withdraw your money first"), links=(money,))
    words = _("Until the cards arrive, their deposits are held and no statements are shown.")
    parcels = tuple(
        Link(f"/devices/device?device={each.id}", _("Send back: {card}", card=f"{_(KINDS[each.kind])} {each.label}"))
        for each in cards
    )
    return Alert(WARNING, _("Withdraw your money and send your cards back first"), (words,), (money, *parcels))
