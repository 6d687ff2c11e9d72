"""The outbox: messages to people, written down in the transaction that is their reason, and sent afterwards.

Three promises:

1. A message is in the outbox exactly if what it tells of has happened.
2. It is sent at least once, and tried five times within some hours; what it says lies in the vault, and is gone when it was
   sent or given up.
3. What is sent is in its receiver's language: the sentences are in `messages.toml`.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Protocol

from sqlalchemy import Connection, or_

from dsc_host.errors import StoreError
from dsc_host.login import rows
from dsc_host.login.rows import Message, User
from dsc_host.login.transaction import LoginContext, LoginTransaction, find_user
from dsc_host.records import table_rows, vault

EMAIL, SMS, VOICE = "email", "sms", "voice"
PAUSES = (0, 60, 300, 1_800, 7_200)
"""The seconds after which it is tried for the first time, the second, and so on, from when it was written down."""
TRIES = len(PAUSES)
FALLBACK = "en"
_QUEUED, _SENDING, _SENT, _FAILED = "queued", "sending", "sent", "failed"
_STUCK_SECONDS = 300
_KEPT_SECONDS = 90 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Letter:
    """What a sender sends.

    `template` is the entry of `messages.toml` that the words come from, `values` what was put into them. `text` and `values`
    may hold a code: they are not shown by `repr`, and are not for any log.
    """

    id: str
    channel: str
    address: str
    subject: str
    text: str = field(repr=False)
    language: str
    at: float
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


class Sender(Protocol):
    """Brings a letter to its address, or raises."""

    def send(self, letter: Letter) -> None: ...


def tell(tx: LoginTransaction, user: User, template: str, *, channel: str = EMAIL, to: str = "", **values: str | date) -> None:
    """Put a message to `user` into the outbox. `template` is one of `messages.toml`, `values` what its sentences want.

    A day is written as the user's language writes it.
    """
    _words(template, FALLBACK)  # A template that there is not is a mistake of ours, and not found first when it is sent.
    message = Message(
        id=table_rows.new_id(),
        user_id=user.id,
        channel=channel,
        address=to or user.email,
        template=template,
        language=user.language,
        state=_QUEUED,
        at=tx.now(),
        tries=0,
        trouble="",
    )
    rows.messages.add(tx.db, message)
    written = {name: _written(value, user.language) if isinstance(value, date) else value for name, value in values.items()}
    vault.put(tx.cards, _secret(message.id), json.dumps({"name": user.name, **written}).encode())


def deliver(context: LoginContext, senders: Mapping[str, Sender], *, codes_for: str | None = None, most: int = 100) -> int:
    """Send what waits, oldest first, each over its channel's sender, and return how many were sent. None of it raises.

    `codes_for`: only SMS and calls to the user of this name, who waits for them: not for everybody's mail.
    """
    column, now = rows.messages.c, context.now()
    due = or_(*((column.tries == tries) & (column.at <= now - pause) for tries, pause in enumerate(PAUSES)))
    waiting = (column.state == _QUEUED) & due
    if codes_for is not None:
        user = context.read(lambda tx: find_user(tx.db, codes_for))
        waiting &= column.channel.in_((SMS, VOICE)) & (column.user_id == (user.id if user else ""))
    ids = context.read(lambda tx: [m.id for m in rows.messages.all(tx.db, waiting, order=rows.messages.c.at, most=most)])
    return sum(_sent(context, senders, message_id) for message_id in ids)


def forget_old(tx: LoginTransaction) -> None:
    """What was sent, or given up, long ago."""
    rows.messages.remove(
        tx.db, rows.messages.c.state.in_((_SENT, _FAILED)), rows.messages.c.at < tx.now() - _KEPT_SECONDS
    )  # fmt: skip


def retry_stuck(tx: LoginTransaction) -> None:
    """Queue again what was being sent when its process ended."""
    stuck = (rows.messages.c.state == _SENDING) & (rows.messages.c.at < tx.now() - _STUCK_SECONDS)
    for message in rows.messages.all(tx.db, stuck, most=100):
        _queue_again(tx.db, message, "its process ended")


def _sent(context: LoginContext, senders: Mapping[str, Sender], message_id: str) -> bool:
    letter = context.change(lambda tx: _taken(tx, message_id))
    if letter is None:
        return False
    trouble = ""
    try:
        senders[letter.channel].send(letter)
    except KeyError:
        trouble = f"there is no sender for {letter.channel}"
    except Exception as error:  # Whatever a sender raises, the others' letters are sent.
        trouble = type(error).__name__
    context.change(lambda tx: _record(tx.db, message_id, trouble))
    return not trouble


def _taken(tx: LoginTransaction, message_id: str) -> Letter | None:
    """The letter, now this process's to send; None if another one has it."""
    message = rows.messages.locked(tx.db, message_id)
    if message is None or message.state != _QUEUED:
        return None
    try:
        values: dict[str, str] = json.loads(vault.get(tx.cards, _secret(message_id)) or b"{}")
        subject, text = (part.format_map(values) for part in _words(message.template, message.language))
    except (StoreError, KeyError):
        # Somebody has changed it, or an older version of ours has written it: the others' letters are sent.
        rows.messages.change(tx.db, message_id, state=_FAILED, trouble="its words do not open")
        vault.forget(tx.db, _secret(message_id))
        return None
    rows.messages.change(tx.db, message_id, state=_SENDING, tries=message.tries + 1)
    return Letter(
        message.id, message.channel, message.address, subject, text, message.language, message.at, message.template, values
    )  # fmt: skip


def _record(db: Connection, message_id: str, trouble: str) -> None:
    message = rows.messages.locked(db, message_id)
    if message is None:
        return
    if trouble:
        _queue_again(db, message, trouble)
        return
    rows.messages.change(db, message_id, state=_SENT, trouble="")
    vault.forget(db, _secret(message_id))


def _queue_again(db: Connection, message: Message, trouble: str) -> None:
    """For the next try, if there is one left."""
    state = _QUEUED if message.tries < TRIES else _FAILED
    rows.messages.change(db, message.id, state=state, trouble=trouble[:200])
    if state == _FAILED:
        vault.forget(db, _secret(message.id))


def _secret(message_id: str) -> str:
    return f"message:{message_id}"


def _written(day: date, language: str) -> str:
    return day.isoformat() if language == FALLBACK else day.strftime("%d.%m.%Y")


def _words(template: str, language: str) -> tuple[str, str]:
    """Subject and text. Raises `KeyError` for a template that there is not."""
    entry = _templates()[template]
    words = entry.get(language) or entry[FALLBACK]
    return words["subject"], words["text"]


@cache
def _templates() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads(files("dsc_host.login.messages").joinpath("messages.toml").read_text("utf-8"))


def templates() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """All of them: by name and language, `subject` and `text`."""
    return _templates()


@dataclass(frozen=True, slots=True)
class Calling:
    """A sender that calls a function: for tests, demonstrations, and whatever has a function to send by."""

    function: Callable[[Letter], None]

    def send(self, letter: Letter) -> None:
        self.function(letter)
