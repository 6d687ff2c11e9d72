"""The one table of what can be asked for: routes, checks and the description are made of it, so they cannot disagree.

A login learns whether a response was accepted, and nothing that tells why not, or which cards there are. What that takes
is done here: challenges conceal, a refused challenge is refused in the same words whatever the card, verdicts are cut down.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import UNSET

from dsc_host.api import shapes
from dsc_host.api.health import Health
from dsc_host.api.metrics import MEDIA_TYPE, Metrics
from dsc_host.api.problems import Refusal
from dsc_host.api.request_bodies import Asked
from dsc_host.api.tokens import Scope
from dsc_host.errors import StoreError, UnknownCard, VerifierError
from dsc_host.verifier import Card, Verdict
from dsc_host.verifier.async_service import AsyncVerifier

CLOSED_SECONDS = 0.02
"""How long it takes at least to answer a response whose challenge is closed. It costs so little that whoever sends one after
the other would keep the service busy with reading requests. Such a connection has fifty in a second."""
_log = logging.getLogger("dsc_host.api")

A = TypeVar("A", bound=Asked)


@dataclass(slots=True)
class Call(Generic[A]):
    """One call, checked: who may do it, and what it takes."""

    verifier: AsyncVerifier
    """In the caller's name."""
    metrics: Metrics
    health: Health
    asked: A
    """The body, or the query."""
    serial: str
    """From the path; empty if there is none in it. Any text."""
    delay: float = 0
    """The seconds by which its answer is held back, once it is no longer in hand."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """One thing that can be asked for."""

    name: str
    method: str
    path: str
    scope: Scope | None
    """What a token must be good for; None: nobody needs one."""
    asked: type[A]
    gives: type | None
    """None: no body."""
    work: Callable[[Call[A]], Awaitable[object]]
    summary: str
    refusals: tuple[int, ...] = ()
    """What it may refuse with, besides what its scope, path and body bring."""
    status: int = 200
    media_type: str = "application/json"
    needs_place: bool = True
    """Whether it counts as a call in hand. What tells how the service is, must be told while it has too much to do."""

    @property
    def has_body(self) -> bool:
        return self.method in ("POST", "PUT")


# ---- the login ----


async def _challenge(call: Call[shapes.ChallengeAsked]) -> shapes.ChallengeGiven:
    try:
        challenge = await call.verifier.challenge(call.asked.serial, conceal=True)
    except UnknownCard:
        # None is unknown here; only what is no serial at all.
        raise Refusal(400, "malformed", "serial: must be 1 to 16 characters of A-Z, 0-9 and -", field="serial") from None
    except StoreError:
        raise
    except VerifierError as error:
        call.metrics.challenged(given=False)
        _log.warning("no challenge", extra={"fields": {"problem": str(error)}})
        raise _no_challenge(call.verifier.policy.challenges_within) from None
    call.metrics.challenged(given=True)
    return shapes.ChallengeGiven(challenge.id, challenge.question, challenge.expires_at)


def _no_challenge(seconds: float) -> Refusal:
    """The same for every card and every reason: the true time would tell when others asked for the card."""
    return Refusal(
        429,
        "too-many-challenges",
        "there is no challenge under this serial for now: too many were asked for",
        headers={"Retry-After": str(max(1, math.ceil(seconds)))},
    )


async def _verify(call: Call[shapes.VerifyAsked]) -> shapes.VerdictGiven:
    return _told(call, "verify", await call.verifier.verify(call.asked.id, call.asked.response))


async def _resync(call: Call[shapes.ResyncAsked]) -> shapes.VerdictGiven:
    asked = call.asked
    verdict = await call.verifier.resync(asked.first_id, asked.first_response, asked.second_id, asked.second_response)
    return _told(call, "resync", verdict)


async def _change_pin(call: Call[shapes.ChangePinAsked]) -> shapes.VerdictGiven:
    verdict = await call.verifier.change_pin(call.asked.id, call.asked.response, call.asked.new_pin)
    return _told(call, "change-pin", verdict)


def _told(call: Call[Any], operation: str, verdict: Verdict) -> shapes.VerdictGiven:
    call.metrics.judged(operation, accepted=verdict.accepted)
    if verdict.closed:
        call.delay = CLOSED_SECONDS
    return shapes.VerdictGiven(verdict.accepted, verdict.duress)


# ---- the desk ----


async def _cards(call: Call[shapes.CardsAsked]) -> shapes.CardsGiven:
    asked = call.asked
    cards = await call.verifier.cards(
        owner=None if asked.owner is UNSET else asked.owner,
        state=None if asked.state is UNSET else asked.state,
        after=asked.after,
        # One more than is given tells whether there is more.
        limit=asked.limit + 1,
    )
    more = len(cards) > asked.limit
    return shapes.CardsGiven(cards[: asked.limit], cards[asked.limit - 1].serial if more else None)


async def _enrol(call: Call[shapes.EnrolAsked]) -> Card:
    asked = call.asked
    return await call.verifier.enroll(
        asked.serial,
        key=bytes.fromhex(asked.key),
        suite=asked.suite,
        pin=asked.pin,
        counter=asked.counter,
        unlock_key=None if asked.unlock_key is None else bytes.fromhex(asked.unlock_key),
        duress_pin=asked.duress_pin,
        owners=asked.owners,
    )


async def _card(call: Call[shapes.NothingAsked]) -> Card:
    return await call.verifier.card(call.serial)


async def _remove(call: Call[shapes.NothingAsked]) -> None:
    await call.verifier.remove(call.serial)


async def _suspend(call: Call[shapes.ReasonAsked]) -> Card:
    return await call.verifier.suspend(call.serial, call.asked.reason)


async def _lost(call: Call[shapes.ReasonAsked]) -> Card:
    return await call.verifier.lost(call.serial, call.asked.reason)


async def _resume(call: Call[shapes.ReasonAsked]) -> Card:
    return await call.verifier.resume(call.serial, call.asked.reason)


async def _retire(call: Call[shapes.ReasonAsked]) -> Card:
    return await call.verifier.retire(call.serial, call.asked.reason)


async def _lock(call: Call[shapes.LockAsked]) -> Card:
    return await call.verifier.lock(call.serial, call.asked.reason, call.asked.seconds)


async def _unlock(call: Call[shapes.ReasonAsked]) -> Card:
    return await call.verifier.unlock(call.serial, call.asked.reason)


async def _add_owner(call: Call[shapes.OwnerAsked]) -> Card:
    return await call.verifier.add_owner(call.serial, call.asked.owner)


async def _remove_owner(call: Call[shapes.OwnerAsked]) -> Card:
    return await call.verifier.remove_owner(call.serial, call.asked.owner)


async def _set_duress_pin(call: Call[shapes.DuressPinAsked]) -> Card:
    return await call.verifier.set_duress_pin(call.serial, call.asked.duress_pin)


async def _unlock_code(call: Call[shapes.UnlockCodeAsked]) -> shapes.UnlockCodeGiven:
    return shapes.UnlockCodeGiven(await call.verifier.unlock_code(call.serial, call.asked.challenge))


# ---- the service itself ----


async def _health(call: Call[shapes.NothingAsked]) -> shapes.HealthGiven:
    await call.health.check()
    return shapes.HealthGiven("ok")


async def _metrics(call: Call[shapes.NothingAsked]) -> msgspec.Raw:
    return msgspec.Raw(call.metrics.text())


def _on_card(verb: str, asked: type[A], work: Callable[[Call[A]], Awaitable[object]], summary: str) -> Operation[A]:
    path = f"/cards/{{serial}}/{verb}"
    return Operation(f"{verb}-card", "POST", path, Scope.DESK, asked, Card, work, summary, (409, 422))


_CODE = "/cards/{serial}/unlock-code"
_DURESS = "/cards/{serial}/duress-pin"
_LOGIN, _DESK = Scope.LOGIN, Scope.DESK
_NOTHING = shapes.NothingAsked

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        "challenge", "POST", "/challenge", _LOGIN, shapes.ChallengeAsked, shapes.ChallengeGiven, _challenge,
        "Draw a challenge. A serial that is no card's gets one too.", (429,), 201,
    ),
    Operation(
        "verify", "POST", "/verify", _LOGIN, shapes.VerifyAsked, shapes.VerdictGiven, _verify,
        "Say whether a response is the right one, once.",
    ),
    Operation(
        "resync", "POST", "/resync", _LOGIN, shapes.ResyncAsked, shapes.VerdictGiven, _resync,
        "Catch up with a card that is far ahead, by two responses in a row.",
    ),
    Operation(
        "change-pin", "POST", "/change-pin", _DESK, shapes.ChangePinAsked, shapes.VerdictGiven, _change_pin,
        "Take a new PIN, if the response was made with it.", (422,),
    ),
    Operation(
        "cards", "GET", "/cards", _DESK, shapes.CardsAsked, shapes.CardsGiven, _cards,
        "Show cards, a page at a time.", (422,),
    ),
    Operation("enrol-card", "POST", "/cards", _DESK, shapes.EnrolAsked, Card, _enrol, "Take a card in.", (409, 422), 201),
    Operation("card", "GET", "/cards/{serial}", _DESK, _NOTHING, Card, _card, "Show one card."),
    Operation(
        "remove-card", "DELETE", "/cards/{serial}", _DESK, _NOTHING, None, _remove,
        "Take an enrolment back; only the log remembers the card.", (), 204,
    ),
    _on_card("suspend", shapes.ReasonAsked, _suspend, "Accept nothing of it until it is resumed."),
    _on_card("lost", shapes.ReasonAsked, _lost, "The same, of a card that its owner misses."),
    _on_card("resume", shapes.ReasonAsked, _resume, "Take it back into use."),
    _on_card("retire", shapes.ReasonAsked, _retire, "End its life for ever, and erase its secrets."),
    _on_card("lock", shapes.LockAsked, _lock, "Lock it as wrong responses do."),
    _on_card("unlock", shapes.ReasonAsked, _unlock, "End a lock or a pause."),
    _on_card("add-owner", shapes.OwnerAsked, _add_owner, "One owner more."),
    _on_card("remove-owner", shapes.OwnerAsked, _remove_owner, "One owner less."),
    Operation(
        "set-duress-pin", "PUT", _DURESS, _DESK, shapes.DuressPinAsked, Card, _set_duress_pin,
        "Set a second PIN, which is accepted and tells the log that the owner is being forced.", (409, 422),
    ),
    Operation(
        "unlock-code", "POST", _CODE, _DESK, shapes.UnlockCodeAsked, shapes.UnlockCodeGiven, _unlock_code,
        "Make the code that unlocks a card which has locked itself.", (409, 422, 429),
    ),
    Operation("health", "GET", "/health", None, _NOTHING, shapes.HealthGiven, _health, "Whether the database answers.",
        needs_place=False,
    ),
    Operation(
        "metrics", "GET", "/metrics", Scope.METRICS, _NOTHING, str, _metrics, "Figures for Prometheus.",
        media_type=MEDIA_TYPE, needs_place=False,
    ),
)  # fmt: skip
