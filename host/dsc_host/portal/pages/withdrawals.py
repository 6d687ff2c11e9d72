"""The pages of a withdrawal: the form for the amount, and the check before the money is withdrawn."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from starlette.responses import Response

from dsc_host.login import Allowance, NotAllowed, NotNow, Scope
from dsc_host.login.errors import AlreadyDone
from dsc_host.login.policy.model import Level
from dsc_host.login.views import Payout
from dsc_host.portal import amounts
from dsc_host.portal.components import WARNING, Actions, Alert, Facts, Meters
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.funding import example
from dsc_host.portal.pages.limit_meters import limit_meters
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Steps, View, button
from dsc_host.records.table_rows import new_id

_CHECK = "/withdraw/check"


def withdrawal_form(visit: Visit) -> Response:
    """Show the form for a withdrawal, with the limits and how much of each limit is left."""
    form = confirmations.kept(visit, _CHECK)
    return visit.show(_withdraw(visit, amounts.written(Decimal(form["amount"]), visit._) if form else ""))


def check(visit: Visit) -> Response:
    """Show the check page, which has its own address so that the browser's back button can return to it."""
    form, paid = confirmations.kept(visit, _CHECK), visit.system.payout(visit.token)
    if not form or not paid.bank:
        return visit.redirect("/withdraw")
    return visit.show(_check(visit, form, paid))


def withdraw(visit: Visit) -> Response:
    """Redirect to the check page if the amount is within the limits. After the check, withdraw the amount."""
    _, sure = visit._, confirmations.is_confirmed(visit)
    with visit.showing_errors(lambda: _withdraw(visit)):
        amount = amounts.read(visit.value("amount", 32), _)
        paid = visit.system.payout(visit.token)
        if not paid.bank:
            raise NotNow("there are no bank instructions to send the money to; add them first")
        confirmations.check_bank(visit, paid)
        if not sure:
            allowance = visit.system.check_withdrawal(visit.token, amount)
        else:
            try:
                allowance = visit.system.withdraw(visit.token, amount, visit.value("entry", 32) or "-")
            except AlreadyDone:
                return visit.redirect("/withdraw", notice="withdrawn_before")
    if not allowance:
        title, words = _too_much(_, *visit.system.withdrawal_limit(visit.token))
        view = _withdraw(visit, hint=example(_)) if words else _withdraw(visit)
        return visit.wrong(replace(view, wrong_words=words), title, 409, "amount")
    if not sure:
        return visit.redirect(confirmations.sealed(visit, _CHECK, amount=f"{amount:.2f}", entry=new_id()))
    return visit.redirect(
        "/withdraw", notice="withdrawn", amount=amount, owner=paid.owner, bank=paid.bank, day=_.day(paid.arrives)
    )  # fmt: skip


def _too_much(_: Language, level: Level, allowance: Allowance) -> tuple[str, str]:
    """Return the title of a refusal, and its details: how much is left, and when the whole limit is available again."""
    left, title = _left(allowance), _("The amount is more than your limit.")
    if left is None or level.per_day is None:
        return title, ""
    if left == level.per_day:
        title = _("The amount is more than your daily limit.")
        return title, _("At most {limit} a day. For more, log in with a device that has a higher limit.", limit=_.dollars(left))
    if left == allowance.left_today:
        title = _("The amount is more than the {left} that are left of today's limit.", left=_.dollars(left))
    else:
        title = _("The amount is more than the {left} that are left of the limit for five business days.", left=_.dollars(left))
    if (day := allowance.full_on) is None:
        return title, _("At most {most} today.", most=_.dollars(left))
    words = _(
        "At most {most} today. From {day}: {limit} a day.",
        most=_.dollars(left),
        limit=_.dollars(level.per_day),
        day=_.day(day.isoformat()),
    )
    return title, words


def _full_again(_: Language, level: Level, allowance: Allowance) -> str:
    day, limit = allowance.full_on, level.per_day
    if day is None or limit is None:
        return ""
    return _("You can withdraw {limit} a day again from {day}.", day=_.day(day.isoformat()), limit=_.dollars(limit))


def _left(allowance: Allowance) -> Decimal | None:
    """Return the amount that can be withdrawn now, or None if there is no limit."""
    if allowance.left_today is None or allowance.left_five_days is None:
        return None
    return min(allowance.left_today, allowance.left_five_days)


# ---- the form ----


