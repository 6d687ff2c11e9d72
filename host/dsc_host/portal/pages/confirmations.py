"""The question before something that cannot be undone: what will happen, and a button that does it."""

from collections.abc import Sequence

from starlette.responses import Response

from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, View, button


def is_confirmed(visit: Visit) -> bool:
    """Return whether the form comes from the page that asks for confirmation."""
    return visit.form.get("sure") == "yes"


def ask(
    visit: Visit,
    title: str,
    words: Sequence[str],
    facts: Sequence[tuple[str, str]],
    submit: str,
    *names: str,
    danger: bool = True,
) -> Response:
    """Ask for confirmation. The button sends the same form again, with these fields of it."""
    values = {name: visit.value(name) for name in names}
    form = button(str(visit.request.scope["path"]), submit, danger=danger, sure="yes", **values)
    links = (Link(visit.page, visit._("Back")),)
    return visit.show(View(title, words=words, facts=facts, forms=(form,), links=links))
