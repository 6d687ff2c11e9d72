"""The app itself: its users, each with a key; activation, approval, and the response without network.

Three promises:

1. A counter is in the file before a response made with it leaves the app: no two responses share one, whatever fails.
2. The file is replaced whole or not at all, and is readable by its owner alone. One that is damaged is left as it is.
3. What the app sends is a response or a key of its own making; never the PIN.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from dsc_host.errors import InputError
from dsc_host.files import keep_name
from dsc_host.ocra import Suite
from dsc_host.phone.keys import KEY_BYTES, biometrics_key, check_pin, pin_key

PIN, FINGER = "pin", "biometrics"
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
_FORMAT = 1
_MOST_BYTES = 256 * 1024
_LETTERS = {PIN: "P", FINGER: "B"}


class Begun(Protocol):
    """An activation that has begun."""

    @property
    def ticket(self) -> str: ...
    @property
    def phones(self) -> tuple[str, ...]:
        """The user's confirmed numbers, masked, the newest first."""


class Activated(Protocol):
    """What the server gives an app."""

    @property
    def device(self) -> str: ...
    @property
    def device_token(self) -> str: ...
    @property
    def user(self) -> str: ...


class Push(Protocol):
    """A login that waits for an answer."""

    @property
    def id(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def where(self) -> str: ...


class Question(Protocol):
    """What the app is asked before it takes another user in."""

    @property
    def id(self) -> str: ...
    @property
    def digits(self) -> str: ...


class Server(Protocol):
    """The login system, as the app sees it: in the same process, or over HTTP."""

    def begin(self, name: str, password: str, phone: int) -> Begun: ...
    def activate(
        self, ticket: str, token: str, pin_key: bytes, biometrics_key: bytes | None, proof: tuple[str, str] | None
    ) -> Activated: ...
    def challenge(self, device: str, device_token: str) -> Question: ...
    def pushes(self, device: str, device_token: str) -> tuple[Push, ...]: ...
    def approve(self, device: str, device_token: str, push: str, method: str, response: str) -> None: ...
    def deny(self, device: str, device_token: str, push: str) -> None: ...
    def remove(self, device: str, device_token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class User:
    """One user of the app."""

    name: str
    device: str
    device_token: str = field(repr=False)
    key: str = field(repr=False)
    biometrics: bool = False
    counters: dict[str, int] = field(default_factory=lambda: {PIN: 0, FINGER: 0})


class PhoneApp:
    """One phone's app. Its state is one file."""

    def __init__(self, file: Path, server: Server) -> None:
        """Raises `InputError` for a file that is none of the app's, or is damaged."""
        self._file = file
        self._server = server
        self._users = _load(file)

    @property
    def users(self) -> tuple[User, ...]:
        """Those who are activated, in the order in which they came."""
        return tuple(self._users.values())

    def begin(self, name: str, password: str, phone: int = 0) -> Begun:
        """The first step of an activation: a token comes by SMS.

        `phone` is which of the user's confirmed numbers it goes to; 0 is the one that was confirmed last.
        """
        return self._server.begin(name, password, phone)

    def activate(self, begun: Begun, token: str, pin: str, *, finger: bool = False) -> User:
        """The second: the token, and the PIN: a new one, or, if the app has a user already, the one that it has.

        Raises `InputError`, and what the server refuses with.
        """
        check_pin(pin)
        key = secrets.token_bytes(KEY_BYTES)
        proof = self._proof(pin)
        given = self._server.activate(begun.ticket, token, pin_key(key, pin), biometrics_key(key) if finger else None, proof)
        user = User(given.user, given.device, given.device_token, key.hex(), finger)
        self._keep({**self._users, user.name: user})
        return user

    def waiting(self) -> list[tuple[User, Push]]:
        """The logins that wait for an answer, of all users."""
        return [(user, push) for user in self.users for push in self._server.pushes(user.device, user.device_token)]

    def approve(self, user: User, push: Push, number: str, *, pin: str | None = None) -> None:
        """Let a login in: with the PIN, or without one by the finger. `number` is what the login page shows.

        Raises `InputError` for another number, before anything is sent, and what the server refuses with.
        """
        if number.strip() != push.number:
            raise InputError("number", "is not the one that this login shows; if you see another one, deny the login")
        method = FINGER if pin is None else PIN
        response = self._respond(user.name, push.question, method, pin)
        self._server.approve(user.device, user.device_token, push.id, method, response)

    def deny(self, user: User, push: Push) -> None:
        """Keep a login out."""
        self._server.deny(user.device, user.device_token, push.id)

    def respond(self, name: str, challenge: str, *, pin: str | None = None) -> str:
        """The response string to a challenge that was typed in: without network. Raises `InputError`."""
        method = FINGER if pin is None else PIN
        return _LETTERS[method] + self._respond(name, challenge, method, pin)

    def forget(self, name: str) -> None:
        """Take a user out of the app, and tell the server. Raises `InputError` if there is none."""
        user = self._user(name)
        self._server.remove(user.device, user.device_token)
        self._keep({each: known for each, known in self._users.items() if each != name})

    def _proof(self, pin: str) -> tuple[str, str] | None:
        """That who adds a user knows the app's PIN: a response by the first one."""
        if not self._users:
            return None
        first = self.users[0]
        question = self._server.challenge(first.device, first.device_token)
        return question.id, self._respond(first.name, question.digits, PIN, pin)

    def _respond(self, name: str, question: str, method: str, pin: str | None) -> str:
        user = self._user(name)
        if method == FINGER and not user.biometrics:
            raise InputError("PIN", "is needed: no finger and no face was enabled for this user")
        suite = Suite.parse(SUITE)
        suite.encode_question(question)  # Raises for what is no challenge, before a counter is spent.
        key = bytes.fromhex(user.key)
        own = biometrics_key(key) if pin is None else pin_key(key, pin)
        counter = user.counters[method]
        after = replace(user, counters={**user.counters, method: counter + 1})
        self._keep({**self._users, name: after})
        return suite.response(own, question, counter=counter)

    def _user(self, name: str) -> User:
        # Another process may have used the app meanwhile: what counts is in the file.
        self._users = _load(self._file)
        if name not in self._users:
            raise InputError("name", "{name} is not activated in this app", name=name)
        return self._users[name]

    def _keep(self, users: dict[str, User]) -> None:
        _write(self._file, {"format": _FORMAT, "users": [asdict(user) for user in users.values()]})
        self._users = users

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the block runs, no other process uses this app. Raises `InputError` if one does."""
        lock = self._file.with_name(self._file.name + ".lock")
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise InputError("file", f"{lock} is there: another command uses the app; if not, remove it") from None
        except OSError as error:
            raise InputError("file", f"{lock} cannot be made: {error.strerror}") from None
        try:
            os.close(handle)
            self._users = _load(self._file)
            yield
        finally:
            lock.unlink(missing_ok=True)


def _load(file: Path) -> dict[str, User]:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError("file", f"{file} cannot be read: {error.strerror}") from None
    try:
        content = json.loads(data) if len(data) <= _MOST_BYTES else None
        if not isinstance(content, dict) or content["format"] != _FORMAT:
            raise ValueError
        users = [_parsed(each) for each in content["users"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError("file", f"{file} is not an app's, or is damaged; name another one, and activate again") from None
    return {user.name: user for user in users}


def _parsed(values: dict[str, Any]) -> User:
    user = User(**values)
    texts = (user.name, user.device, user.device_token, user.key)
    counters = user.counters
    if not all(isinstance(text, str) for text in texts) or len(bytes.fromhex(user.key)) != KEY_BYTES:
        raise ValueError
    if not isinstance(counters, dict) or set(counters) != {PIN, FINGER}:
        raise ValueError
    if not all(type(each) is int and each >= 0 for each in counters.values()):
        raise ValueError
    return user


def _write(file: Path, content: dict[str, Any]) -> None:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}.new")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as opened:
            json.dump(content, opened)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        keep_name(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError("file", f"{file} cannot be written: {error.strerror}") from None
