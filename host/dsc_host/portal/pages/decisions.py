"""Decisions of a second person: the corrections that wait, the question for the reason, and past decisions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import CheckedPerson, Identity, NotFound, Role, WaitView
from dsc_host.portal.components import DANGER, SUCCESS
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Cell, Field, Form, Link, Row, Table, View, hidden
from dsc_host.portal.wording import DOCUMENTS, KINDS

Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a decision: facts, and blocks that compare people or details."""

    facts: Facts
    blocks: Sequence[Block] = ()


_REASON_LETTERS = 200


def decide_correction(visit: Visit) -> Response:
    """Approve or refuse a correction, as the second person."""
    _, staff = visit._, visit.system.staff
    page = "/compliance" if visit.visitor().role is Role.COMPLIANCE else "/desk"

    def about(wait: str) -> Subject:
        people = _people_to_check(visit)
        for asked, identity in staff.corrections(visit.token):
            if asked.id == wait:
                user, by = (_("User name"), asked.user), (_("Requested by"), asked.asked_by)
                before = people.get(asked.user)
                if before is None:
                    return Subject((user, (_("Corrected details"), details_of(_, identity)), by))
                heads = (_("Details"), _("Before"), _("Corrected"))
                old, new = compared_details(_, before.identity), compared_details(_, identity)
                return Subject((user, by), (comparison(_, _("Corrected details"), heads, old, new),))
        raise NotFound("no such change is waiting")

    effects = (
        _("The corrected details replace the earlier ones. From then on, they identify the person."),
        _("The details stay as they are."),
    )
    return handle_decision(
        visit, page, "wait", about, lambda wait, agreed, why: staff.decide_correction(visit.token, wait, agreed, why), effects
    )


def _people_to_check(visit: Visit) -> Mapping[str, CheckedPerson]:
    """Return the people whom decisions are about, by user name. Only compliance may see them."""
    return visit.system.staff.people_to_check(visit.token) if visit.visitor().role is Role.COMPLIANCE else {}


def corrections(visit: Visit) -> Sequence[Table]:
    """Return the table of corrections that wait for a second person, or nothing if there are none."""
    _, name, people = visit._, visit.visitor().name, _people_to_check(visit)

    def details_for(user: str, identity: Identity) -> Sequence[str | Cell]:
        return _what_changes(_, identity, people.get(user)) if people else (details_of(_, identity),)

    rows = [
        _correction(_, wait, details_for(wait.user, identity), name)
        for wait, identity in visit.system.staff.corrections(visit.token)
    ]
    details = (_("Correction"), _("Unchanged")) if people else (_("Corrected details"),)
    heads = (_("User name"), *details, _("Requested by"), _("When"), _("Decision"))
    kinds = ("text", *(("change", "text") if people else ("text",)), "text", "moment", "amount")
    return (Table(_("Corrections that wait for a second person"), heads, rows, kinds=kinds),) if rows else ()


def _correction(_: Language, wait: WaitView, details: Sequence[str | Cell], name: str) -> Row:
    """Return the row of a correction. It has no buttons for the person who requested the correction."""
    cells: tuple[str | Cell, ...] = (wait.user, *details, wait.asked_by, moment_cell(_, wait.at))
    if wait.asked_by == name:
        return Row((*cells, _("A second person decides.")))
    return Row(cells, decision_buttons(_, "/desk/corrections", hidden("wait", wait.id)))


def moment_cell(_: Language, at: float) -> Cell:
    """Return the cell of the Unix time `at`: the time below the date, so that the cell leaves room for buttons."""
    return Cell(_.date(at), f"{_.time(at)}\N{NO-BREAK SPACE}UTC")


def details_of(_: Language, identity: Identity) -> str:
    """Return the details of a person, one on a line, as people write them."""
    return "\n".join(f"{name}: {value}" for name, value in _named_details(_, identity))


def _what_changes(_: Language, identity: Identity, before: CheckedPerson | None) -> tuple[str, str | Cell]:
    """Return the details that a correction changes, with their old values, and the details that stay as they are.

    If `before` is None, nobody knows which details change, and all are in the first text.
    """
    if before is None:
        return details_of(_, identity), ""
    changed, same = [], []
    for (_name, old), (name, value) in zip(_named_details(_, before.identity), _named_details(_, identity), strict=True):
        if (_name, old) == (name, value):
            same.append(f"{name}: {value}")
        else:
            changed.append(f"{name}: {old} → {value}")
    return "\n".join(changed), Cell("", "\n".join(same))


