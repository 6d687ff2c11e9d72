"""The pages of compliance: decisions about the sharing of devices, and about corrections of personal details."""

from collections.abc import Mapping

from starlette.responses import Response

from dsc_host.login import CheckedPerson, NotNow
from dsc_host.portal.components import SUCCESS, WARNING, Alert, Empty, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.decisions import (
    Subject,
    compared_details,
    comparison,
    corrections,
    decision_buttons,
    handle_decision,
    moment_cell,
    past_decisions,
)
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Cell, Row, Table, View, hidden
from dsc_host.portal.wording import KINDS


def compliance(visit: Visit) -> Response:
    """Show the requests and corrections that wait for a decision, and past decisions."""
    _, people = visit._, visit.system.staff.people_to_check(visit.token)
    rows = [
        Row(
            (
                _person(each.user, people),
                _person(each.owner, people),
                Cell(_(KINDS[each.kind]), each.device),
                moment_cell(_, each.at),
            ),
            decision_buttons(_, "/compliance/decide", hidden("share", each.id)),
        )
        for each in visit.system.staff.pending_shares(visit.token)
    ]
    heads = (_("Requesting user"), _("Owner"), _("Device"), _("When"), _("Decision"))
    kinds = ("text", "text", "text", "moment", "amount")
    past, waiting = past_decisions(visit), corrections(visit)
    if not rows:
        nothing = _("Nothing is waiting. A request arrives here when both the requesting user and the owner have agreed to it.")
        empty = Listing(_("Requests to share a device"), (), Empty(nothing, "people"))
        if not (waiting or past.rows):
            none = Listing(past.caption, (), Empty(past.empty, "list"))
            return visit.show(View(_("Compliance"), blocks=(empty, none)))
        return visit.show(View(_("Compliance"), blocks=(empty,), tables=(*waiting, past)))
    title = _("Requests to share a device: {count}", count=len(rows))
    words = (_("The oldest request is first. A refusal needs a reason. If you agree, it is optional."),)
    tables = (Table(title, heads, rows, kinds=kinds), *waiting, past)
    return visit.show(View(_("Compliance"), words=words, tables=tables))


def _person(user: str, people: Mapping[str, CheckedPerson]) -> Cell:
    """Return the cell of a user, with the name of the person."""
    return Cell(user, people[user].name if user in people else "")


def decide(visit: Visit) -> Response:
    """Approve or refuse a request to share a device."""
    _, staff = visit._, visit.system.staff

    def about(share: str) -> Subject:
        people = staff.people_to_check(visit.token)
        for each in staff.pending_shares(visit.token):
            if each.id == share:
                facts = (
                    (_("Requesting user"), each.user),
                    (_("Owner"), each.owner),
                    (_("Device"), f"{_(KINDS[each.kind])} {each.device}"),
                    (_("When"), _.moment(each.at)),
                )
                return Subject(facts, _compared(_, people.get(each.user), people.get(each.owner)))
        raise NotNow("this request no longer waits for a decision")

    effects = (
        _("The requesting user can then log in with this device."),
        _("The requesting user cannot log in with this device."),
    )
    return handle_decision(
        visit,
        "/compliance",
        "share",
        about,
        lambda share, agreed, why: staff.decide_share(visit.token, share, agreed, why),
        effects,
    )


def _compared(_: Language, user: CheckedPerson | None, owner: CheckedPerson | None) -> tuple[Block, ...]:
    """Return an alert that says whether the requesting person and the owner have the same details, and a table of both."""
    if user is None or owner is None:
        return ()
    left, right = (((_("Full name"), each.name), *compared_details(_, each.identity)) for each in (user, owner))
    told = Alert(SUCCESS, _("All details of the two people are the same."))
    if left != right:
        told = Alert(WARNING, _("The two people have different details. The rows say which."))
    heads = (_("Details"), _("Requesting user"), _("Owner"))
    return (told, comparison(_, _("The two people"), heads, left, right))
