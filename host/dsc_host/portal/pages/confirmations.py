"""The question before an action: the consequences, and the button that carries the action out."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from dsc_host.login import NotNow
from dsc_host.login.views import Payout
from dsc_host.portal.components import DANGER, INFO, Outcome
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Form, Link, View, button


def is_confirmed(visit: Visit) -> bool:
    """Return whether the form comes from the page that asks for confirmation."""
    return visit.form.get("sure") == "yes"


def sealed(visit: Visit, path: str, **values: str) -> str:
    """Return the address of a check page, with the values of its form sealed for this session.

    The check page has its own address so that the browser's back button can return to it.
    """
    return f"{path}?kept={visit.system.proofs.seal(visit.token, path, values)}"


def kept(visit: Visit, path: str) -> Mapping[str, str]:
    """Return the values in the page's address. Return nothing if they were not sealed for this check page and session."""
    try:
        owner, values = visit.system.proofs.unseal(visit.token, visit.request.query_params.get("kept", ""))
    except NotNow:
        return {}
    return values if owner == path else {}


def check_bank(visit: Visit, paid: Payout) -> None:
    """Raise `NotNow` if the bank instructions have changed since the page with this form was shown."""
    if visit.form.get("bank", paid.bank) != paid.bank:
        raise NotNow("the bank instructions have changed meanwhile; check everything again")


def ask(
    visit: Visit,
    title: str,
    words: Sequence[str],
    facts: Sequence[tuple[str, str]],
    submit: str,
    *names: str,
    danger: bool = True,
) -> Response:
    """Ask for confirmation. The button sends the form again, with the fields that `names` lists."""
    values = {name: visit.value(name) for name in names}
    form = button(visit.action, submit, danger=danger, sure="yes", **values)
    return visit.show(question(visit, title, words, facts, form))


def question(
    visit: Visit,
    title: str,
    words: Sequence[str],
    facts: Sequence[tuple[str, str]],
    form: Form,
    back: Link | None = None,
) -> View:
    """Return the page with the facts of the action, its consequences, the form that carries it out, and a link back."""
    outcome = Outcome(visit._("What will happen"), words, DANGER if form.danger else INFO)
    return View(title, facts=facts, blocks=(outcome,), forms=(form,), back=back or Link(visit.page, visit._("Back")))
