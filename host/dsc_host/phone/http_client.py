"""The client with which a phone's app calls the login system over the network: JSON over HTTP.

Two promises: it sends nothing unencrypted except to this machine itself; an answer from another kind of server is an error.
"""

import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from dsc_host.errors import DscError, InputError

T = TypeVar("T")
_SECONDS = 15.0
_MOST_BYTES = 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Refused(DscError):
    """A refusal by the login system. `code` is its name for the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(DscError):
    """A login system that cannot be reached, or a server that is not a login system."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An activation that was started."""

    ticket: str = field(repr=False)
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activated:
    """The server's answer to an activated app."""

    device: str
    device_token: str = field(repr=False)
    user: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question that the app answers before it may add another user."""

    id: str
    digits: str


@dataclass(frozen=True, slots=True)
class Push:
    """A login that waits for approval."""

    id: str
    question: str
    number: str
    user: str
    where: str


@dataclass(frozen=True, slots=True)
class Remote:
    """A server for `PhoneApp`, at a URL. Every call raises `Refused`, `Unreachable` or `InputError`."""

    url: str

    def __post_init__(self) -> None:
        """Raise `InputError` unless the URL can be the address of a login system."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            raise InputError("server", _ADDRESS) from None
        plain = re.fullmatch("[!-~]+", self.url)  # Other letters can look alike; in a host name they begin with xn--.
        if not plain or parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise InputError("server", _ADDRESS)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise InputError("server", "must begin with https://; only a server on this machine may be used without encryption")

    def begin(self, name: str, password: str, phone: int = 0) -> Begun:
        """Start an activation; the token goes to the user's phone number with this index."""
        given = self._call("begin", name=name, password=password, phone=phone)
        return Begun(_text(given, "ticket"), _texts(given, "phones"))

    def activate(
        self, ticket: str, token: str, pin_key: bytes, biometrics_key: bytes | None, proof: tuple[str, str] | None
    ) -> Activated:
        """Activate the app with the token and its keys, and with a proof if the app already has a user."""
        values: dict[str, Any] = {"ticket": ticket, "token": token, "pin_key": pin_key.hex()}
        if biometrics_key is not None:
            values["biometrics_key"] = biometrics_key.hex()
        if proof is not None:
            values["proof"] = {"id": proof[0], "response": proof[1]}
        return _parsed(Activated, self._call("activate", **values))

    def challenge(self, device: str, device_token: str) -> Question:
        """Return a question for the proof."""
        return _parsed(Question, self._call("challenge", device=device, device_token=device_token))

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        """Return the logins that wait for approval."""
        given = self._call("pushes", device=device, device_token=device_token).get("pushes")
        if not isinstance(given, list):
            raise Unreachable(_STRANGE)
        return tuple(_parsed(Push, each) for each in given)

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        """Approve a login."""
        self._call("approve", device=device, device_token=device_token, push=push, method=method, response=response)

    def deny(self, device: str, device_token: str, push: str) -> None:
        """Deny a login."""
        self._call("deny", device=device, device_token=device_token, push=push)

    def remove(self, device: str, device_token: str) -> None:
        """Remove the app from the user's devices."""
        self._call("remove", device=device, device_token=device_token)

    def _call(self, call: str, /, **values: Any) -> dict[str, Any]:
        status, body = self._send(call, json.dumps(values).encode())
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise Unreachable(_STRANGE)
        if status == 200:
            return given
        error = given.get("error")
        if not isinstance(error, dict):
            raise Unreachable(_STRANGE)
        raise Refused(_text(error, "code"), _text(error, "message"))

    def _send(self, name: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        try:
            connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
        except ValueError:
            raise InputError("server", "must have a port from 1 to 65535, or none") from None
        path = f"{parts.path.rstrip('/')}/api/phone/{name}"
        try:
            connection.request("POST", path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read(_MOST_BYTES)
        except UnicodeError:
            # The host name is malformed, for example has two dots in a row.
            raise InputError("server", _ADDRESS) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.url} cannot be reached: {error}") from None
        finally:
            connection.close()


_ADDRESS = "must be the address of the login system, for example https://login.example.com"
_STRANGE = "the server there is not a login system"


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.isprintable():
        raise Unreachable(_STRANGE)
    return value


def _texts(given: dict[str, Any], name: str) -> tuple[str, ...]:
    values = given.get(name)
    if not isinstance(values, list) or not all(isinstance(value, str) and value.isprintable() for value in values):
        raise Unreachable(_STRANGE)
    return tuple(values)


def _parsed(kind: type[T], given: Any) -> T:
    if not isinstance(given, dict):
        raise Unreachable(_STRANGE)
    return kind(**{name: _text(given, name) for name in kind.__slots__})  # type: ignore[attr-defined]
