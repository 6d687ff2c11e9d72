"""The page of statements and tax forms, and of deposits and charges for devices."""

import re

from starlette.responses import Response

from dsc_host.login import Deposit, HoldState, NotNow, Statement
from dsc_host.portal.components import INFO, SUCCESS, WARNING, Columns, Empty, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Cell, Row, Table, View, button
from dsc_host.portal.wording import HOLDS

_BADGES = {HoldState.HELD: INFO, HoldState.RELEASED: SUCCESS, HoldState.KEPT: WARNING}


def statements(visit: Visit) -> Response:
    """Show the statements of an account."""
    _, deposits = visit._, visit.system.deposits(visit.token)
    words, blocks = _statements(visit)
    nothing = Listing(_("Deposits and charges for devices"), (), Empty(_("Nothing was held or charged."), "money"))
    return visit.show(
        View(
            _("Statements"),
            words=words,
            blocks=(*blocks, *(() if deposits else (nothing,))),
            tables=(_deposits(_, deposits),) if deposits else (),
        )
    )


def pdf(visit: Visit) -> Response:
    """Return a statement or tax form as a PDF file to download."""
    made = visit.system.statements.pdf(visit.token, visit.value("statement", 64))
    headers = {"content-disposition": 'attachment; filename="statement.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


def _statements(visit: Visit) -> tuple[tuple[str, ...], tuple[Block, ...]]:
    """Return the statements and the tax forms side by side, or the reason why there are none."""
    _ = visit._
    try:
        known = visit.system.statements.all(visit.token)
    except NotNow as error:
        return (visit.explain(error),), ()
    if known is None:
        return (_("Statements and tax forms are not available on this page. Ask support how you get them."),), ()
    plain = [_item(_, each) for each in known if not each.tax]
    taxes = [_item(_, each) for each in known if each.tax]
    listing = Listing(_("Statements"), plain, Empty(_("There are no statements yet."), "document"), dense=True)
    return (), (Columns((listing, Listing(_("Tax forms"), taxes, dense=True))) if taxes else listing,)


def _item(_: Language, statement: Statement) -> Item:
    pdf = button("/statements/pdf", _("PDF"), statement=statement.id)
    return Item(title(_, statement), "document", details=(_.short_day(statement.day),), actions=(pdf,))


def title(_: Language, statement: Statement) -> str:
    """Return the title in the visitor's language if the period is known, or else the provider's own title."""
    period = statement.period
    if re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", period):
        period = _.month(period)
    elif not re.fullmatch("[0-9]{4}", period):
        return statement.title
    if statement.tax:
        return _("Tax form for {period}", period=period)
    return _("Statement for {period}", period=period)


def _deposits(_: Language, deposits: list[Deposit]) -> Table:
    heads = (_("Device"), _("Account"), _("State"), _("Since"), _("Amount"))
    rows = [
        Row(
            (
                each.device or _("Card not made yet"),
                Cell(_("Account of {owner}", owner=each.account_name), each.user),
                Cell(_(HOLDS[each.state]), badge=_BADGES[each.state]),
                _.date(each.settled_at or each.held_at),
                Cell(_.dollars(max(each.amount, each.kept)), _kept(_, each)),
            )
        )
        for each in deposits
    ]
    kinds = ("text", "text", "moment", "moment", "amount")
    return Table(_("Deposits and charges for devices"), heads, rows, _("Nothing was held or charged."), kinds)


def _kept(_: Language, deposit: Deposit) -> str:
    """Return a phrase with the amount that was kept, or empty text if this is the whole deposit or nothing."""
    return _("of which {amount} kept", amount=_.dollars(deposit.kept)) if 0 < deposit.kept < deposit.amount else ""
