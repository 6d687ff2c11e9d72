"""The pages of compliance: decisions about sharing."""

from collections.abc import Sequence

from starlette.responses import Response

from dsc_host.login import NotNow
from dsc_host.portal.components import Empty, Listing
from dsc_host.portal.pages.decisions import corrections, decided, decision, decisions
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
    past = decisions(visit)
    if not rows:
        nothing = _("Nothing is waiting. A request arrives here when both the requesting user and the owner have agreed to it.")
        empty = Listing(_("Requests to share a device"), (), Empty(nothing, "people"))
        return visit.show(View(_("Compliance"), blocks=(empty,), tables=(*corrections(visit), past)))
    title = _("Requests to share a device: {count}", count=len(rows))
    words = (_("The oldest request is first. The next page asks for the reason of your decision."),)
    tables = (Table(title, heads, rows, kinds=kinds), *corrections(visit), past)
    return visit.show(View(_("Compliance"), words=words, tables=tables))


def decide(visit: Visit) -> Response:
    """Approve or refuse a request to share a device."""
    _, staff = visit._, visit.system.staff

    def facts(share: str) -> Sequence[tuple[str, str]]:
        for each in staff.pending_shares(visit.token):
            if each.id == share:
                device = (_("Device"), f"{_(KINDS[each.kind])} {each.device}")
                return ((_("Requesting user"), each.user), (_("Owner"), each.owner), device, (_("When"), _.moment(each.at)))
        raise NotNow("this has already been decided")

    return decided(
        visit, "/compliance", "share", facts, lambda share, agreed, why: staff.decide_share(visit.token, share, agreed, why)
    )
