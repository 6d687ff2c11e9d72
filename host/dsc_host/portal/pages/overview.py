"""The first page after the login: the protection of the account, everything that is due, and links to actions."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import DeviceState, DeviceView, EventKind, EventPage, Protection, Scope, SecurityEvent, Visitor
from dsc_host.portal.components import (
    INFO,
    SUCCESS,
    WARNING,
    Actions,
    Alert,
    Columns,
    Empty,
    Facts,
    Foldable,
    Item,
    Listing,
    Meters,
)
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import staff_page, staff_page_name
from dsc_host.portal.pages import due
from dsc_host.portal.pages.cards import request_link
from dsc_host.portal.pages.device_items import short_item
from dsc_host.portal.pages.limit_meters import limit_meters
from dsc_host.portal.pages.losses import loss_report_link
from dsc_host.portal.pages.next_devices import may_add_app, may_request, may_share, online_card_items
from dsc_host.portal.pages.protection import change_refusal
from dsc_host.portal.pages.security_events import described, is_followed
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Link, View
from dsc_host.portal.wording import SCOPES

_REFUSED = frozenset({EventKind.PASSWORD_WRONG, EventKind.ANSWER_WRONG, EventKind.PUSH_WRONG, EventKind.PUSH_DENIED})
_WEEK = 7 * 24 * 60 * 60
_SHOWN_EVENTS = 5
_ACCOUNT = (Scope.FULL, Scope.ACCOUNT)
_MONEY = (Scope.FULL, Scope.TRADING)


def overview(visit: Visit) -> Response:
    """Show the state of the account, everything that is due, and links to the pages that the session allows."""
    visitor, _ = visit.visitor(), visit._
    if visitor.scope is Scope.STATEMENTS:
        link = Link("/statements", _("Statements"), primary=True)
        closed = Alert(INFO, _("Your account is closed"), (_("You can still read its statements."),), (link,))
        return visit.show(View(_("Overview"), blocks=(closed, _session(_, visitor))))
    known = visit.system.protection(visit.token)
    money = (_limits(visit),) if visitor.scope in _MONEY else ()
    blocks: tuple[Block, ...] = (
        _safety(visit, visitor, known),
        Columns((_actions(visit, visitor), *money, _session(_, visitor))),
    )
    if visitor.scope in _ACCOUNT:
        blocks = _account(visit, visitor, known, money)
    return visit.show(View(_("Overview"), blocks=blocks))


def _account(visit: Visit, visitor: Visitor, known: Protection, money: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the blocks of the page for a session that may use the account: the protection, everything due, and actions."""
    _, own = visit._, visit.system.devices(visit.token)
    newest = visit.system.security_events(visit.token)
    rows = _due(visit, own)
    # The page has one primary button: it does what is due, or else it leads to more protection.
    pressing = any(form.primary for each in rows for form in each.actions)
    return (
        _safety(visit, visitor, known, own, pressing=pressing),
        *_refused_logins(visit, newest),
        *((Listing(_("What is due"), rows),) if rows else ()),
        Columns((_actions(visit, visitor, own), _devices(_, own), *money, *_folded(_, visitor, newest.events))),
    )


def _folded(_: Language, visitor: Visitor, events: tuple[SecurityEvent, ...]) -> tuple[Foldable, ...]:
    """Return the panels that few visitors read. A narrow window folds them."""
    return Foldable(_activity(_, events)), Foldable(_session(_, visitor, events))


# ---- protection ----


def _safety(
    visit: Visit, visitor: Visitor, known: Protection, own: Sequence[DeviceView] = (), *, pressing: bool = False
) -> Alert:
    """Return the alert that says whether the account is safe. If it is not safe, the alert may have links that help.

    `pressing` says that the page has a primary button already.
    """
    _ = visit._
    if known.opted_out:
        words, links = [_("Trading needs no device, and the limits are lower.")], []
        if visitor.scope is Scope.TRADING:
            words.append(_("To opt back in, log in with your device."))
        elif refusal := change_refusal(visit):
            words.append(refusal)
        elif visitor.scope is Scope.FULL:
            links.append(Link("/opt-in", _("Opt back in"), primary=not pressing))
        return Alert(WARNING, _("You have opted out of the protection"), words, links, "shield-off")
    if own and not any(each.live and each.lasting for each in own):
        return _without_permanent_device(visit, own, pressing=pressing)
    return Alert(SUCCESS, _("Your account is protected"), (_("Every login needs a device."),), icon="shield")


def _without_permanent_device(visit: Visit, own: Sequence[DeviceView], *, pressing: bool) -> Alert:
    """Return the alert for a user without a permanent device, with the links to get one."""
    _, title, request = visit._, visit._("You have no permanent device"), request_link(visit)
    live = [each for each in own if each.live]
    ends = [each.full_until if each.full_until is not None else each.expires_at for each in live]
    words = [_("You have full access until {moment}.", moment=_.moment(max(filter(None, ends))))] if live and all(ends) else []
    if any(each.own and each.state is DeviceState.SHIPPED and each.waits_until is None for each in own):
        return Alert(WARNING, title, (*words, _("Activate your new device as soon as you have it.")), icon="shield-off")
    links = []
    if may_request(visit):
        links.append(Link(request.href, request.label, primary=not pressing))
    if may_add_app(visit, own):
        links.append(Link("/phones", _("Use the app on your phone"), primary=not pressing and not links))
    if links:
        words.append(_("A permanent device protects your account better."))
    elif not pressing and not request.href:
        words.append(request.hint)
    return Alert(WARNING, title, words, links, "shield-off")


