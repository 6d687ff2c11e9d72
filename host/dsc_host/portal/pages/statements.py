"""The page of statements: what was held and charged for devices."""

from starlette.responses import Response

from dsc_host.login import Deposit
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Row, Table, View
from dsc_host.portal.wording import HOLDS


def statements(visit: Visit) -> Response:
    """Show the statements of an account."""
    _ = visit._
    tables = (
        Table(_("Statements"), (), (), _("There are no statements yet.")),
        _deposits(_, visit.system.deposits(visit.token)),
    )
    return visit.show(View(_("Statements"), tables=tables))


def _deposits(_: Language, deposits: list[Deposit]) -> Table:
    heads = (_("Device"), _("User name"), _("Account"), _("Held"), _("Since"), _("State"), _("Kept"), _("Released or kept at"))
    rows = [
        Row(
            (
                each.device or NONE,
                each.user,
                each.account,
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
