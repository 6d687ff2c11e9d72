"""The phone app: it activates users, approves logins, and computes responses without a network. Each user has a separate key.

Three promises:

1. Before the app sends or shows a response, it stores the next counter in its file. So no counter is used twice, even after a
   crash or a loss of power.
2. The file is replaced completely or not at all, and only its owner can read it. A damaged file is never overwritten.
3. The app sends responses and keys, and never the PIN.
"""

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, Protocol

import msgspec

from dsc_host.errors import DscError, InputError
from dsc_host.files import sync_name
from dsc_host.ocra import Suite
from dsc_host.phone import encoding
from dsc_host.phone.keys import KEY_BYTES, biometrics_key, check_pin, pin_key, recovery_key
from dsc_host.phone.protocol import Activated, Begun, Proof, Push, Question

PIN, FINGER = "pin", "biometrics"
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
_MOST_BYTES = 256 * 1024
_LETTERS = {PIN: "P", FINGER: "B"}
_changing = threading.Lock()
"""The lock that a thread holds from the reading of an app's file to its replacement. `alone` is for several processes."""
Count = Annotated[int, msgspec.Meta(ge=0)]


class Server(Protocol):
    """The calls that the app makes to the login system, in the same process or over HTTP."""

    def begin(self, name: str, password: str, *, phone: int = 0, number: str = "") -> Begun:
        """Start an activation. Send the token to the user's phone number with the index `phone`, or to `number`."""

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

    def challenge(self, device: str, device_token: str) -> Question:
        """Return a question that the app answers before it adds another user."""

    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]:
        """Return the logins that wait for approval."""

    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None:
        """Approve the login of a push with a response to the push's question."""

    def deny(self, device: str, device_token: str, push: str) -> None:
        """Deny the login of a push."""

    def remove(self, device: str, device_token: str) -> None:
        """Remove the app from the user's devices."""


@dataclass(frozen=True, slots=True)
class User:
    """One user of the app, with a secret key, and with the next counter of each method of approval."""

    name: str
    device: str
    device_token: str = field(repr=False)
    key: str = field(repr=False)
    biometrics: bool = False
    counters: dict[str, Count] = field(default_factory=lambda: {PIN: 0, FINGER: 0})

    def __post_init__(self) -> None:
        """Raise `ValueError` if the key is not 32 bytes in hex, or if the counters are not those of the two methods."""
        if len(bytes.fromhex(self.key)) != KEY_BYTES or self.counters.keys() != {PIN, FINGER}:
            raise ValueError


@dataclass(frozen=True, slots=True)
class _Content:
    """The content of the app's file."""

    format: Literal[1]
    users: tuple[User, ...]


