"""The page of a transfer of money into the account."""

from dataclasses import replace
from decimal import Decimal

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import FundingMethod
from dsc_host.login.errors import AlreadyDone
from dsc_host.portal import amounts
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, View, hidden
from dsc_host.portal.wording import FUNDING_METHODS
from dsc_host.records.table_rows import new_id

_LEAST = Decimal("0.01")


def deposit(visit: Visit) -> Response:
    """Show the form for a transfer."""
    return visit.show(_deposit(visit))


def deposited(visit: Visit) -> Response:
    """Record a transfer, if the user may make it."""
    with visit.showing_errors(lambda: _deposit(visit)):
        amount = amounts.read(visit.value("amount", 32), visit._)
        method, entry = _method(visit.value("method", 16)), visit.value("entry", 32) or "-"
        try:
            allowance = visit.system.fund(visit.token, amount, method, entry)
        except AlreadyDone:
            return visit.redirect("/deposit", notice="deposited_before", amount=amount)
    if allowance:
        return visit.redirect("/deposit", notice="deposited", amount=amount, owner=visit.system.payout(visit.token).owner)
    _, most = visit._, allowance.most or Decimal(0)
    words = _(
        "Without protection by a device, at most {most} can be deposited in this way now. A bank transfer has no limit.",
        most=_.dollars(most),
    )
    return visit.wrong(replace(_deposit(visit), wrong_words=words), _("The amount is more than your limit."), 409, "amount")


def _deposit(visit: Visit) -> View:
    _, owner = visit._, visit.system.payout(visit.token).owner
    most = {each: visit.system.may_fund(visit.visitor().name, _LEAST, each).most for each in FundingMethod}
    limited = any(left is not None for left in most.values())
    choices = [_choice(_, each, left, limited=limited) for each, left in most.items() if left != 0]
    to = _("The money goes into the account of {owner}.", owner=owner)
    used_up = _(
        "Without protection by a device, one direct debit or electronic transfer is accepted, and it was already made."
        " A bank transfer has no limit."
    )
    fields = (
        Field("amount", _("Amount in US dollars"), "amount", example(_), longest=20),
        Field("method", _("Way of payment"), "radio", value=choices[0].value if choices else "", choices=choices),
        hidden("entry", new_id()),
    )
    return View(
        _("Deposit money"),
        words=(to, used_up) if len(choices) < len(most) else (to,),
        forms=(Form("/deposit", _("Deposit money"), fields),) if choices else (),
        back=Link("/withdraw", _("Back")),
    )


def _choice(_: Language, method: FundingMethod, left: Decimal | None, *, limited: bool) -> Choice:
    """Return the choice of a method, with its limit now if some method is limited."""
    limit = _("No limit.") if left is None else _("At most {most} now.", most=_.dollars(left))
    return Choice(method, _(FUNDING_METHODS[method]), limit if limited else "")


def example(_: Language) -> str:
    """Return the hint with an amount as it is written in this language."""
    return _("For example {amount}", amount=amounts.written(Decimal(1250), _))


def _method(text: str) -> FundingMethod:
    try:
        return FundingMethod(text)
    except ValueError:
        raise InputError("method", "must be one of {kinds}", kinds=", ".join(FundingMethod)) from None
