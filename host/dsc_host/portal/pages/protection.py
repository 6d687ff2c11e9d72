"""The pages of protection: limits, and opting out and back in."""

from collections.abc import Sequence
from decimal import Decimal

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import NotAllowed, Protection, Scope, Visitor
from dsc_host.login.policy.model import Level
from dsc_host.portal.components import SUCCESS, WARNING, Badge, Item, Listing, Outcome
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Table, View, radio
from dsc_host.portal.wording import RESTRICTIONS, kind_name

# ---- protection ----


def protection(visit: Visit) -> Response:
    """Show the withdrawal limits with and without protection by a device."""
    _, visitor = visit._, visit.visitor()
    known = visit.system.protection(visit.token)
    other = known.with_protection if known.opted_out else known.without
    when = _("After opting back in") if known.opted_out else _("After opting out")
    names = (_("Protected by"), _("Per day"), _("Per five business days"))
    now, then = (_kind(_, known.level), *_amounts(_, known.level)), (_kind(_, other), *_amounts(_, other))
    rows = [Row(each) for each in zip(names, now, then, strict=True)]
    users = visit.system.account_users(visit.token) if visitor.scope is Scope.FULL else []
    caption = _("Withdrawal limits of {name}", name=visitor.name) if len(users) > 1 else _("Withdrawal limits")
    return visit.show(
        View(
            _("Protection and limits"),
            blocks=(_state(visit, visitor, known, users), *_restrictions(visit, known)),
            tables=(Table(caption, (_("Limit"), _("Now"), when), rows, even=True),),
        )
    )


def _state(visit: Visit, visitor: Visitor, known: Protection, users: Sequence[tuple[str, Protection]]) -> Listing:
    """Return the list of the visitor and of `users`. It says who is protected, and has links that change the protection."""
    _, own = visit._, (visitor.name, known)
    others = [each for each in users if each[0] != visitor.name]
    rows = [_user_item(visit, visitor, *each, alone=not others) for each in (own, *others)]
    reason = change_refusal(visit) if users else ""
    return Listing(_("Protection"), rows, words=(reason,) if reason else (), dense=True)


def _user_item(visit: Visit, visitor: Visitor, name: str, known: Protection, *, alone: bool) -> Item:
    """Return the row of a user. A visitor who may not change the protection gets no link."""
    _, own = visit._, name == visitor.name
    if known.opted_out:
        state, icon = Badge(_("opted out"), WARNING), "shield-off"
        details: tuple[str, ...] = (_("Trading needs no device, and the limits are lower."),)
        link = Link(f"/opt-in?name={name}", _("Opt back in"), primary=own)
    else:
        state, icon = Badge(_("protected"), SUCCESS), "shield"
        details = (_("Every login needs a device."),)
        link = Link(f"/opt-out?name={name}", _("Opt out"))
    forms: tuple[Form, ...] = ()
    if own and known.opted_out and visitor.scope is Scope.TRADING:
        details += (_("To opt back in, log in with your device."),)
        forms = (Form("/logout", _("Log out")),)
    changes = visitor.scope is Scope.FULL and not change_refusal(visit)
    return Item(_("Your protection") if alone else name, icon, state, details, forms, (link,) if changes else (), about=name)


def _restrictions(visit: Visit, known: Protection) -> tuple[Outcome, ...]:
    """Return the restrictions after opting out. Return nothing if the visitor is protected."""
    return (Outcome(visit._("What is restricted now"), _lost(visit, known), WARNING),) if known.opted_out else ()


def change_refusal(visit: Visit) -> str:
    """Return why the visitor may not change the protection. Return empty text if the visitor may change it."""
    try:
        visit.system.check_primary(visit.token)
    except NotAllowed as refusal:
        return visit.explain(refusal)
    return ""


def _kind(_: Language, level: Level) -> str:
    return kind_name(_, level.kind, issued=level.issued)


def _lost(visit: Visit, known: Protection) -> list[str]:
    _ = visit._
    return [_(RESTRICTIONS.get(each, each), amount=_.dollars(_funding(visit))) for each in known.restrictions]


