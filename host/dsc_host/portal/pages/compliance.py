"""The pages of compliance: decisions about sharing."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from dsc_host.login import CheckedPerson, NotNow
from dsc_host.portal.components import Empty, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.decisions import corrections, decided, decision, decisions, details_of
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Cell, Row, Table, View, hidden
from dsc_host.portal.wording import KINDS


def compliance(visit: Visit) -> Response:
    """Show the requests and corrections that wait for a decision."""
    _, people = visit._, visit.system.staff.people_to_check(visit.token)
    rows = [
        Row(
            (
                _person(each.user, people),
                _person(each.owner, people),
                f"{_(KINDS[each.kind])} {each.device}",
                _.moment(each.at),
            ),
            decision(_, "/compliance/decide", hidden("share", each.id)),
        )
        for each in visit.system.staff.pending_shares(visit.token)
    ]
    heads = (_("Requesting user"), _("Owner"), _("Device"), _("When"), _("Decision"))
    kinds = ("text", "text", "text", "moment", "amount")
    past, waiting = decisions(visit), corrections(visit)
    if not rows:
        nothing = _("Nothing is waiting. A request arrives here when both the requesting user and the owner have agreed to it.")
        empty = Listing(_("Requests to share a device"), (), Empty(nothing, "people"))
        if not (waiting or past.rows):
            none = Listing(past.caption, (), Empty(past.empty, "list"))
            return visit.show(View(_("Compliance"), blocks=(empty, none)))
        return visit.show(View(_("Compliance"), blocks=(empty,), tables=(*waiting, past)))
    title = _("Requests to share a device: {count}", count=len(rows))
    words = (_("The oldest request is first. The next page asks for the reason of your decision."),)
    tables = (Table(title, heads, rows, kinds=kinds), *waiting, past)
    return visit.show(View(_("Compliance"), words=words, tables=tables))


def _person(user: str, people: Mapping[str, CheckedPerson]) -> Cell:
    """Return the cell of a user, with the name of the person."""
    return Cell(user, people[user].name if user in people else "")


def decide(visit: Visit) -> Response:
    """Approve or refuse a request to share a device."""
    _, staff = visit._, visit.system.staff

    def facts(share: str) -> Sequence[tuple[str, str]]:
        people = staff.people_to_check(visit.token)
        for each in staff.pending_shares(visit.token):
            if each.id == share:
                device = (_("Device"), f"{_(KINDS[each.kind])} {each.device}")
                return (
                    (_("Requesting user"), _described(_, each.user, people)),
                    (_("Owner"), _described(_, each.owner, people)),
                    device,
                    (_("When"), _.moment(each.at)),
                )
        raise NotNow("this has already been decided")

    effects = (
        _("The requesting user can then log in with this device."),
        _("The requesting user cannot log in with this device."),
    )
    return decided(
        visit,
        "/compliance",
        "share",
        facts,
        lambda share, agreed, why: staff.decide_share(visit.token, share, agreed, why),
        effects,
    )


def _described(_: Language, user: str, people: Mapping[str, CheckedPerson]) -> str:
    """Return the user name with the name and the details of the person, one on a line."""
    person = people.get(user)
    return user if person is None else f"{user}\n{person.name}\n{details_of(_, person.identity)}"
