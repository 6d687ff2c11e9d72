"""Refusals on pages: the HTTP status and the form field of each error, and the sentences for bad requests."""

import math
from collections.abc import Sequence

from starlette.responses import Response

from dsc_host.errors import DscError, InputError, OutOfMemory, TooManyChallenges, VerifierError
from dsc_host.login import NotAllowed, NotFound, NotNow, TooManyAttempts, WrongCredentials
from dsc_host.portal.components import WARNING, Actions, Alert, Split
from dsc_host.portal.languages import Language
from dsc_host.portal.views import Link, View

FORBIDDEN = 403
"""The status of a form that was open for too long or came from another site, and of everything that a visitor may not do."""
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (WrongCredentials, 401),
    (TooManyAttempts, 429),
    (TooManyChallenges, 429),
    (NotAllowed, 403),
    (NotFound, 404),
    (NotNow, 409),
    (OutOfMemory, 503),
    (InputError, 400),
    (VerifierError, 503),
    (DscError, 409),
)
_REJECTIONS = {
    400: "Your browser sent an invalid form. Go back and try again.",
    403: "This page was open for too long, or came from another site. Go back, reload it, and try again.",
    408: "The form did not arrive in time. Go back and try again.",
    413: "What you entered is too long. Go back, shorten it, and try again.",
}
_PROBLEMS = {
    400: "That did not work",
    403: "You do not have permission",
    404: "Not found",
    405: "This page cannot be opened in this way",
    408: "That took too long",
    409: "This is not possible now",
    413: "That was too much",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Not possible at the moment",
}
"""The titles of the pages that explain a problem, by status."""
TRANSIENT = (429, 500, 503)
"""The statuses of problems that may be gone when the visitor opens the page again."""
_FIELD_NAMES = {
    "PIN": "pin",
    "password": "new",
    "phone": "number",
    "bank": "iban",
    "identity": "user",
    "device name": "name",
    "birth date": "birth_date",
    "document type": "document_type",
    "document number": "document_number",
}
"""The names of form fields, by the names in an `InputError`, where the two names differ."""


def status_of(error: DscError) -> int:
    """Return the HTTP status for an error."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


def with_retry_after(response: Response, error: Exception) -> Response:
    """Return the response with the header Retry-After, if the error says how long to wait."""
    if isinstance(error, TooManyAttempts | TooManyChallenges | OutOfMemory):
        response.headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    return response


def rejection(status: int) -> str:
    """Return the English sentence for a request that was rejected with this status."""
    return _REJECTIONS.get(status, _REJECTIONS[400])


def title_of(status: int) -> str:
    """Return the English title of a page that explains a problem with this status."""
    return _PROBLEMS.get(status, _PROBLEMS[400])


def problem_page(_: Language, title: str, words: str, links: Sequence[Link], *, inside: bool = False) -> View:
    """Return the page that explains a problem. The first sentence of `words` is the heading of its message.

    `links` lead to the pages where the visitor can continue. `inside` says whether the visitor is logged in. Otherwise, the
    visitor may lack a device, so the page also has links for a device that is lost or not at hand.
    """
    heading, stop, rest = words.partition(". ")
    message = Alert(WARNING, f"{heading}{stop.strip()}", (rest,) if rest else (), links)
    if inside:
        return View(title, blocks=(message,))
    ways = (
        ("shield-off", Link("/lost", _("My device is lost or stolen"), _("suspend it immediately"))),
        ("key", Link("/login/help", _("I have no device with me"), _("other ways to log in"))),
    )
    return View(title, blocks=(Split((message,), last=(Actions(_("Do you need help?"), ways),)),))


def field_of(error: DscError, default: str = "") -> str:
    """Return the name of the form field that an error is about, or `default` if the error names no field."""
    field = error.field if isinstance(error, InputError) else default
    return _FIELD_NAMES.get(field, field)
