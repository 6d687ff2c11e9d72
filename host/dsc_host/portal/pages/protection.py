"""The pages of protection: limits, opting out and back in, withdrawals, and closing the account."""

from collections.abc import Sequence
from decimal import Decimal

from starlette.responses import Response

from dsc_host.login import NotAllowed, Protection, Scope, Visitor
from dsc_host.login.policy.model import Level
from dsc_host.portal import amounts
from dsc_host.portal.components import SUCCESS, WARNING, Alert, Meters
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.funding import example
from dsc_host.portal.pages.limit_meters import limit_meters
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Table, View, radio
from dsc_host.portal.wording import RESTRICTIONS, kind_name

# ---- protection ----


def protection(visit: Visit) -> Response:
    """Show the withdrawal limits with and without protection by a device."""
    _, who = visit._, visit.visitor()
    known = visit.system.protection(visit.token)
    other = known.with_protection if known.opted_out else known.without
    when = _("after opting back in") if known.opted_out else _("after opting out")
    rows = [
        Row((_("now"), _kind(_, known.level), *_amounts(_, known.level))),
        Row((when, _kind(_, other), *_amounts(_, other))),
    ]
    heads = (_("When"), _("Protected by"), _("Per day"), _("Per five business days"))
    state = Alert(SUCCESS, _("Every login needs a device."), icon="shield")
    if known.opted_out:
        title, words = _("You have opted out: trading needs no device."), (_("What is restricted now:"),)
        state = Alert(WARNING, title, words, icon="shield-off", points=_lost(visit, known))
    users = visit.system.account_users(visit.token) if who.scope is Scope.FULL else []
    return visit.show(
        View(
            _("Protection and limits"),
            blocks=(state,),
            forms=_login_to_opt_in(_, who, known),
            tables=(Table(_("Withdrawal limits"), heads, rows), *_others(_, users)),
            links=_changes(visit, users),
        )
    )


def _login_to_opt_in(_: Language, who: Visitor, known: Protection) -> tuple[Form, ...]:
    """Return the form with which a visitor who has logged in without a device logs in with one, to opt back in."""
    if not known.opted_out or who.scope is not Scope.TRADING:
        return ()
    legend = _("To opt back in, log in with your device.")
    return (Form("/logout", _("Log out"), legend=legend, secondary=True),)


def _changes(visit: Visit, users: Sequence[tuple[str, Protection]]) -> tuple[Link, ...]:
    """Return the links that change the protection. If the visitor may not, they have no address but the reason."""
    _, reason = visit._, ""
    if not users:
        return ()
    try:
        visit.system.check_primary(visit.token)
    except NotAllowed as refusal:
        reason = visit.explain(refusal)
    out = Link("" if reason else "/opt-out", _("Opt out"), reason)
    back = Link("" if reason else "/opt-in", _("Opt back in"), reason)
    states = {each.opted_out for _name, each in users}
    return (*((out,) if False in states else ()), *((back,) if True in states else ()))


def _kind(_: Language, level: Level) -> str:
    return kind_name(_, level.kind, issued=level.issued)


def _others(_: Language, users: list[tuple[str, Protection]]) -> tuple[Table, ...]:
    """Return the table of the account's users and their protection; nothing if there is a single user."""
    if len(users) < 2:
        return ()
    rows = [Row((name, _("opted out") if each.opted_out else _("protected"))) for name, each in users]
    return (Table(_("Users of your account"), (_("User name"), _("State")), rows),)


def _lost(visit: Visit, known: Protection) -> list[str]:
    _ = visit._
    return [_(RESTRICTIONS.get(each, each), amount=_.dollars(_funding(visit))) for each in known.restrictions]


def opting_out(visit: Visit) -> Response:
    """Show the consequences of opting out, and the form that opts out."""
    _ = visit._
    visit.system.check_primary(visit.token)
    users = [(name, each) for name, each in visit.system.account_users(visit.token) if not each.opted_out]
    if not users:
        return visit.go("/protection")
    known = users[0][1]
    day, five = _amounts(_, known.without)
    words = _("Withdrawals would be limited to {day} per day and {five} per five business days.", day=day, five=five)
    fields = (*_whose(visit, [name for name, _each in users]), Field("sure", _("I know what I will lose"), "checkbox"))
    form = Form("/opt-out", _("Opt out"), fields, danger=True)
    lost = (*_lost(visit, known), words)
    return visit.show(confirmations.question(visit, _("Opt out"), lost, (), form, Link("/protection", _("Back"))))