def opt_out_form(visit: Visit) -> Response:
    """Show the consequences of opting out, and the form that opts out."""
    users = _protected(visit)
    return visit.show(_opting_out(visit, users)) if users else visit.redirect("/protection")


def _protected(visit: Visit) -> Sequence[tuple[str, Protection]]:
    """Return the users of the account who have not opted out. Raises `NotAllowed` unless the visitor is the primary user."""
    visit.system.check_primary(visit.token)
    return [(name, each) for name, each in visit.system.account_users(visit.token) if not each.opted_out]


def _opting_out(visit: Visit, users: Sequence[tuple[str, Protection]]) -> View:
    _, known = visit._, users[0][1]
    day, five = _amounts(_, known.without)
    words = _("Withdrawals are limited to {day} per day and {five} per five business days.", day=day, five=five)
    fields = (*_user_field(visit, [name for name, _each in users]), Field("sure", _("I know what I will lose"), "checkbox"))
    form = Form("/opt-out", _("Opt out"), fields, danger=True)
    lost = (_("Trading needs no device, only the password."), *_lost(visit, known), words)
    return confirmations.question(visit, _("Opt out of the protection?"), lost, (), form, Link("/protection", _("Back")))


def opt_out(visit: Visit) -> Response:
    """Opt a user out of the protection."""
    if not confirmations.is_confirmed(visit):
        users, missing = _protected(visit), InputError("sure", "must be ticked to go on")
        return visit.refused(_opting_out(visit, users), missing) if users else visit.redirect("/protection")
    name = visit.value("name", 64)
    visit.system.opt_out(visit.token, name or None)
    own = visit.visitor().name
    name = name or own
    chosen = [each for each in visit.system.account_users(visit.token) if each[0] == name]
    token = visit.system.rotate(visit.token)
    if not all(each.opted_out for _name, each in chosen):
        return visit.redirect("/protection", notice="waits", token=token)
    if name == own:
        return visit.redirect("/protection", notice="own_out", token=token)
    return visit.redirect("/protection", notice="out", token=token, user=name)


def opt_in_form(visit: Visit) -> Response:
    """Show the form that opts back in."""
    _ = visit._
    visit.system.check_primary(visit.token)
    names = [name for name, each in visit.system.account_users(visit.token) if each.opted_out]
    if not names:
        return visit.redirect("/protection", notice="already_in")
    form = Form("/opt-in", _("Opt back in"), _user_field(visit, names))
    words = (
        _("Every login needs a device again."),
        _("The restrictions end, and the limits of your devices apply again."),
    )
    facts = () if form.fields else ((_("User name"), names[0]),)
    back = Link("/protection", _("Back"))
    return visit.show(confirmations.question(visit, _("Opt back in to the protection?"), words, facts, form, back))


def opt_in(visit: Visit) -> Response:
    """Opt a user back in to the protection."""
    own = visit.visitor().name
    name = visit.value("name", 64) or own
    visit.system.opt_in(visit.token, name)
    token = visit.system.rotate(visit.token)
    if name == own:
        return visit.redirect("/protection", notice="own_in", token=token)
    return visit.redirect("/protection", notice="in", token=token, user=name)


def _user_field(visit: Visit, names: Sequence[str]) -> tuple[Field, ...]:
    """Return the field that chooses the user. Return nothing if the visitor is the only choice."""
    _ = visit._
    if list(names) == [visit.visitor().name]:
        return ()
    asked = visit.request.query_params.get("name", "")
    return (radio("name", _("Whose protection?"), names, asked if asked in names else ""),)


def _funding(visit: Visit) -> Decimal:
    return Decimal(visit.system.policy.restrictions.funding_beyond_cents) / 100


def _amounts(_: Language, level: Level) -> tuple[str, str]:
    if level.per_day is None or level.per_five_days is None:
        return _("Any amount"), _("Any amount")
    return _.dollars(level.per_day), _.dollars(level.per_five_days)
