"""Refusals of the service: answers in the form `application/problem+json` (RFC 9457), and the status for each error.

For an error of the caller, the text is the library's message, without input of the caller. Only the serial of an existing card
may be quoted. For an error of the service or the database, the text is always the same.
"""

import math
import time
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from dsc_host.errors import (
    AlreadyEnrolled,
    DscError,
    InputError,
    NoUnlockKey,
    OutOfMemory,
    StateError,
    StoreError,
    TooManyChallenges,
    TooManyUnlockCodes,
    UnknownCard,
    VerifierError,
)

MEDIA_TYPE = "application/problem+json"
BUSY_SECONDS = 5
"""The seconds after which a client may try again if the database did not answer."""


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The reason why a call was refused. `type` is left out, which means `about:blank`."""

    title: str
    """HTTP's phrase for the status."""
    status: int
    detail: str
    """The explanation for people: what is wrong, and what to do."""
    error: str
    """The code for programs."""
    field: str | None = None
    """The invalid field of the request, if a field is invalid."""


class Refusal(Exception):
    """The refusal of a call. The call has changed nothing, unless the service failed or the database did not answer."""

    def __init__(
        self, status: int, error: str, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, error=error, field=field)
        self.headers = dict(headers or {})

    def response(self, *, close: bool = False) -> Response:
        """Return a response. With `close`, the connection is closed after the response."""
        headers = {**self.headers, "Connection": "close"} if close else self.headers
        return Response(
            msgspec.json.encode(self.problem), status_code=self.problem.status, headers=headers, media_type=MEDIA_TYPE
        )


# The first match is used, so subclasses come before their base classes.
_STATUSES: tuple[tuple[type[DscError], int, str], ...] = (
    (InputError, 422, "input"),
    (UnknownCard, 404, "unknown-card"),
    (AlreadyEnrolled, 409, "already-enrolled"),
    (StateError, 409, "state"),
    (NoUnlockKey, 409, "no-unlock-key"),
    (TooManyChallenges, 429, "too-many-challenges"),
    (TooManyUnlockCodes, 429, "too-many-unlock-codes"),
    (VerifierError, 409, "refused"),
)


def refusal_of(error: DscError) -> Refusal:
    """Return the HTTP refusal for an error of the verifier."""
    # A wrong master key is an error of the operator, not of the caller.
    if isinstance(error, StoreError) or (isinstance(error, InputError) and error.field == "master key"):
        return unavailable()
    if isinstance(error, OutOfMemory):
        return overloaded(error.retry_after)
    field = error.field if isinstance(error, InputError) else None
    headers = {"Retry-After": str(wait)} if (wait := _wait(error)) is not None else {}
    for kind, status, name in _STATUSES:
        if isinstance(error, kind):
            return Refusal(status, name, _detail(error), field=field, headers=headers)
    return internal()


def _detail(error: DscError) -> str:
    """Return the error's message, without the caller's input."""
    if isinstance(error, UnknownCard):
        return "no card is enrolled under this serial"
    return f"{error.field}: {error.rule}" if isinstance(error, InputError) else str(error)


def unavailable() -> Refusal:
    """Return a refusal for an error of the database. It leaves out the error's message, which names files and servers."""
    return Refusal(
        503,
        "database",
        "the database does not answer; a change may have been recorded: check before you repeat it, and verify a response only "
        "with a new challenge",
        headers={"Retry-After": str(BUSY_SECONDS)},
    )


def overloaded(seconds: float = 1) -> Refusal:
    """Return a refusal for an overload: too many calls or requests, or no memory. `seconds` is the time until a retry."""
    return Refusal(
        503,
        "busy",
        "the service has too many calls to answer now; nothing was changed: try again",
        headers={"Retry-After": str(math.ceil(seconds))},
    )


def internal() -> Refusal:
    """Return a refusal for an unexpected error. The log names the place of the error in the code."""
    return Refusal(500, "internal", "the service failed; its log has the details")


def _wait(error: DscError) -> int | None:
    if isinstance(error, TooManyChallenges):
        return max(1, math.ceil(error.retry_after))
    if isinstance(error, TooManyUnlockCodes):
        return max(1, math.ceil(error.again_at - time.time()))
    return None