def opted_out(visit: Visit) -> Response:
    """Opt a user out of the protection."""
    if visit.form.get("sure") != "yes":
        return visit.go("/opt-out")
    name = visit.value("name", 64)
    visit.system.opt_out(visit.token, name or None)
    notice = "out" if name in ("", visit.visitor().name) else "other_out"
    chosen = [each for each in visit.system.account_users(visit.token) if each[0] == (name or visit.visitor().name)]
    if not all(each.opted_out for _name, each in chosen):
        notice = "waits"
    return visit.go("/protection", notice=notice, token=visit.system.rotate(visit.token))


def opting_in(visit: Visit) -> Response:
    """Show the form that opts back in."""
    _ = visit._
    visit.system.check_primary(visit.token)
    names = [name for name, each in visit.system.account_users(visit.token) if each.opted_out]
    if not names:
        return visit.go("/protection")
    form = Form("/opt-in", _("Opt back in"), _whose(visit, names))
    words = (
        _("Every login needs a device again."),
        _("The restrictions end, and the limits of your devices apply again."),
    )
    return visit.show(confirmations.question(visit, _("Opt back in?"), words, (), form, Link("/protection", _("Back"))))


def opted_in(visit: Visit) -> Response:
    """Opt a user back in to the protection."""
    visit.system.opt_in(visit.token, visit.value("name", 64) or None)
    return visit.go("/protection", notice="in", token=visit.system.rotate(visit.token))


def _whose(visit: Visit, names: Sequence[str]) -> tuple[Field, ...]:
    """Return the field for the user; nothing if the visitor is the only choice."""
    _ = visit._
    if list(names) == [visit.visitor().name]:
        return ()
    return (radio("name", _("Whose protection?"), names),)


def _funding(visit: Visit) -> Decimal:
    return Decimal(visit.system.policy.restrictions.funding_beyond_cents) / 100


def _amounts(_: Language, level: Level) -> tuple[str, str]:
    if level.per_day is None or level.per_five_days is None:
        return _("any amount"), _("any amount")
    return _.dollars(level.per_day), _.dollars(level.per_five_days)


# ---- withdrawals and closing the account ----


def withdraw(visit: Visit) -> Response:
    """Show the form for a withdrawal, with the limits and how much is left of each."""
    return visit.show(_withdraw(visit))


def withdrawn(visit: Visit) -> Response:
    """Withdraw an amount within the limits."""
    _ = visit._
    with visit.again(lambda: _withdraw(visit)):
        allowance = visit.system.withdraw(visit.token, amounts.read(visit.value("amount", 32), _))
    if allowance:
        return visit.go("/withdraw", notice="withdrawn")
    left = _.dollars(min(allowance.left_today or Decimal(0), allowance.left_five_days or Decimal(0)))
    words = _("That is more than your limit. You can withdraw {left} now.", left=left)
    return visit.wrong(visit.as_sent(_withdraw(visit), "amount"), words, 409)


def _withdraw(visit: Visit) -> View:
    _, (level, left) = visit._, visit.system.withdrawal_limit(visit.token)
    meters = limit_meters(_, level, left)
    hint = example(_)
    if left.left_today is not None and left.left_five_days is not None:
        now = min(left.left_today, left.left_five_days)
        hint = _("{example}. You can withdraw {left} now.", example=hint, left=_.dollars(now))
    words = () if meters else (_("You may withdraw any amount: your device has no limit."),)
    limits = Meters(_("Withdrawals"), meters, words, Link("/protection", _("Protection and limits")))
    form = Form("/withdraw", _("Withdraw"), (Field("amount", _("Amount in US dollars"), hint=hint, longest=20),))
    return View(_("Withdraw money"), blocks=(limits,), forms=(form,), links=(Link("/deposit", _("Deposit money")),))


def closing(visit: Visit) -> Response:
    """Show the form that closes the account."""
    _ = visit._
    visit.system.check_primary(visit.token)
    words = (
        _("All devices stop working. Only the statements stay available, with user name and password."),
        _(
            "Send your cards back before you close the account. Until they are received, their deposit is held and you see no "
            "statements."
        ),
    )
    form = Form("/close", _("Close the account"), (Field("sure", _("Close it permanently"), "checkbox"),), danger=True)
    return visit.show(
        confirmations.question(visit, _("Close the account"), words, (), form, Link("/profile", _("Back to the profile")))
    )


def closed(visit: Visit) -> Response:
    """Close the account, and end the session."""
    if visit.form.get("sure") != "yes":
        return visit.go("/close")
    visit.system.close_account(visit.token)
    return visit.go_out(notice="closed")
