"""The pages of a transfer of money into the account: the form, and the check before the transfer is recorded."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import FundingMethod
from dsc_host.login.errors import AlreadyDone
from dsc_host.login.protection.funding import FundingAllowance
from dsc_host.login.views import Payout
from dsc_host.portal import amounts
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Steps, View, hidden
from dsc_host.portal.wording import FUNDING_ARRIVALS, FUNDING_HINTS, FUNDING_METHODS
from dsc_host.records.table_rows import new_id

_LEAST = Decimal("0.01")
_CHECK = "/deposit/check"


def deposit_form(visit: Visit) -> Response:
    """Show the form for a transfer."""
    form = confirmations.kept(visit, _CHECK)
    return visit.show(_deposit(visit, **{name: form[name] for name in ("amount", "method") if form}))


def check(visit: Visit) -> Response:
    """Show the check page."""
    form = confirmations.kept(visit, _CHECK)
    return visit.show(_check(visit, form)) if form else visit.redirect("/deposit")


def deposit(visit: Visit) -> Response:
    """Redirect to the check page if the user may make this transfer. After the check, record the transfer."""
    sure = confirmations.is_confirmed(visit)
    with visit.showing_errors(lambda: _deposit(visit)):
        confirmations.check_bank(visit, visit.system.payout(visit.token))
        amount = amounts.read(visit.value("amount", 32), visit._)
        method = _method(visit.value("method", 16))
        if not sure:
            allowance = visit.system.check_funding(visit.token, amount, method)
        else:
            try:
                allowance = visit.system.fund(visit.token, amount, method, visit.value("entry", 32) or "-")
            except AlreadyDone:
                return visit.redirect("/deposit", notice="deposited_before")
    if not allowance:
        return _refused(visit, allowance)
    if not sure:
        return visit.redirect(
            confirmations.sealed(visit, _CHECK, amount=f"{amount:.2f}", method=str(method), entry=new_id())
        )  # fmt: skip
    return visit.redirect("/deposit", notice="deposited", amount=amount, owner=visit.system.payout(visit.token).owner)


def _refused(visit: Visit, allowance: FundingAllowance) -> Response:
    """Show the form again, with the largest amount that is accepted."""
    _, most = visit._, allowance.most or Decimal(0)
    words = _(
        "At most {most} in this way. For more, choose a bank transfer.",
        most=_.dollars(most),
    )
    return visit.wrong(replace(_deposit(visit), wrong_words=words), _("The amount is more than your limit."), 409, "amount")


# ---- the form ----


def _deposit(visit: Visit, amount: str = "", method: str = "") -> View:
    _, paid = visit._, visit.system.payout(visit.token)
    most = {each: visit.system.may_fund(visit.visitor().name, _LEAST, each).most for each in _fitting(paid)}
    limited = any(left is not None for left in most.values())
    choices = [_choice(_, each, left, limited=limited) for each, left in most.items() if left != 0]
    used_up = _(
        "Without protection by a device, one direct debit or electronic transfer is accepted, and it was already made."
        " A bank transfer has no limit."
    )
    written = amounts.written(Decimal(amount), _) if amount else ""
    chosen = method or (choices[0].value if choices else "")
    # The largest amount depends on the way of payment. So the hints of the choices show it, and this hint does not.
    hint = example(_) if any(most.values()) else f"{_('No limit.')} {example(_)}"
    fields = (
        Field("amount", _("Amount in US dollars"), "amount", hint, written, longest=20),
        Field("method", _("Way of payment"), "radio", value=chosen, choices=choices),
    )
    return View(
        _("Deposit money"),
        words=(used_up,) if len(choices) < len(most) else (),
        facts=((_("From"), _own_bank(_, paid)), (_("To"), _("Account of {owner}", owner=paid.owner))),
        forms=(Form("/deposit", _("Continue"), fields),) if choices else (),
        back=Link("/withdraw", _("Back")),
        steps=_steps(_, 1),
    )


def _choice(_: Language, method: FundingMethod, left: Decimal | None, *, limited: bool) -> Choice:
    """Return the choice of a method. Its hint has the waiting time and, if any method has a limit, the largest amount."""
    limit = _("No limit.") if left is None else _("At most {most} now.", most=_.dollars(left))
    hints = (_(FUNDING_HINTS[method]), _(FUNDING_ARRIVALS[method]), *((limit,) if limited else ()))
    return Choice(method, _(FUNDING_METHODS[method]), " ".join(hints))


def _fitting(paid: Payout) -> tuple[FundingMethod, ...]:
    """Return the ways of payment that fit the visitor's bank account, or all ways if the account is not known."""
    if not paid.bank:
        return tuple(FundingMethod)
    return (FundingMethod.ACH if paid.bank.startswith("US") else FundingMethod.EFT, FundingMethod.WIRE)


def _own_bank(_: Language, paid: Payout) -> str:
    """Return the account that the money comes from, with the masked bank instructions if there are some."""
    return f"{_('Your bank account')}\n{paid.bank}".strip()


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("Amount"), _("Check")), current)


def example(_: Language) -> str:
    """Return a hint with an example of an amount, as people write it in this language."""
    return _("For example {amount}", amount=amounts.written(Decimal(1250), _))


def _method(text: str) -> FundingMethod:
    try:
        return FundingMethod(text)
    except ValueError:
        raise InputError("method", "must be one of {kinds}", kinds=", ".join(FundingMethod)) from None


# ---- the check ----


def _check(visit: Visit, form: Mapping[str, str]) -> View:
    """Return the page that says what will happen, with the button that records the transfer once."""
    _, paid, method = visit._, visit.system.payout(visit.token), FundingMethod(form["method"])
    amount = _.dollars(Decimal(form["amount"]))
    known = {**{name: form[name] for name in ("amount", "method", "entry")}, "bank": paid.bank, "sure": "yes"}
    return View(
        _("Check the deposit"),
        words=(_("Nothing has been deposited yet."),),
        facts=(
            (_("Amount"), amount),
            (_("Way of payment"), _(FUNDING_METHODS[method])),
            (_("From"), _own_bank(_, paid)),
            (_("To"), _("Account of {owner}", owner=paid.owner)),
            (_("Arrives"), _(FUNDING_ARRIVALS[method])),
            (_("What happens"), _(FUNDING_HINTS[method])),
        ),
        forms=(Form("/deposit", _("Deposit {amount}", amount=amount), [hidden(*each) for each in known.items()]),),
        back=Link(f"/deposit?kept={visit.request.query_params['kept']}", _("Back")),
        steps=_steps(_, 2),
        crumb=_("Deposit money"),
    )
