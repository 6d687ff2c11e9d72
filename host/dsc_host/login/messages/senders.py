"""Senders of messages. `Mail` sends emails, and `Spool` writes messages into a folder for another program.

A sender that fails raises an error. `Spool` makes two promises:

1. A message is in the folder completely or not at all.
2. Only the operating-system user whose process wrote a message, and the administrator, can read it.
"""

import json
import os
import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from dsc_host.files import sync_name
from dsc_host.login.messages.outbox import Letter

_SECONDS = 10.0
_WRITTEN = ("id", "channel", "address", "subject", "text", "language", "at")
"""The fields of a message that are written into a spool. `values` is left out, because the text contains the values."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A sender of emails by SMTP.

    It uses TLS if the server offers TLS. This protects against eavesdropping only, because the certificate is not checked.
    Codes for a login are not sent by email.
    """

    host: str
    port: int
    sender: str

    def send(self, letter: Letter) -> None:
        """Send an email. Raises `OSError`, the base class of SMTP's errors."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, letter.address, letter.subject
        message.set_content(letter.text)
        # Set the header after the text: setting the content removes all content headers.
        message["Content-Language"] = letter.language
        with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as server:
            server.ehlo_or_helo_if_needed()  # The server lists its extensions in the answer to EHLO.
            if server.has_extn("starttls"):
                server.starttls()
            server.send_message(message)


@dataclass(frozen=True, slots=True)
class Spool:
    """A sender that writes one JSON file for each message into a folder, for a program that has a phone line."""

    folder: Path

    def send(self, letter: Letter) -> None:
        """Write a message into the folder. Raises `OSError`."""
        draft, file = self.folder / f".{letter.id}", self.folder / f"{letter.id}.json"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as opened:
            json.dump({name: getattr(letter, name) for name in _WRITTEN}, opened, ensure_ascii=False)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        sync_name(file)
