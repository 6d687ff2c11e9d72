"""The pages of compliance: decisions about sharing."""

from starlette.responses import Response

from dsc_host.portal.pages import support
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Row, Table, View, button
from dsc_host.portal.wording import KINDS


def compliance(visit: Visit) -> Response:
    """Show the requests and corrections that wait for a decision."""
    _ = visit._
    rows = [
        Row(
            (each.user, each.owner, f"{_(KINDS[each.kind])} {each.device}"),
            (
                button("/compliance/decide", _("Agree"), share=each.id, agreed="yes"),
                button("/compliance/decide", _("Refuse"), share=each.id, agreed="no", danger=True),
            ),
        )
        for each in visit.system.staff.pending_shares(visit.token)
    ]
    heads = (_("Requesting user"), _("Owner"), _("Device"), _("Decision"))
    table = Table(_("Requests to share a device"), heads, rows, _("Nothing is waiting."))
    return visit.show(View(_("Compliance"), tables=(table, *support._corrections(visit))))


def decide(visit: Visit) -> Response:
    """Approve or refuse a request to share a device."""
    agreed = visit.value("agreed", 8)
    if agreed not in ("yes", "no"):
        return visit.go("/compliance")
    visit.system.staff.decide_share(visit.token, visit.value("share", 32), agreed == "yes")
    return visit.go("/compliance", notice="decided")
