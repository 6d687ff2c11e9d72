"""Decisions of a second person: the corrections that wait for a decision, and the two buttons that decide."""

from collections.abc import Callable, Sequence

from starlette.responses import Response

from dsc_host.login import Identity, Role
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Row, Table, hidden
from dsc_host.portal.wording import DOCUMENTS


def decide_correction(visit: Visit) -> Response:
    """Approve or refuse a correction, as the second person."""
    page = "/compliance" if visit.visitor().role is Role.COMPLIANCE else "/desk"
    return decided(
        visit, page, lambda agreed: visit.system.staff.decide_correction(visit.token, visit.value("wait", 32), agreed)
    )


def corrections(visit: Visit) -> Sequence[Table]:
    """Return the table of corrections that wait for a second person; nothing if there are none."""
    _ = visit._
    rows = [
        Row(
            (wait.user, _details(_, identity), wait.asked_by, _.moment(wait.at)),
            decision(_, "/desk/corrections", hidden("wait", wait.id)),
        )
        for wait, identity in visit.system.staff.corrections(visit.token)
    ]
    heads = (_("User name"), _("Corrected details"), _("Requested by"), _("When"), _("Decision"))
    kinds = ("text", "text", "text", "moment", "amount")
    return (Table(_("Corrections that wait for a second person"), heads, rows, kinds=kinds),) if rows else ()


def _details(_: Language, identity: Identity) -> str:
    """Return the details of a person, one on a line, as people write them."""
    country = _.country(identity.citizenship)
    lives = _.country(identity.residence)
    document = _(DOCUMENTS.get(identity.document_type, identity.document_type))
    details = (
        (_("Date of birth"), _.day(identity.birth_date)),
        (_("Citizenship"), country),
        (_("Country of residence"), lives),
        (document, identity.document_number),
    )
    return "\n".join(f"{name}: {value}" for name, value in details)


def decision(_: Language, action: str, subject: Field) -> tuple[Form, ...]:
    """Return the two buttons that approve or refuse `subject`, which is a hidden field."""
    return (
        Form(action, _("Agree"), (subject, hidden("agreed", "yes"))),
        Form(action, _("Refuse"), (subject, hidden("agreed", "no")), danger=True),
    )


def decided(visit: Visit, page: str, decide: Callable[[bool], object]) -> Response:
    """Call `decide` with the decision of the pressed button, and redirect to `page`. If there is no decision, only redirect."""
    agreed = visit.value("agreed", 8)
    if agreed not in ("yes", "no"):
        return visit.go(page)
    decide(agreed == "yes")
    return visit.go(page, notice="decided")
