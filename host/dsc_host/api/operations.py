"""The table of all operations. The routes, the checks of requests and the OpenAPI description are made from this table.

A caller with the scope `login` learns whether a response was accepted. The caller learns neither the reason nor which cards
exist: an unknown serial gets a challenge too, the refusal of a challenge is the same for every card, and a verdict leaves out
the reason.
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
from dsc_host.ocra import fold_response
from dsc_host.verifier import Card, Verdict
from dsc_host.verifier.async_service import AsyncVerifier
from dsc_host.verifier.card_rules import SERIAL_WORDS

CLOSED_SECONDS = 0.02
"""The delay in seconds before the verdict on a response to a closed challenge.

Without the delay, a client that sends one response after the other to a closed challenge would keep the service busy with
reading requests. With the delay, the client can send at most fifty responses a second on one connection.
"""
_log = logging.getLogger("dsc_host.api")

A = TypeVar("A", bound=Asked)


@dataclass(slots=True)
class Call(Generic[A]):
    """A call whose token and input were checked, with everything that an operation needs."""

    verifier: AsyncVerifier
    """The verifier, which logs the caller's name as the actor."""
    metrics: Metrics
    health: Health
    asked: A
    """The body or the query."""
    serial: str
    """The unchecked serial from the path; empty if the path has none."""
    delay: float = 0
    """The seconds by which the answer is delayed. During the delay, the call does not count as in progress."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[A]):
    """An operation of the service."""

    name: str
    method: str
    path: str
    scope: Scope | None
    """The scope that a token must have. None means that the operation needs no token."""
    asked: type[A]
    gives: type | None
    """The type of the body of the answer. None means that the answer has no body."""
    work: Callable[[Call[A]], Awaitable[object]]
    summary: str
    refusals: tuple[int, ...] = ()
    """The statuses of refusals, in addition to those that follow from scope, path and body."""
    status: int = 200
    media_type: str = "application/json"
    is_counted: bool = True
    """Whether its calls count as calls in progress. False for `health` and `metrics`, which must answer during an overload."""

    @property
    def has_body(self) -> bool:
        """Return whether requests have a body."""
        return self.method in ("POST", "PUT")


# ---- operations of the scope login ----


async def _challenge(call: Call[shapes.ChallengeAsked]) -> shapes.ChallengeGiven:
    try:
        challenge = await call.verifier.challenge(call.asked.serial, conceal=True)
    except UnknownCard:
        # The serial is malformed. An unknown serial gets a challenge, because of `conceal`.
        raise Refusal(400, "malformed", f"serial: must be {SERIAL_WORDS}", field="serial") from None
    except StoreError:
        raise
    except VerifierError as error:
        call.metrics.challenged(given=False)
        _log.warning("no challenge", extra={"fields": {"problem": str(error)}})
        raise _no_challenge(call.verifier.policy.challenges_within) from None
    call.metrics.challenged(given=True)
    return shapes.ChallengeGiven(challenge.id, challenge.question, challenge.expires_at)


def _no_challenge(seconds: float) -> Refusal:
    """Return a refusal that is the same for every card and every reason. `seconds` becomes its `Retry-After`.

    The exact remaining time would reveal when others requested challenges for the card.
    """
    return Refusal(
        429,
        "too-many-challenges",
        "too many challenges were requested for this serial: try again later",
        headers={"Retry-After": str(max(1, math.ceil(seconds)))},
    )


def _response(response: str, typed: bool) -> str:
    return fold_response(response) if typed else response


async def _verify(call: Call[shapes.VerifyAsked]) -> shapes.VerdictGiven:
    asked = call.asked
    return _verdict_given(call, "verify", await call.verifier.verify(asked.id, _response(asked.response, asked.typed)))


async def _resync(call: Call[shapes.ResyncAsked]) -> shapes.VerdictGiven:
    asked = call.asked
    first, second = _response(asked.first_response, asked.typed), _response(asked.second_response, asked.typed)
    verdict = await call.verifier.resync(asked.first_id, first, asked.second_id, second)
    return _verdict_given(call, "resync", verdict)


async def _change_pin(call: Call[shapes.ChangePinAsked]) -> shapes.VerdictGiven:
    asked = call.asked
    verdict = await call.verifier.change_pin(asked.id, _response(asked.response, asked.typed), asked.new_pin)
    return _verdict_given(call, "change-pin", verdict)


def _verdict_given(call: Call[Any], operation: str, verdict: Verdict) -> shapes.VerdictGiven:
    call.metrics.judged(operation, accepted=verdict.accepted)
    if verdict.closed:
        call.delay = CLOSED_SECONDS
    return shapes.VerdictGiven(verdict.accepted, verdict.duress)


# ---- operations of the scope desk ----


async def _cards(call: Call[shapes.CardsAsked]) -> shapes.CardsGiven:
    asked = call.asked
    listed = call.verifier.cards(
        owner=None if asked.owner is UNSET else asked.owner,
        state=None if asked.state is UNSET else asked.state,
        after=asked.after,
        # Request one card more than a page holds, to find out whether another page follows.
        limit=asked.limit + 1,
    )
    cards = [card async for card in listed]
    more = len(cards) > asked.limit
    return shapes.CardsGiven(cards[: asked.limit], cards[asked.limit - 1].serial if more else None)


async def _enroll(call: Call[shapes.EnrollAsked]) -> Card:
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


# ---- operations about the service ----


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
        "Draw a challenge. An unknown serial gets a challenge too.", (429,), 201,
    ),
    Operation(
        "verify", "POST", "/verify", _LOGIN, shapes.VerifyAsked, shapes.VerdictGiven, _verify,
        "Verify a response. Each challenge accepts at most one response.",
    ),
    Operation(
        "resync", "POST", "/resync", _LOGIN, shapes.ResyncAsked, shapes.VerdictGiven, _resync,
        "Resynchronize a card whose counter is far ahead, with two successive responses.",
    ),
    Operation(
        "change-pin", "POST", "/change-pin", _DESK, shapes.ChangePinAsked, shapes.VerdictGiven, _change_pin,
        "Set a new PIN, if the response was made with the new PIN.", (422,),
    ),
    Operation(
        "cards", "GET", "/cards", _DESK, shapes.CardsAsked, shapes.CardsGiven, _cards,
        "List cards, a page at a time.", (422,),
    ),
    Operation("enroll-card", "POST", "/cards", _DESK, shapes.EnrollAsked, Card, _enroll, "Enroll a card.", (409, 422), 201),
    Operation("card", "GET", "/cards/{serial}", _DESK, _NOTHING, Card, _card, "Show one card."),
    Operation(
        "remove-card", "DELETE", "/cards/{serial}", _DESK, _NOTHING, None, _remove,
        "Remove a card. Only its log entries stay.", (), 204,
    ),
    _on_card("suspend", shapes.ReasonAsked, _suspend, "Suspend a card: no response is accepted until it is resumed."),
    _on_card("lost", shapes.ReasonAsked, _lost, "Report a card as lost: no response is accepted until it is resumed."),
    _on_card("resume", shapes.ReasonAsked, _resume, "Resume a suspended or lost card."),
    _on_card("retire", shapes.ReasonAsked, _retire, "Retire a card for good, and erase its secrets."),
    _on_card("lock", shapes.LockAsked, _lock, "Lock a card in the same way as too many wrong responses lock it."),
    _on_card("unlock", shapes.ReasonAsked, _unlock, "End a lock or a pause."),
    _on_card("add-owner", shapes.OwnerAsked, _add_owner, "Add an owner."),
    _on_card("remove-owner", shapes.OwnerAsked, _remove_owner, "Remove an owner."),
    Operation(
        "set-duress-pin", "PUT", _DURESS, _DESK, shapes.DuressPinAsked, Card, _set_duress_pin,
        "Set a duress PIN. Its responses are accepted, and the log says that the owner is being forced.", (409, 422),
    ),
    Operation(
        "unlock-code", "POST", _CODE, _DESK, shapes.UnlockCodeAsked, shapes.UnlockCodeGiven, _unlock_code,
        "Make the code that unlocks a card whose firmware has locked the keypad.", (409, 422, 429),
    ),
    Operation("health", "GET", "/health", None, _NOTHING, shapes.HealthGiven, _health, "Check whether the database answers.",
        is_counted=False,
    ),
    Operation(
        "metrics", "GET", "/metrics", Scope.METRICS, _NOTHING, str, _metrics, "Return metrics for Prometheus.",
        media_type=MEDIA_TYPE, is_counted=False,
    ),
)  # fmt: skip
