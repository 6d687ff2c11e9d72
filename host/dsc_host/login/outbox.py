"""The outbox: messages to people, written down in the transaction that is their reason, and sent afterwards.

Three promises:

1. A message is in the outbox exactly if what it tells of has happened.
2. It is sent at least once, and tried five times; a code that it holds lies in the vault, and is gone when it is sent.
3. What is sent is in its receiver's language: the sentences are in `messages.toml`.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from sqlalchemy import Connection

from dsc_host.errors import StoreError
from dsc_host.login import records, rows
from dsc_host.login.reception import Reception
from dsc_host.login.records import Message, User
from dsc_host.verifier import vault

EMAIL, SMS, VOICE = "email", "sms", "voice"
TRIES = 5
FALLBACK = "en"
_QUEUED, _SENDING, _SENT, _FAILED = "queued", "sending", "sent", "failed"
_STUCK_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Letter:
    """What a sender sends. `text` may hold a code: not for any log."""

    id: str
    channel: str
    address: str
    subject: str
    text: str
    language: str
    at: float


class Sender(Protocol):
    """Brings a letter to its address, or raises."""

    def send(self, letter: Letter) -> None: ...


def tell(
    at: Reception, db: Connection, user: User, template: str, *, channel: str = EMAIL, to: str = "", **values: str
) -> None:
    """Put a message to `user` into the outbox. `template` is one of `messages.toml`, `values` what its sentences want."""
    _words(template, FALLBACK)  # A template that there is not is a mistake of ours, and not found first when it is sent.
    message = Message(
        id=rows.new_id(),
        user_id=user.id,
        channel=channel,
        address=to or user.email,
        template=template,
        language=user.language,
        state=_QUEUED,
        at=at.now(),
        tries=0,
        trouble="",
    )
    records.messages.add(db, message)
    vault.put(at.office, db, _secret(message.id), json.dumps({"name": user.name, **values}).encode())


def deliver(at: Reception, senders: Mapping[str, Sender], *, most: int = 100) -> int:
    """Send what waits, oldest first, each over its channel's sender, and return how many were sent. None of it raises."""
    waiting = records.messages.c.state == _QUEUED
    ids = at.read(lambda db: [m.id for m in records.messages.all(db, waiting, order=records.messages.c.at, most=most)])
    return sum(_sent(at, senders, message_id) for message_id in ids)


def retry_stuck(at: Reception, db: Connection) -> None:
    """Queue again what was being sent when its process ended."""
    stuck = (records.messages.c.state == _SENDING) & (records.messages.c.at < at.now() - _STUCK_SECONDS)
    for message in records.messages.all(db, stuck, most=100):
        records.messages.change(db, message.id, state=_QUEUED if message.tries < TRIES else _FAILED)


def _sent(at: Reception, senders: Mapping[str, Sender], message_id: str) -> bool:
    letter = at.change(lambda db: _taken(at, db, message_id))
    if letter is None:
        return False
    trouble = ""
    try:
        senders[letter.channel].send(letter)
    except KeyError:
        trouble = f"there is no sender for {letter.channel}"
    except Exception as error:  # Whatever a sender raises, the others' letters are sent.
        trouble = type(error).__name__
    at.change(lambda db: _record(db, message_id, trouble))
    return not trouble


def _taken(at: Reception, db: Connection, message_id: str) -> Letter | None:
    """The letter, now this process's to send; None if another one has it."""
    message = records.messages.locked(db, message_id)
    if message is None or message.state != _QUEUED:
        return None
    try:
        values = json.loads(vault.get(at.office, db, _secret(message_id)) or b"{}")
        subject, text = (part.format_map(values) for part in _words(message.template, message.language))
    except (StoreError, KeyError):
        # Somebody has changed it, or an older version of ours has written it: the others' letters are sent.
        records.messages.change(db, message_id, state=_FAILED, trouble="its words do not open")
        return None
    records.messages.change(db, message_id, state=_SENDING, tries=message.tries + 1)
    return Letter(message.id, message.channel, message.address, subject, text, message.language, message.at)


def _record(db: Connection, message_id: str, trouble: str) -> None:
    message = records.messages.locked(db, message_id)
    if message is None:
        return
    if trouble:
        state = _QUEUED if message.tries < TRIES else _FAILED
        records.messages.change(db, message_id, state=state, trouble=trouble[:200])
        return
    records.messages.change(db, message_id, state=_SENT, trouble="")
    vault.forget(db, _secret(message_id))


def _secret(message_id: str) -> str:
    return f"message:{message_id}"


def _words(template: str, language: str) -> tuple[str, str]:
    """Subject and text. Raises `KeyError` for a template that there is not."""
    entry = _templates()[template]
    words = entry.get(language) or entry[FALLBACK]
    return words["subject"], words["text"]


@cache
def _templates() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads(files("dsc_host.login").joinpath("messages.toml").read_text("utf-8"))


def templates() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """All of them: by name and language, `subject` and `text`."""
    return _templates()


@dataclass(frozen=True, slots=True)
class Calling:
    """A sender that calls a function: for tests, demonstrations, and whatever has a function to send by."""

    function: Callable[[Letter], None]

    def send(self, letter: Letter) -> None:
        self.function(letter)