class PhoneApp:
    """The app on one phone. It keeps all its data in one file."""

    def __init__(self, file: Path, server: Server) -> None:
        """Load the app from `file`, if the file exists. Raises `InputError` if it is damaged or is not a file of this app.

        The app makes its calls to `server`.
        """
        self._file = file
        self._server = server
        self._users = _load(file)

    @property
    def users(self) -> tuple[User, ...]:
        """The users of the app, in the order of their first activation."""
        return tuple(self._users.values())

    def begin(self, name: str, password: str, phone: int = 0, *, number: str = "") -> Begun:
        """Start an activation with the user's `name` and `password`: the server sends a token by SMS.

        `phone` is the index of one of the user's confirmed numbers. 0 is the most recently confirmed number. If a new `number`
        is given, the token is sent to it instead. The login system refuses a new number unless its policy allows new numbers.
        """
        return self._server.begin(name, password, phone=phone, number=number)

    def activate(
        self, begun: Begun, token: str, pin: str, *, finger: bool = False, replace: bool = False, recovery: str | None = None
    ) -> User:
        """Finish an activation with the token and the PIN.

        The first user of the app chooses the PIN. A further user needs this PIN too. With `finger`, a finger or a face can
        approve logins too. With `replace`, the user agrees that the app on their other phone is disabled. `recovery` is the PIN
        of that other app, if it differs from `pin`. Raises `InputError`, and the errors of the server.
        """
        check_pin(pin)
        key = secrets.token_bytes(KEY_BYTES)
        given = self._server.activate(
            begun.ticket,
            token,
            pin_key(key, pin),
            biometrics_key(key) if finger else None,
            self._proof(pin),
            replace=replace,
            recovery_key=recovery_key(begun.user, pin),
            recovery_proof=recovery_key(begun.user, recovery or pin) if begun.needs_recovery else None,
        )
        user = User(given.user, given.device, given.device_token, key.hex(), finger)
        with _changing:
            # Read the file again, because another program may have changed it during the call.
            self._keep({**_load(self._file), user.name: user})
        return user

    def waiting(self, name: str | None = None) -> list[tuple[User, Push]]:
        """Return the logins that wait for approval, each with its user: those of the user `name`, or of all users.

        Leave out users whose app was removed at the login system. Raises the errors of the server, also if no user is left.
        """
        found, unknown = [], []
        users = [user for user in self.users if name in (None, user.name)]
        for user in users:
            try:
                found += [(user, push) for push in self._server.pushes(user.device, user.device_token)]
            except DscError as error:
                unknown.append(_checked_unknown(error))
        if unknown and len(unknown) == len(users):
            raise unknown[0]
        return found

    def approve(self, user: User, push: Push, number: str, *, pin: str | None = None) -> None:
        """Approve a login with the PIN, or with the finger if `pin` is None. `number` is the number on the login page.

        Raises `InputError`, and sends nothing, if the number does not match. Raises the errors of the server.
        """
        if number.strip() != push.number:
            raise InputError(
                "number", "must be the number on the login page; look there again, and deny the login if you did not begin it"
            )
        method = FINGER if pin is None else PIN
        response = self._respond(user.name, push.question, method, pin)
        self._server.approve(user.device, user.device_token, push.id, method, response)

    def deny(self, user: User, push: Push) -> None:
        """Deny a login."""
        self._server.deny(user.device, user.device_token, push.id)

    def respond(self, name: str, challenge: str, *, pin: str | None = None) -> str:
        """Return the response to a challenge that the user has typed. It begins with a letter: P for the PIN, B for the finger.

        Without a `pin`, the user `name` answers with a finger or a face. Raises `InputError` for an unknown user, an invalid
        challenge or a malformed PIN.
        """
        method = FINGER if pin is None else PIN
        return _LETTERS[method] + self._respond(name, challenge, method, pin)

    def forget(self, name: str) -> None:
        """Remove the app from the devices of the user `name`, and then the user from the app.

        The app may already be removed from the devices. Raises `InputError` if there is no such user, and the errors of the
        server.
        """
        user = self._user(name)
        try:
            self._server.remove(user.device, user.device_token)
        except DscError as error:
            _checked_unknown(error)
        with _changing:
            self._keep({each: known for each, known in _load(self._file).items() if each != name})

    def _proof(self, pin: str) -> Proof | None:
        """Return a response of one user, which proves knowledge of the app's PIN.

        Return None if the app has no users, or if it was removed from the devices of all its users.
        """
        for user in self.users:
            try:
                question = self._server.challenge(user.device, user.device_token)
            except DscError as error:
                _checked_unknown(error)
            else:
                return Proof(question.id, self._respond(user.name, question.digits, PIN, pin))
        return None

    def _respond(self, name: str, question: str, method: str, pin: str | None) -> str:
        suite = Suite.parse(SUITE)
        with _changing:
            user = self._user(name)
            if method == FINGER and not user.biometrics:
                raise InputError("PIN", "must be entered, because neither a finger nor a face is enabled for this user")
            suite.encode_question(question)  # Check the challenge before a counter is used up.
            key = bytes.fromhex(user.key)
            own = biometrics_key(key) if pin is None else pin_key(key, pin)
            counter = user.counters[method]
            after = replace(user, counters={**user.counters, method: counter + 1})
            self._keep({**self._users, name: after})
        return suite.response(own, question, counter=counter)

    def _user(self, name: str) -> User:
        # Read the file again, because another process may have used the app in the meantime.
        self._users = _load(self._file)
        if name not in self._users:
            raise InputError("name", "{name} is not activated in this app", name=name)
        return self._users[name]

    def _keep(self, users: dict[str, User]) -> None:
        _write(self._file, encoding.encode(_Content(1, tuple(users.values()))))
        self._users = users

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands from using this app while the block runs. Raises `InputError` if another command uses it now."""
        lock = self._file.with_name(self._file.name + ".lock")
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise InputError("file", f"{lock} exists: another command uses the app; if none does, remove it") from None
        except OSError as error:
            raise InputError("file", f"{lock} cannot be created: {error.strerror}") from None
        try:
            os.close(handle)
            self._users = _load(self._file)
            yield
        finally:
            lock.unlink(missing_ok=True)


def _checked_unknown(error: DscError) -> DscError:
    """Return the error if it says that the login system does not know the app. Raise any other error.

    The error is the `NotFound` of `dsc_host.login` or, over HTTP, a `Refused` with this code.
    """
    if getattr(error, "code", type(error).__name__) != "NotFound":
        raise error
    return error


def _load(file: Path) -> dict[str, User]:
    if file.is_fifo():
        # Reading a pipe could wait forever.
        raise InputError("file", f"{file} is a pipe; name a file")
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError("file", f"{file} cannot be read: {error.strerror}") from None
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError
        content = msgspec.json.decode(data, type=_Content)
    except (ValueError, RecursionError):
        raise InputError(
            "file", f"{file} is not a file of this app, or it is damaged; choose another file, and activate again"
        ) from None
    return {user.name: user for user in content.users}


def _write(file: Path, content: bytes) -> None:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}.new")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        sync_name(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise InputError("file", f"{file} cannot be written: {error.strerror}") from None
