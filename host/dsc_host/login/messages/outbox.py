"""The outbox: messages to people, written in the transaction that causes them and sent afterwards.

Three promises:

1. A message is in the outbox if, and only if, the transaction that caused it was committed.
2. A message is sent in at most five attempts. The last attempt is two hours or more after the message was written. A message
   may be sent twice after a crash, or if an attempt took more than five minutes. The vault keeps the values of a message until
   the message was sent or the last attempt failed.
3. Each message is written in the language of the user who receives it. The duress alarm, which goes to the security team, is
   written in the language of the user whom it is about. The sentences are in `messages.toml`.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
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
"""The minimum number of seconds from the writing of a message to each attempt to send it."""
TRIES = len(PAUSES)
_EMAIL_CODE = "email_code"
"""The template of codes by email. They are sent immediately, like codes by SMS."""
FALLBACK = "en"
_QUEUED, _SENDING, _SENT, _FAILED = "queued", "sending", "sent", "failed"
_STUCK_SECONDS = 300
_KEPT_SECONDS = 90 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is ready to be sent.

    `template` is the entry of `messages.toml` with the sentences, and `values` are the values for its placeholders. `text` and
    `values` may contain a code: `repr` leaves them out, and they must not be logged.
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
    """A way to send messages, for example by email."""

    def send(self, letter: Letter) -> None:
        """Send a message to its address. Raises if that fails."""


def add(tx: LoginTransaction, user: User, template: str, *, channel: str = EMAIL, to: str = "", **values: str | date) -> None:
    """Put a message to `user` into the outbox.

    `template` is an entry of `messages.toml`, and `values` are the values for its placeholders. A date is written in the form
    of the user's language. The result of `moment` is written with the time of day.
    """
    _words(template, FALLBACK)  # An unknown template is a bug. Fail here, not when the message is sent.
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
    written = {name: _format_date(value, user.language) if isinstance(value, date) else value for name, value in values.items()}
    vault.put(tx.cards, _secret(message.id), json.dumps({"name": user.name, **written}).encode())


def moment(at: float) -> datetime:
    """Return a Unix time in the form in which a message names the day and the time of day."""
    return datetime.fromtimestamp(at, UTC)


def deliver(context: LoginContext, senders: Mapping[str, Sender], *, codes_for: str | None = None, most: int = 100) -> int:
    """Send at most `most` of the messages that are due, the oldest first. Return the number of sent messages.

    An error of a sender is recorded with its message. With `codes_for`, send only the messages to the user of this name that
    may contain a code, so that a user who waits for a code does not wait for other messages.
    """
    column, now = rows.messages.c, context.now()
    later = ((column.tries == tries) & (column.at <= now - pause) for tries, pause in enumerate(PAUSES) if pause)
    # The first attempt is always due, even if the clock was set back after the message was written.
    due = or_(column.tries == 0, *later)
    waiting = (column.state == _QUEUED) & due
    if codes_for is not None:
        user = context.read(lambda tx: find_user(tx.db, codes_for))
        may_be_code = column.channel.in_((SMS, VOICE)) | (column.template == _EMAIL_CODE)
        waiting &= may_be_code & (column.user_id == (user.id if user else ""))
    ids = context.read(lambda tx: [m.id for m in rows.messages.all(tx.db, waiting, order=rows.messages.c.at, most=most)])
    return sum(_sent(context, senders, message_id) for message_id in ids)


def forget_old(tx: LoginTransaction) -> None:
    """Remove messages that are more than 90 days old, and were sent or failed."""
    rows.messages.remove_free(
        tx.db, rows.messages.c.state.in_((_SENT, _FAILED)), rows.messages.c.at < tx.now() - _KEPT_SECONDS
    )  # fmt: skip


def retry_stuck(tx: LoginTransaction) -> None:
    """Queue messages again whose attempt began more than five minutes ago and has not finished.

    The process that made the attempt has probably ended.
    """
    column, latest = rows.messages.c, tx.now() - _STUCK_SECONDS
    # An older version does not record when an attempt begins. It never begins before it is due, so take this time.
    due = or_(*((column.tries == tries) & (column.at < latest - pause) for tries, pause in enumerate(PAUSES, 1)))
    begun = (column.claimed_at < latest) | (column.claimed_at.is_(None) & due)
    for message in rows.messages.all(tx.db, (column.state == _SENDING) & begun, most=100):
        # The attempt may have finished since this was read.
        if rows.messages.locked_if_free(tx.db, message.id) == message:
            _queue_again(tx.db, message, "its process ended")


def _sent(context: LoginContext, senders: Mapping[str, Sender], message_id: str) -> bool:
    taken = context.change(lambda tx: _take(tx, message_id))
    if taken is None:
        return False
    letter, tries = taken
    trouble = _send(senders.get(letter.channel), letter)
    context.change(lambda tx: _record(tx.db, message_id, tries, trouble))
    return not trouble


def _send(sender: Sender | None, letter: Letter) -> str:
    """Send a message. Return the reason if that fails, or empty text."""
    if sender is None:
        return f"there is no sender for {letter.channel}"
    try:
        sender.send(letter)
    except Exception as error:  # One failing message must not stop the others, whatever the sender raises.
        return type(error).__name__
    return ""


def _take(tx: LoginTransaction, message_id: str) -> tuple[Letter, int] | None:
    """Mark a message as being sent. Return it, with the number of this attempt: 1 for the first.

    Return None if another process has taken it, or if it cannot be read.
    """
    message = rows.messages.locked(tx.db, message_id)
    if message is None or message.state != _QUEUED:
        return None
    try:
        values: dict[str, str] = json.loads(vault.get(tx.cards, _secret(message_id)) or b"{}")
        subject, text = (part.format_map(values) for part in _words(message.template, message.language))
    except (StoreError, KeyError):
        # The row was tampered with, or an older version wrote it. The other messages must still be sent.
        rows.messages.change(tx.db, message_id, state=_FAILED, trouble="its values or its template cannot be read")
        vault.forget(tx.db, _secret(message_id))
        return None
    tries = message.tries + 1
    rows.messages.change(tx.db, message_id, state=_SENDING, tries=tries, claimed_at=tx.now())
    letter = Letter(
        message.id, message.channel, message.address, subject, text, message.language, message.at, message.template, values
    )  # fmt: skip
    return letter, tries


def _record(db: Connection, message_id: str, tries: int, trouble: str) -> None:
    """Record the result of the attempt with the number `tries`. `trouble` is the reason if it failed, or empty text."""
    message = rows.messages.locked(db, message_id)
    if message is None:
        return
    if trouble:
        # If this attempt took too long, `retry_stuck` has queued the message again, and another attempt may have sent it.
        if (message.state, message.tries) == (_SENDING, tries):
            _queue_again(db, message, trouble)
        return
    # Even a late attempt has sent the message, so no further attempt is needed.
    rows.messages.change(db, message_id, state=_SENT, trouble="", claimed_at=None)
    vault.forget(db, _secret(message_id))


def _queue_again(db: Connection, message: Message, trouble: str) -> None:
    """Queue a message for the next attempt, or mark it as failed after the last attempt."""
    state = _QUEUED if message.tries < TRIES else _FAILED
    rows.messages.change(db, message.id, state=state, trouble=trouble[:200], claimed_at=None)
    if state == _FAILED:
        vault.forget(db, _secret(message.id))


def _secret(message_id: str) -> str:
    return f"message:{message_id}"


def _format_date(day: date, language: str) -> str:
    time = f", {day:%H:%M} UTC" if isinstance(day, datetime) else ""
    return (f"{day:%b} {day.day}, {day.year}" if language == FALLBACK else day.strftime("%d.%m.%Y")) + time


def _words(template: str, language: str) -> tuple[str, str]:
    """Return the subject and the text of a template. Raises `KeyError` for an unknown template."""
    entry = templates()[template]
    words = entry.get(language) or entry[FALLBACK]
    return words["subject"], words["text"]


@cache
def templates() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return all templates. Each maps a language to `subject` and `text`."""
    return tomllib.loads(files("dsc_host.login.messages").joinpath("messages.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Calling:
    """A sender that calls a function, for tests and demonstrations."""

    function: Callable[[Letter], None]

    def send(self, letter: Letter) -> None:
        """Call the function with the message."""
        self.function(letter)
