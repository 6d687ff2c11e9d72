"""The change of an email address by its user: a code is sent to the new address and entered in the same session.

Three promises:

1. A user confirms a new address only with a code that was sent to it, in one session, within a few minutes and attempts.
2. A notice of the change goes to the old and the new address, and to each confirmed phone number.
3. After opting out, users cannot change the address here. Support changes it for an identified caller.

The session stores only a hash of the code, keyed with the session's token, which only the user's browser has. The vault keeps
the code itself, sealed, until the message was sent or its last attempt failed.
"""

import hmac
from dataclasses import replace

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rate_limits
from dsc_host.login.accounts import contacts, email_addresses
from dsc_host.login.devices import answer_limits, codes, message_limits
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import outbox
from dsc_host.login.profile import self_service
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import session_data
from dsc_host.login.signin.session_data import AskedEmail, OpenData
from dsc_host.login.transaction import LoginTransaction
from dsc_host.login.views import SentCode
from dsc_host.records.transaction import Refused


def ask(tx: LoginTransaction, session: Session, user: User, token: str, email: str) -> tuple[str, str] | Refused:
    """Send a code to a new address. Return the user's name and the address in its normal form.

    Raises `InputError`, `NotAllowed`, `NotNow`. Returns a refusal after too many codes.
    """
    self_service.check(tx, session, user)
    email = email_addresses.normalized(email)
    if email == user.email:
        raise InputError("email", "must differ from your current address")
    limits = [answer_limits.offers(tx.context, user), *message_limits.emails_to_any(tx.context, user, email)]
    if refusal := rate_limits.charge(tx, limits):
        return Refused(refusal)
    code = codes.random_digits(tx.policy.login.code_digits)
    outbox.add(tx, user, "email_code", to=email, code=code)
    until = tx.now() + tx.policy.login.code_validity
    _keep(tx.db, session, AskedEmail(email, codes.digest(token, email, code), until, 0))
    tx.log("user.email", user, "asked")
    return user.name, email


def answer(tx: LoginTransaction, session: Session, user: User, token: str, text: str) -> bool:
    """Return whether the code was correct. If so, change the address. Raises `NotAllowed`, `NotNow`."""
    self_service.check(tx, session, user)
    asked = OpenData.of(session).email
    if asked is None or tx.now() >= asked.until:
        raise NotNow("there is nothing to answer; begin again")
    if not hmac.compare_digest(codes.digest(token, asked.email, codes.entered_digits(text)), asked.digest):
        tries = asked.tries + 1
        _keep(tx.db, session, replace(asked, tries=tries) if tries < tx.policy.login.code_attempts else None)
        tx.log("user.email", user, "refused")
        return False
    _keep(tx.db, session, None)
    contacts.replace_email(tx, user, asked.email)
    return True


def sent(tx: LoginTransaction, session: Session) -> SentCode | None:
    """Return the address to which a code was sent in this session; None if no code can be entered now."""
    asked = OpenData.of(session).email
    if asked is None or tx.now() >= asked.until:
        return None
    return SentCode(
        asked.email,
        message_limits.again_at(tx.policy, asked.until),
        message_limits.sent_at(tx.policy, asked.until),
        tx.policy.login.code_attempts - asked.tries,
    )


def resend(tx: LoginTransaction, session: Session, user: User, token: str) -> tuple[str, str] | Refused:
    """Send a new code to the same address, in place of the last code. Return the same values as `ask`.

    Raises `NotAllowed`, `NotNow` if no code is expected, and `TooManyAttempts` if the last code was sent too recently.
    """
    asked = OpenData.of(session).email
    if asked is None or tx.now() >= asked.until:
        raise NotNow("there is nothing to answer; begin again")
    message_limits.check_again(tx, asked.until)
    return ask(tx, session, user, token, asked.email)


def _keep(db: Connection, session: Session, asked: AskedEmail | None) -> None:
    session_data.keep(db, session.id, replace(OpenData.of(session), email=asked))
