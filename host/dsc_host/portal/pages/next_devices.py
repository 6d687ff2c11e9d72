"""The ways in which a user can get a permanent device now: a new card, the app, or a device that was found."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from dsc_host.errors import DscError
from dsc_host.login import DeviceState, DeviceView, Kind, Scope
from dsc_host.portal.components import Item
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, View, button

_PAGES = {"request": "/request", "app": "/phones", "found": "/devices", "later": "/"}
"""The path of the page for each choice that a user has after the activation of an online card."""
_TEMPORARY = (Kind.TEMPORARY_CODE, Kind.ONLINE_CARD)
_GONE = (DeviceState.MISPLACED, DeviceState.LOST, DeviceState.STOLEN, DeviceState.DAMAGED)


def may_request(visit: Visit) -> bool:
    """Return whether the visitor can request a card for themselves."""
    try:
        return visit.visitor().name in visit.system.card_candidates(visit.token)
    except DscError:
        return False


def may_add_app(visit: Visit, own: Sequence[DeviceView]) -> bool:
    """Return whether the visitor can begin to use the app."""
    policy = visit.system.policy
    has_app = any(each.live and each.kind is Kind.PHONE_APP for each in own)
    return policy.levels[policy.level(Kind.PHONE_APP)].issued and not has_app and is_for(visit.visitor(), "/phones")


def may_share(visit: Visit, own: Sequence[DeviceView]) -> bool:
    """Return whether the visitor can share a device now. A user with a temporary device cannot."""
    temporary = any(each.kind in _TEMPORARY and (each.live or each.state is DeviceState.SHIPPED) for each in own)
    return visit.visitor().scope is Scope.FULL and not temporary


def online_card_items(_: Language, own: Sequence[DeviceView]) -> list[Item]:
    """Return the row that offers an online card to a user with a temporary code. Return nothing for other users.

    A user with a permanent device, or with an online card already, gets no row either.
    """
    live = [each for each in own if each.live]
    given = any(each.kind is Kind.ONLINE_CARD and (each.live or each.state is DeviceState.SHIPPED) for each in own)
    if given or any(each.lasting for each in live) or all(each.kind is not Kind.TEMPORARY_CODE for each in live):
        return []
    item = Item(
        _("Online security code card"),
        "online-card",
        details=(_("A sheet of codes for some weeks, until you have a permanent device again."),),
        actions=(replace(button("/devices/online", _("Get an online security code card")), primary=True),),
    )
    return [item]


def next_steps(visit: Visit) -> Response:
    """Show the next steps to a user who has activated an online card. Other users are redirected to their devices."""
    _, own = visit._, visit.system.devices(visit.token)
    if not any(each.live and each.kind is Kind.ONLINE_CARD for each in own):
        return visit.redirect("/devices")
    replaces = _("It replaces the one that is lost.") if any(each.own and each.state in _GONE for each in own) else ""
    app = _("Confirm your number here, then activate the app on the phone.")
    found = any(each.own and each.state is DeviceState.MISPLACED for each in own)
    choices = (
        *((Choice("request", _("Request a new security device"), replaces),) if may_request(visit) else ()),
        *((Choice("app", _("Use the app on your phone"), app),) if may_add_app(visit, own) else ()),
        *((Choice("found", _("Reactivate a device that was found")),) if found else ()),
        Choice("later", _("Decide later"), _("You can use the online card for some weeks.")),
    )
    field = Field("next", _("What would you like to do?"), "radio", value=choices[0].value, choices=choices)
    form = Form("/devices/next", _("Continue"), (field,))
    return visit.show(View(_("Your online security code card is in use"), forms=(form,)))


def next_step(visit: Visit) -> Response:
    """Redirect to the page of the chosen step."""
    visit.visitor()
    return visit.redirect(_PAGES.get(visit.value("next", 16), "/devices"))