def _named_details(_: Language, identity: Identity) -> Sequence[tuple[str, str]]:
    country = _.country(identity.citizenship)
    lives = _.country(identity.residence)
    document = _(DOCUMENTS.get(identity.document_type, identity.document_type))
    return (
        (_("Date of birth"), _.day(identity.birth_date)),
        (_("Citizenship"), country),
        (_("Country of residence"), lives),
        (document, identity.document_number),
    )


def compared_details(_: Language, identity: Identity) -> Facts:
    """Return the details of a person for a comparison. The names of the details are the same for everybody."""
    *most, (document, number) = _named_details(_, identity)
    return (*most, (_("Document number"), f"{document} {number}"))


def comparison(_: Language, title: str, heads: Sequence[str], left: Facts, right: Facts) -> Table:
    """Return a table with the same facts in two versions. It marks the facts that differ."""
    rows = [
        Row((key, value, other if value == other else Cell(other, _("different"))), kind="" if value == other else "danger")
        for (key, value), (_key, other) in zip(left, right, strict=True)
    ]
    return Table(title, heads, rows, kinds=("text", "text", "lead"), even=True)


def decision_buttons(_: Language, action: str, subject: Field) -> tuple[Form, ...]:
    """Return the two buttons that lead to the approval or the refusal of `subject`, which is a hidden field."""
    return (
        Form(action, _("Agree"), (subject, hidden("agreed", "yes"))),
        Form(action, _("Refuse"), (subject, hidden("agreed", "no")), danger=True),
    )


def handle_decision(
    visit: Visit,
    page: str,
    name: str,
    about: Callable[[str], Subject],
    decide: Callable[[str, bool, str], object],
    effects: tuple[str, str],
) -> Response:
    """Ask for the reason of a decision. When it is given, call `decide`, and redirect to `page`.

    `decide` gets the id of the subject, whether it is approved, and the reason. The form's field `name` has the id. `about`
    describes the subject with this id. `effects` are two sentences: about an approval, and about a refusal. If the form has no
    decision, redirect to `page` immediately.
    """
    subject, agreed = visit.value(name, 32), visit.value("agreed", 8)
    if agreed not in ("yes", "no"):
        return visit.redirect(page)

    def question() -> View:
        effect = effects[agreed != "yes"]
        return _question(visit, page, about(subject), hidden(name, subject), effect, agreed=agreed == "yes")

    if not confirmations.is_confirmed(visit):
        return visit.show(question())
    with visit.showing_errors(question, "why"):
        why = visit.value("why", _REASON_LETTERS).strip()
        if not why and agreed == "no":
            raise InputError("why", "must be one line of 1 to {most} characters", most=_REASON_LETTERS)
        decide(subject, agreed == "yes", why)
    return visit.redirect(page, notice="decided")


def _question(visit: Visit, page: str, about: Subject, subject: Field, effect: str, *, agreed: bool) -> View:
    """Return the page that asks for the reason of a decision. A refusal needs a reason.

    The page for an approval also has a button that refuses, for a reader who has changed their mind.
    """
    _ = visit._
    hint = _("It is kept with the decision. The customer does not see it.")
    label = _("Reason (needed to refuse)") if agreed else _("Reason")
    reason = Field("why", label, hint=hint, longest=_REASON_LETTERS, optional=agreed)
    fields, path = (subject, hidden("sure", "yes"), reason), visit.action
    if agreed:
        title, form = _("Agree to this request?"), Form(path, _("Agree"), fields, refusal=("agreed", _("Refuse")))
    else:
        title, form = _("Refuse this request?"), Form(path, _("Refuse"), (*fields, hidden("agreed", "no")), danger=True)
    words = (effect, _("Those concerned are notified."), _("The decision cannot be undone."))
    view = confirmations.question(visit, title, words, about.facts, form, Link(page, _("Back")))
    return replace(view, blocks=(*about.blocks, *view.blocks), focus=not agreed)


def past_decisions(visit: Visit) -> Table:
    """Return the table of the newest decisions, by day: the person who decided, the time, and the reason."""
    _ = visit._
    rows = [
        Row(
            (
                NONE if each.at is None else _.time(each.at),
                Cell(each.user, _("with {owner}", owner=each.owner) if each.owner else ""),
                f"{_(KINDS[each.kind])} {each.device}" if each.kind is not None else _("Correction of the details"),
                Cell(_("agreed"), badge=SUCCESS) if each.agreed else Cell(_("refused"), badge=DANGER),
                Cell(each.by, each.why),
            ),
            group=NONE if each.at is None else f"{_.date(each.at)} (UTC)",
        )
        for each in visit.system.staff.decisions(visit.token)
    ]
    heads = (_("When"), _("User name"), _("Subject"), _("Decision"), _("By whom, and why"))
    return Table(_("Past decisions"), heads, rows, _("Nothing was decided yet."), ("moment", "lead"), dense=True)
