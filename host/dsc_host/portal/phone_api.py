"""The HTTP interface for phone apps: JSON over POST, without cookies.

An app identifies itself by the token of its device, except in the calls `begin` and `activate`, which set up the app.
`dsc_host.phone.protocol` defines the messages. A refusal is `{"error": {"code", "message"}}` with the HTTP status of the error.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from dsc_host.errors import DscError, InputError, out_of_memory
from dsc_host.login import Activated, Begun, LoginSystem, NotIn
from dsc_host.phone import encoding
from dsc_host.phone.protocol import Activate, App, Approve, Begin, Deny, Done, Error, Pushes, Refusal
from dsc_host.portal.refusals import status_of, with_retry_after
from dsc_host.portal.security import Rejected, read_body

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call of the app: the type of its message, and the function that answers it.

    The function gets the login system, the message, and the network address of the phone.
    """

    kind: type[T]
    answer: Callable[[LoginSystem, T, str], object]


def endpoint(system: LoginSystem, call: Call[Any]) -> Callable[[Request], Awaitable[Response]]:
    """Return the call as an endpoint for Starlette."""

    async def answered(request: Request) -> Response:
        try:
            asked = encoding.decode(await _json(request), call.kind, encoding.LONGEST)
            with out_of_memory():
                given = await run_in_threadpool(call.answer, system, asked, request.client.host if request.client else "")
                return _response(Done() if given is None else given)
        except Rejected as rejected:
            return _refusal(rejected.status, "malformed", rejected.reason)
        except encoding.NotJson:
            return _refusal(400, "malformed", "must be a JSON object")
        except NotIn:
            return _refusal(401, "NotIn", "start again")
        except DscError as error:
            return with_retry_after(_refusal(status_of(error), type(error).__name__, str(error)), error)

    return answered


def _response(message: object, status: int = 200) -> Response:
    return Response(encoding.encode(message), status, media_type="application/json")


def _refusal(status: int, code: str, message: str) -> Response:
    return _response(Error(Refusal(code, message)), status)


async def _json(request: Request) -> bytes:
    # A page of another site cannot send this type without a preflight request, which the portal refuses.
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Rejected(415, "must be application/json")
    return await read_body(request)


def _key(name: str, digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise InputError(name, "must be hex digits") from None


def _activate(system: LoginSystem, asked: Activate, _address: str) -> Activated:
    given = {name: getattr(asked, name) for name in ("biometrics_key", "recovery_key", "recovery_proof")}
    keys = {name: None if digits is None else _key(name, digits) for name, digits in given.items()}
    pin = _key("pin_key", asked.pin_key)
    return system.phones.activate(asked.ticket, asked.token, pin, proof=asked.proof, replace=asked.replace, **keys)


def _begin(system: LoginSystem, asked: Begin, address: str) -> Begun:
    return system.phones.begin(asked.name, asked.password, address, asked.phone, number=asked.number)


CALLS: Mapping[str, Call[Any]] = {
    "begin": Call(Begin, _begin),
    "activate": Call(Activate, _activate),
    "challenge": Call(App, lambda system, app, _: system.phones.challenge(app.device, app.device_token)),
    "pushes": Call(App, lambda system, app, _: Pushes(system.phones.pushes(app.device, app.device_token))),
    "approve": Call(
        Approve,
        lambda system, asked, _: system.phones.approve(
            asked.device, asked.device_token, asked.push, asked.method, asked.response
        ),
    ),
    "deny": Call(Deny, lambda system, asked, _: system.phones.deny(asked.device, asked.device_token, asked.push)),
    "remove": Call(App, lambda system, app, _: system.phones.remove(app.device, app.device_token)),
}
