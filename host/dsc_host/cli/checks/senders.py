"""Checks of the mail server and of the folder for an SMS gateway. These checks send no message."""

import os
import smtplib
import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from dsc_host.cli.checks.finding import Findings, failed, ok, warning
from dsc_host.login.messages.senders import Mail, Spool

MAIL, SPOOL = "mail", "spool"
_SECONDS = 5.0
_FETCHED_SECONDS = 15 * 60


def check_mail(mail: Mail) -> Findings:
    """Yield a finding about the mail server: whether it answers, offers encryption, and accepts email from our sender."""
    where = f"[{mail.host}]:{mail.port}" if ":" in mail.host else f"{mail.host}:{mail.port}"
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=_SECONDS) as server:
            server.ehlo_or_helo_if_needed()
            encrypts = server.has_extn("starttls")
            if encrypts:
                server.starttls()
                server.ehlo()
            code, answer = server.mail(mail.sender)
            server.rset()
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        yield failed(MAIL, f"{where} does not answer as a mail server: {reason}", "check --mail, and that the server runs")
        return
    except UnicodeEncodeError:
        yield failed(MAIL, f"email cannot be sent from {mail.sender}", "use an address of ASCII characters in --mail-from")
        return
    if code != 250:
        reply = answer.decode("ascii", "replace")
        yield failed(
            MAIL, f"{where} refuses email from {mail.sender}: {code} {reply}", "check --mail-from, or let the server relay it"
        )
    elif not encrypts and not _is_here(mail.host):
        yield warning(MAIL, f"{where} does not encrypt", "let the mail server offer STARTTLS, or name one on this machine")
    else:
        yield ok(MAIL, f"{where} takes email from {mail.sender}")


def _is_here(host: str) -> bool:
    """Return whether a host name or address is this machine itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def check_spool(spool: Spool, clock: Callable[[], float] = time.time) -> Findings:
    """Yield findings about the folder for an SMS gateway: its permissions, and messages that nobody fetches."""
    folder = spool.folder
    if not os.access(folder, os.W_OK | os.X_OK):
        yield failed(SPOOL, f"{folder} may not be written by this user", f"let this user own the folder: chown USER {folder}")
        return
    if sys.platform != "win32" and folder.stat().st_mode & 0o007:
        yield warning(SPOOL, f"{folder} is open to all users; it holds codes", f"chmod o-rwx {folder}")
    old = [file for file in folder.glob("*.json") if _is_older(file, clock() - _FETCHED_SECONDS)]
    if old:
        yield warning(
            SPOOL,
            f"{len(old)} messages in {folder} are older than {_FETCHED_SECONDS // 60} minutes",
            "check that the SMS gateway runs",
        )
    else:
        yield ok(SPOOL, f"{folder} is writable, and the gateway fetches the messages")


def _is_older(file: Path, time: float) -> bool:
    try:
        return file.stat().st_mtime < time
    except FileNotFoundError:
        return False