def _withdraw(visit: Visit, value: str = "", hint: str = "") -> View:
    """Return the page with the form. If bank instructions are missing or the limit is used up, an alert replaces the form.

    `hint` replaces the hint at the amount, for example if an error already names the limit.
    """
    _, (level, allowance) = visit._, visit.system.withdrawal_limit(visit.token)
    paid = visit.system.payout(visit.token)
    limits, left = _limits(_, level, allowance), _left(allowance)
    facts = (
        (_("From"), _("Account of {owner}", owner=paid.owner)),
        (_("To"), paid.bank or _("There are no bank instructions yet.")),
        *(() if limits else ((_("You can withdraw now"), _("Any amount: your device has no limit.")),)),
    )
    view = View(
        _("Withdraw money"),
        words=(
            _(
                "Only your limit is checked here. Your balance is checked when the money is sent:"
                " if it is too low, nothing is sent."
            ),
        ),
        back=Link("/", _("Back")),
        below=(
            Facts(_("From and to"), facts),
            *limits,
            Actions(_("What you can do"), _further(visit, paid)),
        ),
    )
    if not paid.bank:
        return replace(view, blocks=(_without_bank(visit),))
    if left == 0:
        return replace(view, blocks=(_used_up(_, level, allowance),))
    limit = "" if left is None else _("At most {most} today.", most=_.dollars(left))
    field = Field("amount", _("Amount in US dollars"), "amount", hint or f"{limit} {example(_)}".strip(), value, longest=20)
    return replace(view, forms=(Form("/withdraw", _("Continue"), (field,)),), steps=_steps(_, 1))


def _limits(_: Language, level: Level, allowance: Allowance) -> tuple[Meters, ...]:
    """Return the panel with what is left of each limit, or nothing if there is no limit."""
    meters, left = limit_meters(_, level, allowance), _left(allowance)
    if not meters or left is None or level.per_day is None:
        return ()
    # If nothing is left, an alert above the panel has this sentence.
    again = (_full_again(_, level, allowance),) if 0 < left < level.per_day else ()
    more = Link("/protection", _("Protection and limits"))
    return (Meters(_("Withdrawal limits"), meters, tuple(filter(None, again)), more),)


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("Amount"), _("Check")), current)


def _used_up(_: Language, level: Level, allowance: Allowance) -> Alert:
    higher = _("To withdraw more now, log in with a device that has a higher limit.")
    return Alert(WARNING, _("Nothing is left of your limit now"), (_full_again(_, level, allowance), higher))


def _without_bank(visit: Visit) -> Alert:
    """Return the alert that bank instructions are missing. It has a link to add them, or says why the visitor may not do so."""
    _ = visit._
    title = _("Add bank instructions before you withdraw money")
    if refusal := _bank_refusal(visit):
        return Alert(WARNING, title, (_("We do not know yet where to send the money."), refusal))
    link = Link("/profile/bank", _("Add bank instructions"))
    return Alert(WARNING, title, (_("We do not know yet where to send the money."),), (link,))


def _bank_refusal(visit: Visit) -> str:
    """Return why the visitor may not change the bank instructions. Return empty text if the visitor may change them."""
    _ = visit._
    known = visit.system.profile(visit.token) if visit.visitor().scope is Scope.FULL else None
    if known is None or known.opted_out:
        return _(
            "You have opted out: your bank instructions are changed only through support. Call support, who will ask who you"
            " are."
        )
    if known.temporary:
        return _("You have logged in with a temporary device. To change your details, log in with another device.")
    try:
        visit.system.check_primary(visit.token)
    except NotAllowed as refusal:
        return visit.explain(refusal)
    return ""


def _further(visit: Visit, paid: Payout) -> tuple[tuple[str, Link], ...]:
    """Return the links to the other pages of money."""
    _, full = visit._, visit.visitor().scope is Scope.FULL
    changed = Link("/profile/bank", _("Change the bank instructions"))
    return (
        ("money", Link("/deposit", _("Deposit money"))),
        *((("document", Link("/statements", _("Statements"))),) if full else ()),
        *((("list", changed),) if paid.bank and not _bank_refusal(visit) else ()),
    )


# ---- the check ----


def _check(visit: Visit, form: Mapping[str, str], paid: Payout) -> View:
    """Return the page that says what will happen, with the button that withdraws. Its form is good for one withdrawal."""
    _, amount, left = visit._, Decimal(form["amount"]), _left(visit.system.withdrawal_limit(visit.token)[1])
    rest = () if left is None or left < amount else ((_("Limit left afterwards"), _.dollars(left - amount)),)
    label = _("Withdraw {amount}", amount=_.dollars(amount))
    return View(
        _("Check the withdrawal"),
        words=(_("Nothing has been withdrawn yet. If your balance is too low when the money is sent, nothing is sent."),),
        facts=(
            (_("Amount"), _.dollars(amount)),
            (_("From"), _("Account of {owner}", owner=paid.owner)),
            (_("To"), paid.bank),
            (_("Fee"), _("None from us. Your bank may charge one.")),
            (_("Arrives"), _("By {day}", day=_.day(paid.arrives))),
            *rest,
        ),
        forms=(button("/withdraw", label, amount=form["amount"], entry=form["entry"], bank=paid.bank, sure="yes"),),
        back=Link(f"/withdraw?kept={visit.request.query_params['kept']}", _("Change the amount")),
        steps=_steps(_, 2),
        crumb=_("Withdraw money"),
    )
