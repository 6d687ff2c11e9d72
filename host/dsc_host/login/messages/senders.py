"""What brings letters to people: by mail, or into a folder from which something else takes them.

Promises: a letter is in the folder whole or not at all, and is readable by its owner alone; a sender raises if it has not sent.
"""

import json
import os
import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from dsc_host.files import keep_name
from dsc_host.login.messages.outbox import Letter

_SECONDS = 10.0
_WRITTEN = ("id", "channel", "address", "subject", "text", "language", "at")
"""What of a letter is written into a spool: not the values, which would lie there a second time."""


@dataclass(frozen=True, slots=True)
class Mail:
    """By SMTP, with TLS if the server offers it: against listeners, for its certificate is not checked. Codes go by SMS."""

    host: str
    port: int
    sender: str

    def send(self, letter: Letter) -> None:
        """Raises `OSError`, of which SMTP's own errors are."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, letter.address, letter.subject
        message.set_content(letter.text)
        # After the text: to set that drops all that was said of the content before.
        message["Content-Language"] = letter.language
        with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as server:
            server.ehlo_or_helo_if_needed()  # Before it, nothing is known of what the server offers.
            if server.has_extn("starttls"):
                server.starttls()
            server.send_message(message)


@dataclass(frozen=True, slots=True)
class Spool:
    """Into a folder: one JSON file for each letter, for whatever has a line to a phone."""

    folder: Path

    def send(self, letter: Letter) -> None:
        """Raises `OSError`."""
        draft, file = self.folder / f".{letter.id}", self.folder / f"{letter.id}.json"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as opened:
            json.dump({name: getattr(letter, name) for name in _WRITTEN}, opened, ensure_ascii=False)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        keep_name(file)
