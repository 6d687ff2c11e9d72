"""The pages that ask for another response of a device before an operation that weakens protection.

These pages contain the submitted form as sealed text. After a correct response, the operation continues, and the visitor need
not submit the form again.
"""

from dataclasses import replace

from starlette.responses import Response

from dsc_host.errors import DscError
from dsc_host.login import DeviceView, NotIn, NotNow, Offer
from dsc_host.portal.components import WARNING, Alert
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.offers import digits_error, read_answer, with_answer_form, wrong_answer
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, View, hidden
from dsc_host.portal.wording import KINDS, PROOFS, TITLES, device_name


def ask(visit: Visit) -> Response:
    """Ask for a proof: the submitted form was refused because a proof is needed."""
    sent = {name: value for name, value in visit.form.items() if name != "csrf"}
    return _ask_for_device(visit, visit.system.proofs.seal(visit.token, visit.action, sent))


def choose(visit: Visit) -> Response:
    """Ask for the response of the chosen device."""
    return _ask_for_answer(visit, visit.value("device", 32), visit.form.get("kept", ""))


def answer(visit: Visit) -> Response:
    """Judge the answer, and continue with the sealed form if the answer is correct."""
    kept, proofs = visit.form.get("kept", ""), visit.system.proofs
    path, form = proofs.unseal(visit.token, kept)
    offer = proofs.offer(visit.token)
    if words := digits_error(visit, offer):
        return visit.wrong(_answering(visit, offer, kept), words, 400, "answer")
    if not proofs.answer(visit.token, read_answer(visit, offer)):
        try:
            offer = proofs.offer(visit.token)
        except NotNow:
            return _ask_for_device(visit, kept, visit._("Too many responses were wrong. Try again with a new challenge."))
        return visit.wrong(_answering(visit, offer, kept), wrong_answer(visit._, offer), 401, "answer")
    handler = visit.site.posts.get(path)
    if handler is None:
        return visit.redirect(path)
    visit.form, visit.sent_to = form, path
    return handler(visit)


def _ask_for_device(visit: Visit, kept: str, error: str = "") -> Response:
    """Ask which device to use, or ask for the response if the user has a single device. Show `error` if it is given."""
    choices = visit.system.proofs.choices(visit.token)
    if not choices:
        raise NotIn
    if len(choices) == 1:
        return _ask_for_answer(visit, choices[0].id, kept, error)
    view = _choosing(visit, choices, kept)
    return visit.wrong(view, error, 401) if error else visit.show(view)


def _ask_for_answer(visit: Visit, device: str, kept: str, error: str = "") -> Response:
    view = _answering(visit, visit.system.proofs.ask(visit.token, device), kept)
    return visit.wrong(view, error, 401) if error else visit.show(view)


def _choosing(visit: Visit, devices: tuple[DeviceView, ...], kept: str) -> View:
    _ = visit._
    choices = [Choice(each.id, _(KINDS[each.kind]), device_name(each)) for each in devices]
    field = Field("device", _("Which device do you have with you?"), "radio", value=choices[0].value, choices=choices)
    form = Form("/proof", _("Continue"), (field, hidden("kept", kept)))
    blocks = _consequence(_, _path(visit, kept))
    view = View(_("Choose a device"), words=(_why(_),), blocks=blocks, forms=(form,), back=_leave(_), focus=True)
    return _with_title(visit, view, kept)


def _answering(visit: Visit, offer: Offer, kept: str) -> View:
    _ = visit._
    path = _path(visit, kept)
    consequence = _consequence(_, path)
    view = View(_(TITLES[offer.kind]), words=(_why(_),), blocks=consequence, back=_leave(_), focus=True)
    form = Form("/proof/answer", _act(_, path) or _("Continue"), (hidden("kept", kept),), danger=bool(consequence))
    return with_answer_form(visit, offer, _with_title(visit, view, kept), form)


def _consequence(_: Language, path: str) -> tuple[Alert, ...]:
    """Return the main consequence of an operation whose button is red. Return nothing for other operations."""
    consequences = {
        "/close": _("The account is closed for good: nobody can undo it."),
        "/devices/remove/confirm": _(
            "The app can then no longer be used to log in, wherever the phone is. You will be notified by email and SMS."
        ),
        "/opt-out": _("After you opt out, trading needs no device any more, only the password."),
    }
    return (Alert(WARNING, consequences[path]),) if path in consequences else ()


def _path(visit: Visit, kept: str) -> str:
    """Return the path of the operation that the sealed form starts, or empty text if the seal is broken."""
    try:
        return visit.system.proofs.unseal(visit.token, kept)[0]
    except DscError:
        return ""


def _act(_: Language, path: str) -> str:
    """Return the label of the operation that the answer completes. Return empty text if another page follows it."""
    acts = {
        "/close": _("Close the account"),
        "/devices/remove/confirm": _("Remove the app"),
        "/opt-in": _("Opt back in"),
        "/opt-out": _("Opt out"),
        "/password": _("Change the password"),
    }
    return acts.get(path, "")


def _with_title(visit: Visit, view: View, kept: str) -> View:
    """Return the view with the section and the title of the operation that the sealed form starts.

    Return the view unchanged if the seal is broken.
    """
    if not (path := _path(visit, kept)):
        return view
    title = PROOFS.get(path)
    return replace(view, title=visit._(title) if title else view.title, section=path, crumb=_act(visit._, path))


def _leave(_: Language) -> Link:
    return Link("/", _("Cancel"))


def _why(_: Language) -> str:
    return _("Use your device once more, so that nobody else can do this.")
