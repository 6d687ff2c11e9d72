"""What the service answers when it refuses: one shape, RFC 9457's `application/problem+json`, and which status is whose.

No problem quotes what the caller sent, but the serial of a card that there is, nor what is stored. Otherwise its words are the
library's own for the same refusal.
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
"""When to come back after the database did not answer."""


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Why a call was refused. `type` is left out, which means `about:blank`."""

    title: str
    """The status, in HTTP's words."""
    status: int
    detail: str
    """For a person: what is wrong, and what to do."""
    error: str
    """For a program: what is wrong, in one word."""
    field: str | None = None
    """Which part of the request, if it is one."""


class Refusal(Exception):
    """A call that is not answered as asked. It changed nothing, unless `status` is 503."""

    def __init__(
        self, status: int, error: str, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, error=error, field=field)
        self.headers = dict(headers or {})

    def response(self, *, close: bool = False) -> Response:
        """Made anew each time. `close`: the connection ends with it."""
        headers = {**self.headers, "Connection": "close"} if close else self.headers
        return Response(
            msgspec.json.encode(self.problem), status_code=self.problem.status, headers=headers, media_type=MEDIA_TYPE
        )


# The first that fits counts, so children stand before their parents.
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
    """What the verifier's refusal is in HTTP."""
    # Another master key than the database's is no fault of the caller's.
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
    """Return the error's own words, without those that the caller sent."""
    if isinstance(error, UnknownCard):
        return "no card is enrolled under this serial"
    return f"{error.field}: {error.rule}" if isinstance(error, InputError) else str(error)


def unavailable() -> Refusal:
    """Without the database's own words, which are for the log: they name files and servers."""
    return Refusal(
        503,
        "database",
        "the database does not answer; nothing was changed, or at worst a challenge was used up: try again",
        headers={"Retry-After": str(BUSY_SECONDS)},
    )


def overloaded(seconds: float = 1) -> Refusal:
    """As many calls as there may be are in hand, or there is no memory for one more. `seconds`: when to come back."""
    return Refusal(
        503, "busy", "too many calls at once; nothing was changed: try again", headers={"Retry-After": str(math.ceil(seconds))}
    )


def internal() -> Refusal:
    """Nobody expected this; the log says where it happened."""
    return Refusal(500, "internal", "the service failed; its log has more")


def _wait(error: DscError) -> int | None:
    if isinstance(error, TooManyChallenges):
        return max(1, math.ceil(error.retry_after))
    if isinstance(error, TooManyUnlockCodes):
        return max(1, math.ceil(error.again_at - time.time()))
    return None
