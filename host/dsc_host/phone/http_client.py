"""The client with which the phone app calls the login system over the network: JSON over HTTP.

Two promises:

1. Nothing is sent without encryption, except to a server on this machine.
2. An answer that does not follow the protocol raises an error.
"""

import re
import ssl
from dataclasses import dataclass
from typing import TypeVar

import httpx

from dsc_host.errors import DscError, InputError
from dsc_host.phone import encoding, protocol
from dsc_host.phone.protocol import Activated, App, Begun, Done, Proof, Push, Question

T = TypeVar("T")
_SECONDS = 15.0
_MOST_BYTES = 1024 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
_ADDRESS = "must be the address of the login system, for example https://login.example.com"
_STRANGE = "{}: the server there is not a login system; correct the address"


class Refused(DscError):
    """A refusal by the login system. `code` names the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unreachable(DscError):
    """The login system cannot be reached, or the server at its address is not a login system."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The login system at `url`, as the `Server` of a `PhoneApp`.

    Every call raises `Refused` if the login system refuses it, and `Unreachable` if no login system answers. It raises
    `InputError` for an argument that is not one line of at most 256 characters, and for a malformed host name in the URL.
    """

    url: str

    def __post_init__(self) -> None:
        """Raise `InputError` unless the URL can be the address of a login system."""
        try:
            url = httpx.URL(self.url)
            named = url.scheme in ("http", "https") and url.host and not url.userinfo
        except (ValueError, httpx.InvalidURL):
            raise InputError("server", _ADDRESS) from None
        # Refuse letters outside ASCII, because some of them look like ASCII letters. A host name with such letters can be
        # written in its ASCII form, which begins with xn--.
        if not named or not re.fullmatch("[!-~]+", self.url):
            raise InputError("server", _ADDRESS)
        if url.port is not None and not 0 < url.port < 2**16:
            raise InputError("server", "must have a port from 1 to 65535, or none")
        if url.scheme == "http" and url.host not in _LOOPBACK:
            raise InputError("server", "must begin with https://; only a server on this machine may be used without encryption")

    def begin(self, name: str, password: str, *, phone: int = 0, number: str = "") -> Begun:
        """Start an activation. Send the token to the user's phone number with the index `phone`, or to `number`."""
        return self._call("begin", protocol.Begin(name, password, phone, number), Begun)

    def activate(
        self,
        ticket: str,
        token: str,
        pin_key: bytes,
        biometrics_key: bytes | None,
        proof: Proof | None,
        *,
        replace: bool,
        recovery_key: bytes | None,
        recovery_proof: bytes | None,
    ) -> Activated:
        """Finish the activation with the token and the app's keys. `proof` is a response of another user of the app, if any."""
        given = (biometrics_key, recovery_key, recovery_proof)
        biometrics, recovery, previous = (None if key is None else key.hex() for key in given)
        asked = protocol.Activate(ticket, token, pin_key.hex(), biometrics, proof, replace, recovery, previous)
        return self._call("activate", asked, Activated)

    def challenge(self, device: str, device_token: str) -> Question:
        """Return a question that the app answers before it adds another user."""
        return self._call("challenge", App(device, device_token), Question)

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        """Return the logins that wait for approval."""
        return self._call("pushes", App(device, device_token), protocol.Pushes).pushes

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        """Approve the login of a push with a response to the push's question."""
        self._call("approve", protocol.Approve(device, device_token, push, method, response), Done)

    def deny(self, device: str, device_token: str, push: str) -> None:
        """Deny the login of a push."""
        self._call("deny", protocol.Deny(device, device_token, push), Done)

    def remove(self, device: str, device_token: str) -> None:
        """Remove the app from the user's devices."""
        self._call("remove", App(device, device_token), Done)

    def _call(self, call: str, message: object, kind: type[T]) -> T:
        encoding.check_lines(message, encoding.LONGEST)
        status, body = self._send(call, encoding.encode(message))
        try:
            if status == 200:
                return encoding.decode(body, kind, _MOST_BYTES)
            refusal = encoding.decode(body, protocol.Error, _MOST_BYTES).error
        except ValueError:
            raise Unreachable(_STRANGE.format(self.url)) from None
        raise Refused(refusal.code, refusal.message)

    def _send(self, call: str, body: bytes) -> tuple[int, bytes]:
        url = httpx.URL(self.url)
        url = url.copy_with(path=f"{url.path.rstrip('/')}/api/phone/{call}", query=None, fragment=None)
        # Trust the certificates that OpenSSL trusts on this machine. Ignore proxies that environment variables name.
        client = httpx.Client(verify=ssl.create_default_context(), trust_env=False, timeout=_SECONDS)
        received = b""
        try:
            with client, client.stream("POST", url, content=body, headers=_HEADERS) as answer:
                for part in answer.iter_raw():
                    received += part
                    if len(received) > _MOST_BYTES:
                        raise Unreachable(_STRANGE.format(self.url))
                return answer.status_code, received
        except UnicodeError:
            # The host name is malformed: for example, it has two dots in a row.
            raise InputError("server", _ADDRESS) from None
        except httpx.HTTPError as error:
            raise Unreachable(
                f"{self.url} cannot be reached ({error}); is the portal running, and is this its address?"
            ) from None
