"""The page of statements and tax forms, and of deposits and charges for devices."""

import re

from starlette.responses import Response

from dsc_host.login import Deposit, DeviceState, HoldState, NotNow, Statement
from dsc_host.portal.components import INFO, SUCCESS, WARNING, Columns, Empty, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.device_items import capitalized
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Cell, Row, Table, View, button
from dsc_host.portal.wording import GONE, HOLDS, KINDS

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
            tables=(deposit_table(_, deposits),) if deposits else (),
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
    plain = [statement_item(_, each) for each in known if not each.tax]
    taxes = [statement_item(_, each) for each in known if each.tax]
    listing = Listing(_("Statements"), plain, Empty(_("There are no statements yet."), "document"), dense=True)
    return (), (Columns((listing, Listing(_("Tax forms"), taxes, dense=True))) if taxes else listing,)


def statement_item(_: Language, statement: Statement) -> Item:
    """Return the row of a statement, with its language if it is not the visitor's."""
    pdf = button("/statements/pdf", _("PDF"), statement=statement.id)
    details: tuple[str, ...] = (_.short_day(statement.day),)
    if statement.languages and _.code not in statement.languages:
        details += (_("Language: {language}", language=_.language(statement.languages[0])),)
    name = capitalized(_period(_, statement) or statement.title)
    return Item(name, "document", details=details, actions=(pdf,), about=title(_, statement))


def _period(_: Language, statement: Statement) -> str:
    """Return the year, or the month in the visitor's language. Return empty text if the provider gives another period."""
    if re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", statement.period):
        return _.month(statement.period)
    return statement.period if re.fullmatch("[0-9]{4}", statement.period) else ""


def title(_: Language, statement: Statement) -> str:
    """Return the title in the visitor's language if the period is known, or else the provider's own title."""
    if not (period := _period(_, statement)):
        return statement.title
    if statement.tax:
        return _("Tax form for {period}", period=period)
    return _("Statement for {period}", period=period)


def deposit_table(_: Language, deposits: list[Deposit]) -> Table:
    """Return the table of deposits and charges: what happened to the money of each device, when, and why."""
    heads = (_("Device"), _("Account"), _("Why"), _("State"), _("Since"), _("Amount"))
    rows = [
        Row(
            (
                Cell(each.device or _("Card not made yet"), _(KINDS[each.kind]) if each.kind else ""),
                Cell(_("Account of {owner}", owner=each.account_name), each.user),
                Cell(_happened(_, each), _reason(_, each)),
                Cell(_(HOLDS[each.state]) if each.amount else _("charged"), badge=_BADGES[each.state]),
                _.date(each.settled_at or each.held_at),
                _.dollars(each.kept if each.state is HoldState.KEPT else each.amount),
            )
        )
        for each in deposits
    ]
    kinds = ("text", "text", "text", "moment", "moment", "amount")
    return Table(_("Deposits and charges for devices"), heads, rows, _("Nothing was held or charged."), kinds)


def _happened(_: Language, deposit: Deposit) -> str:
    """Return a sentence about the money: held, released, kept or charged."""
    amount, kept = deposit.amount, deposit.kept
    if deposit.state is HoldState.HELD:
        return _("The deposit is held until the card comes back.")
    if deposit.state is HoldState.RELEASED:
        return _("The whole deposit was released.")
    if not amount:
        return _("A fee was charged.")
    if kept < amount:
        return _("{kept} of the deposit of {amount} was kept.", kept=_.dollars(kept), amount=_.dollars(amount))
    if kept > amount:
        more = _.dollars(kept - amount)
        return _("The deposit of {amount} was kept, and {more} more was charged.", amount=_.dollars(amount), more=more)
    return _("The whole deposit was kept.")


def _reason(_: Language, deposit: Deposit) -> str:
    """Return why the money was kept or released, and when, or that the card is on its way back, or empty text."""
    state, kept = deposit.device_state, deposit.state is HoldState.KEPT
    if deposit.received_at is not None:
        day = _.date(deposit.received_at)
        return _("The card came back only on {day}.", day=day) if kept else _("The card came back on {day}.", day=day)
    if deposit.state is HoldState.RELEASED:
        return _("The request of the card was canceled.")
    if state is not None and state in GONE and deposit.device_since is not None:
        return _(GONE[state], day=_.date(deposit.device_since))
    if kept:
        return _("The card did not come back.")
    return _("The card is on its way back.") if state is DeviceState.RETURNED else ""
