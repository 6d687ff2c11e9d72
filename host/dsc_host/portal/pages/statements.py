"""The page of statements and tax forms, and of deposits and charges for devices."""

from starlette.responses import Response

from dsc_host.login import Deposit, NotNow
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Row, Table, View, button
from dsc_host.portal.wording import HOLDS


def statements(visit: Visit) -> Response:
    """Show the statements of an account."""
    _, deposits = visit._, visit.system.deposits(visit.token)
    words, tables = _statements(visit)
    return visit.show(View(_("Statements"), words=words, tables=(*tables, _deposits(_, deposits))))


def pdf(visit: Visit) -> Response:
    """Return a statement or tax form as a PDF, to be kept or printed."""
    made = visit.system.statements.pdf(visit.token, visit.value("statement", 64))
    headers = {"content-disposition": 'attachment; filename="statement.pdf"'}
    return Response(made, media_type="application/pdf", headers=headers)


def _statements(visit: Visit) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    """Return the table of statements, or the reason why there is none."""
    _ = visit._
    try:
        known = visit.system.statements.all(visit.token)
    except NotNow as error:
        return (visit.explain(error),), ()
    if known is None:
        return (_("Statements and tax forms come to you in other ways. Support tells you how."),), ()
    rows = [
        Row(
            (each.title, _("Tax form") if each.tax else _("Statement"), _.day(each.day)),
            (button("/statements/pdf", _("PDF"), statement=each.id),),
        )
        for each in known
    ]
    heads = (_("Title"), _("Kind"), _("Date"), _("Actions"))
    return (), (Table(_("Statements and tax forms"), heads, rows, _("There are no statements yet.")),)


def _deposits(_: Language, deposits: list[Deposit]) -> Table:
    heads = (_("Device"), _("User name"), _("Account"), _("Held"), _("Since"), _("State"), _("Kept"), _("Released or kept at"))
    rows = [
        Row(
            (
                each.device or NONE,
                each.user,
                _("Account of {owner}", owner=each.account_name),
                _.dollars(each.amount),
                _.moment(each.held_at),
                _(HOLDS[each.state]),
                _.dollars(each.kept),
                _.moment(each.settled_at),
            )
        )
        for each in deposits
    ]
    return Table(_("Deposits and charges for devices"), heads, rows, _("Nothing was held or charged."))
