"""The confirmation of a phone number: a code is sent to it, and the user enters the code in the same session.

Two promises:

1. In a session, a user confirms a number only with a code that was sent to it, within a few minutes and a few attempts.
2. From then on, codes go to this number and no longer to earlier numbers. If a temporary device opened the session, a number
   that was not confirmed before waits for some days. If the user has the phone app, no codes are sent, but the number can be
   used to activate an app.

The session stores only a hash of the code, keyed with the session's token, which only the user's browser has. The vault keeps
the code itself, sealed, until the message was sent or its last attempt failed.
"""

import hmac
from dataclasses import replace

from sqlalchemy import Connection

from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import contacts, people, phone_numbers, users
from dsc_host.login.devices import answer_limits, codes, kinds, lifecycle, message_limits, registry, waits
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages import notices, outbox
from dsc_host.login.model import WaitState
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import session_data, sessions
from dsc_host.login.signin.session_data import AskedNumber, OpenData
from dsc_host.login.transaction import LoginTransaction
from dsc_host.login.views import SentCode
from dsc_host.records.transaction import Refused


def ask(tx: LoginTransaction, session: Session, user: User, token: str, number: str) -> tuple[str, str] | Refused:
    """Send a code to a number, which may have spaces and signs. Return the user's name and the masked number.

    Raises `InputError`. Returns a refusal after too many codes.
    """
    number = phone_numbers.without_signs(number)
    phone_numbers.check_phone(number, people.identity_of(tx.db, user).residence)
    if refusal := rate_limits.charge(
        tx, [answer_limits.offers(tx.context, user), *message_limits.messages_to_any(tx.context, user, number)]
    ):
        return Refused(refusal)
    code = codes.random_digits(tx.policy.login.code_digits)
    outbox.add(tx, user, "phone_code", channel=outbox.SMS, to=number, code=code)
    until = tx.now() + tx.policy.login.code_validity
    _keep(tx.db, session, AskedNumber(number, codes.digest(token, number, code), until, 0))
    tx.log("phone.confirm", user, "asked")
    return user.name, contacts.masked(number)


def sent(tx: LoginTransaction, session: Session) -> SentCode | None:
    """Return the number to which a code was sent in this session; None if no code can be entered now."""
    asked = OpenData.of(session).phone
    if asked is None or tx.now() >= asked.until:
        return None
    return SentCode(
        contacts.masked(asked.number),
        message_limits.again_at(tx.policy, asked.until),
        message_limits.sent_at(tx.policy, asked.until),
        tx.policy.login.code_attempts - asked.tries,
    )


def resend(tx: LoginTransaction, session: Session, user: User, token: str) -> tuple[str, str] | Refused:
    """Send a new code to the same number, in place of the last code. Return the same values as `ask`.

    Raises `NotNow` if no code is expected, and `TooManyAttempts` if the last code was sent too recently.
    """
    asked = OpenData.of(session).phone
    if asked is None or tx.now() >= asked.until:
        raise NotNow("there is nothing to answer; begin again")
    message_limits.check_again(tx, asked.until)
    return ask(tx, session, user, token, asked.number)


def answer(tx: LoginTransaction, session: Session, user: User, token: str, text: str) -> bool:
    """Return whether the code is correct. If it is, confirm the number or begin a wait. Raises `NotNow` if none is expected."""
    asked = OpenData.of(session).phone
    if asked is None or tx.now() >= asked.until:
        raise NotNow("there is nothing to answer; begin again")
    if not hmac.compare_digest(codes.digest(token, asked.number, codes.entered_digits(text)), asked.digest):
        tries = asked.tries + 1
        _keep(tx.db, session, replace(asked, tries=tries) if tries < tx.policy.login.code_attempts else None)
        tx.log("phone.confirm", user, "refused")
        return False
    _keep(tx.db, session, None)
    if waits.is_temporary(tx.db, session) and asked.number not in notices.numbers_of(tx.db, user):
        waits.begin(tx, user, waits.NewNumber(asked.number), contacts.masked(asked.number), session=session)
        tx.log("phone.confirm", user, "waits")
        return True
    if add_number(tx, user, asked.number):
        live = [device for device, _ in registry.live_of(tx, user)]
        if session.device_id not in {device.id for device in live}:
            # A code to another number opened this session. Let the session continue with the number that was just confirmed.
            answered = next(device for device in live if kinds.of(device).number(device) == asked.number)
            rows.sessions.change(tx.db, session.id, device_id=answered.id)
    sessions.end_all(tx.db, user, except_id=session.id)
    tx.log("phone.confirm", user, "done")
    return True


def add_number(tx: LoginTransaction, user: User, number: str, *, anew: bool = False, by: str = "") -> bool:
    """Record a confirmed number and notify the user. Enable SMS and call-back to the number, unless the user has the phone app.

    Return whether they were enabled. `anew` is true if support requested the change: the days of full access by SMS and
    call-back then start again, unless the user has SMS or call-back already. `by` is the name of the support member who
    requested or confirmed the change.
    """
    notified = notices.notify(tx, user, "phone_confirmed", phone=contacts.masked(number))
    contacts.add_phone(tx, user, number, notified=notified)
    waits.end(tx, user, waits.NewNumber(number), WaitState.DONE)
    if lifecycle.has_app(tx, user):
        users.invalidate_sessions(tx.db, user)
        return False
    lifecycle.enable_messages(tx, user, number, notified, anew=anew, by=by)
    return True


def add_first(tx: LoginTransaction, user: User, number: str | None) -> User:
    """Record the phone number of a new user, if the operator has confirmed one. Return the user."""
    if number is not None:
        contacts.add_phone(tx, user, number, notified=notices.new_user())
        lifecycle.enable_messages(tx, user, number, notices.new_user(), by=users.BY_OPERATOR)
    return user


def forget(tx: LoginTransaction, session: Session, user: User, phone_id: str) -> None:
    """Remove a confirmed number.

    Raises `NotFound`, and `NotNow` if the user would have no device left or if a temporary device opened the session.
    """
    phone = rows.phones.locked(tx.db, phone_id) if isinstance(phone_id, str) else None
    if phone is None or phone.user_id != user.id:
        raise NotFound("you have no such phone number")
    if all(kinds.of(device).number(device) == phone.number for device, _ in registry.live_of(tx, user)):
        raise NotNow("you would have no device left to log in with; ask support for another device first")
    if waits.is_temporary(tx.db, session):
        raise NotNow("you cannot remove a number with a temporary device; call support if this number is no longer yours")
    opened_by = rows.devices.find(tx.db, session.device_id)
    notices.notify(tx, user, "out_of_use", device=contacts.masked(phone.number))
    lifecycle.forget_number(tx, user, phone.number)
    users.invalidate_sessions(tx.db, user)
    # If a code to this number opened the session, end the session too.
    ends = opened_by is not None and kinds.of(opened_by).number(opened_by) == phone.number
    sessions.end_all(tx.db, user, except_id="" if ends else session.id)
    tx.log("phone.forget", user, "done")


def _keep(db: Connection, session: Session, asked: AskedNumber | None) -> None:
    session_data.keep(db, session.id, replace(OpenData.of(session), phone=asked))
