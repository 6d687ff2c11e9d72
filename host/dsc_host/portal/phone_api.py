"""The HTTP interface for apps on phones: JSON over POST, without cookies, each call with the device's own token.

The field names are those of `dsc_host.login.Begun`, `Activated`, `Question` and `Push`. Bytes are hex digits. A refusal is
`{"error": {"code", "message"}}` with its status.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dsc_host.errors import DscError, InputError, OutOfMemory, out_of_memory
from dsc_host.login import LoginSystem, NotIn, Proof, TooManyAttempts
from dsc_host.portal.security import Rejected, read_body
from dsc_host.portal.site import seconds_to_wait, status_of

_LONGEST = 256
Call = Callable[[LoginSystem, "Asked"], Any]


class Asked:
    """The fields of a call. Its methods raise `InputError` for a field that is missing or malformed."""

    def __init__(self, values: Mapping[str, Any], address: str) -> None:
        self._values = values
        self.address = address

    def text(self, name: str, default: str | None = None) -> str:
        """Return a field that is a line of text of at most 256 characters."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
            raise InputError(name, f"must be a line of at most {_LONGEST} characters")
        return value

    def key(self, name: str) -> bytes | None:
        """Return a key that is given in hex digits, or None if the field is missing."""
        if self._values.get(name) is None:
            return None
        try:
            return bytes.fromhex(self.text(name))
        except ValueError:
            raise InputError(name, "must be hex digits") from None

    def proof(self) -> Proof | None:
        """Return the proof that another device was used, or None if the field is missing."""
        value = self._values.get("proof")
        if value is None:
            return None
        given = Asked(value if isinstance(value, dict) else {}, "")
        return Proof(given.text("id"), given.text("response"))

    def number(self, name: str) -> int:
        """Return a field that is a whole number, or 0 if it is missing."""
        value = self._values.get(name, 0)
        if type(value) is not int:
            raise InputError(name, "must be a whole number")
        return value

    @property
    def app(self) -> tuple[str, str]:
        """The calling app: its device id and its device token."""
        return self.text("device"), self.text("device_token")


def endpoint(system: LoginSystem, call: Call) -> Callable[[Request], Awaitable[Response]]:
    """Return the call as an endpoint for Starlette."""

    async def answered(request: Request) -> Response:
        try:
            asked = Asked(await _json(request), request.client.host if request.client else "")
            with out_of_memory():
                return JSONResponse(await run_in_threadpool(call, system, asked))
        except Rejected as rejected:
            return _refusal(rejected.status, "malformed", rejected.reason)
        except NotIn:
            return _refusal(401, "NotIn", "start again")
        except DscError as error:
            response = _refusal(status_of(error), type(error).__name__, str(error))
            if isinstance(error, TooManyAttempts | OutOfMemory):
                response.headers["retry-after"] = seconds_to_wait(error)
            return response

    return answered


def _refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)


async def _json(request: Request) -> dict[str, Any]:
    # Another site's page cannot send this type without a preflight request, and the portal refuses that.
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Rejected(415, "must be application/json")
    try:
        values = json.loads(await read_body(request))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Rejected(400, "must be a JSON object")
    return values


# ---- the calls ----


def begin(system: LoginSystem, asked: Asked) -> Any:
    """Start the activation of an app, with the user's name and password."""
    return asdict(system.phones.begin(asked.text("name"), asked.text("password"), asked.address, asked.number("phone")))


def activate(system: LoginSystem, asked: Asked) -> Any:
    """Activate the app with the token from the SMS and the app's keys."""
    keys = asked.key("pin_key") or b"", asked.key("biometrics_key")
    return asdict(system.phones.activate(asked.text("ticket"), asked.text("token"), *keys, asked.proof()))


def challenge(system: LoginSystem, asked: Asked) -> Any:
    """Return a question that the app answers to prove that it holds its key."""
    return asdict(system.phones.challenge(*asked.app))


def pushes(system: LoginSystem, asked: Asked) -> Any:
    """Return the logins that wait for the app's approval."""
    return {"pushes": [asdict(push) for push in system.phones.pushes(*asked.app)]}


def approve(system: LoginSystem, asked: Asked) -> Any:
    """Approve a login with a response to its question."""
    system.phones.approve(*asked.app, asked.text("push"), asked.text("method"), asked.text("response"))
    return {}


def deny(system: LoginSystem, asked: Asked) -> Any:
    """Deny a login."""
    system.phones.deny(*asked.app, asked.text("push"))
    return {}


def remove(system: LoginSystem, asked: Asked) -> Any:
    """Remove the app from the user's devices."""
    system.phones.remove(*asked.app)
    return {}


CALLS: Mapping[str, Call] = {
    "begin": begin,
    "activate": activate,
    "challenge": challenge,
    "pushes": pushes,
    "approve": approve,
    "deny": deny,
    "remove": remove,
}