def _refused_logins(visit: Visit, newest: EventPage) -> tuple[Alert, ...]:
    _, since = visit._, visit.system.context.now() - _WEEK
    number = sum(each.kind in _REFUSED and each.at >= since for each in newest.events)
    if not number:
        return ()
    title = _("Refused logins in the last seven days: {number}", number=number)
    if newest.more and newest.events[-1].at >= since:
        title = _("Refused logins in the last seven days: {number} or more", number=number)
    words = (_("If that was not you, change your password."),)
    links = (Link("/password", _("Change the password")), Link("/events", _("Show the logins")))
    return (Alert(INFO, title, words, links),)


# ---- due ----


def _due(visit: Visit, own: Sequence[DeviceView]) -> list[Item]:
    """Return the rows of everything that is due.

    The button for an online card is primary. If there is none, the first button that activates a device is primary.
    """
    _ = visit._
    online, activations = online_card_items(_, own), due.activation_items(visit, own)
    ready = next((n for n, each in enumerate(activations) if any(form.action == "/activate" for form in each.actions)), None)
    if ready is not None and not online:
        actions = [replace(form, primary=True) for form in activations[ready].actions]
        activations[ready] = replace(activations[ready], actions=actions)
    new = [each for each in own if each.own and each.state is DeviceState.SHIPPED]
    return [
        *activations,
        *online,
        *due.wait_items(visit, without=new),
        *due.request_items(visit, open_only=True, without=due.labels(new)),
        *due.parcel_items(visit, open_only=True),
    ]


def _devices(_: Language, own: tuple[DeviceView, ...]) -> Listing:
    live = [short_item(_, each) for each in own if each.live]
    empty = Empty(_("You have no device in use."), "none")
    return Listing(_("Your devices"), live, empty, Link("/devices", _("All devices")))


def _limits(visit: Visit) -> Meters:
    _, (level, left) = visit._, visit.system.withdrawal_limit(visit.token)
    links = (Link("/withdraw", _("Withdraw money")), Link("/deposit", _("Deposit money")))
    more = Link("/protection", _("Protection and limits"))
    meters = limit_meters(_, level, left)
    words = () if meters else (_("You may withdraw any amount: your device has no limit."),)
    return Meters(_("Money"), meters, words, more, links)


def _activity(_: Language, events: tuple[SecurityEvent, ...]) -> Listing:
    # Leave out the password before each login, because the login itself follows.
    told = [each for newer, each in zip((None, *events), events, strict=False) if not is_followed(each, newer)]
    rows = [Item(described(_, each), details=(_.moment(each.at),)) for each in told[:_SHOWN_EVENTS]]
    return Listing(_("Recent activity"), rows, Empty(_("There are none."), "list"), Link("/events", _("Security events")))


def _session(_: Language, visitor: Visitor, events: Sequence[SecurityEvent] = ()) -> Facts:
    facts = [
        (_("Access in this session"), _(SCOPES[visitor.scope])),
        (_("Session ends at the latest"), _.moment(visitor.until)),
    ]
    if visitor.extendable_until is not None:
        facts.append((_("Can be extended with your finger or face until"), _.moment(visitor.extendable_until)))
    earlier = [each for each in events if each.kind is EventKind.LOGGED_IN and each.at < visitor.since]
    if earlier:
        facts.append((_("Previous login"), _.moment(earlier[0].at)))
    return Facts(_("This session"), facts, Link("/sessions", _("Sessions")), stacked=True)


# ---- actions ----


def _actions(visit: Visit, visitor: Visitor, own: Sequence[DeviceView] = ()) -> Actions:
    """Return the links to everything that the visitor can do now."""
    _ = visit._
    links: list[tuple[str, Link]] = []
    if page := staff_page(visitor):
        links.append(("people", Link(page, staff_page_name(page, _))))
    if visitor.scope in _ACCOUNT and (request := request_link(visit)).href:
        links.append(("parcel", request))
    if may_share(visit, own):
        links.append(("people", Link("/share", _("Share a device"), _("with your other user name"))))
    if visitor.scope is Scope.FULL:
        links.append(("phone", Link("/phones", _("Phone numbers"), _("for codes by SMS and call"))))
    if visitor.scope in _ACCOUNT:
        links += [
            ("key", Link("/password", _("Change the password"), _("you need the old one"))),
            ("document", Link("/statements", _("Statements"), _("and deposits for devices"))),
        ]
    links.append(("shield-off", loss_report_link(_)))
    return Actions(_("What you can do"), links, compact=True)
