"""The pages of compliance: decisions about sharing."""

from starlette.responses import Response

from dsc_host.portal.components import Empty, Listing
from dsc_host.portal.pages.decisions import corrections, decided, decision
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Cell, Row, Table, View, hidden
from dsc_host.portal.wording import KINDS


def compliance(visit: Visit) -> Response:
    """Show the requests and corrections that wait for a decision."""
    _ = visit._
    rows = [
        Row(
            (each.user, each.owner, Cell(_(KINDS[each.kind]), each.device), _.moment(each.at)),
            decision(_, "/compliance/decide", hidden("share", each.id)),
        )
        for each in visit.system.staff.pending_shares(visit.token)
    ]
    heads = (_("Requesting user"), _("Owner"), _("Device"), _("When"), _("Decision"))
    kinds = ("text", "text", "text", "moment", "amount")
    title = _("Requests to share a device")
    if not rows:
        words = _("Nothing is waiting. A request arrives here when both the requesting user and the owner have agreed to it.")
        empty = Listing(title, (), Empty(words, "people"))
        return visit.show(View(_("Compliance"), blocks=(empty,), tables=corrections(visit)))
    return visit.show(View(_("Compliance"), tables=(Table(title, heads, rows, kinds=kinds), *corrections(visit))))


def decide(visit: Visit) -> Response:
    """Approve or refuse a request to share a device."""
    staff, share = visit.system.staff, visit.value("share", 32)
    return decided(visit, "/compliance", lambda agreed: staff.decide_share(visit.token, share, agreed))
