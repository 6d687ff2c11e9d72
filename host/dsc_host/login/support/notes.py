"""Notes of support about a user.

A note is an entry of the audit log, with the staff member and the time. Nobody can change or remove a note unnoticed.
"""

from sqlalchemy import select

from dsc_host.login.accounts import field_checks
from dsc_host.login.rows import Session, User
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction, detail_of
from dsc_host.login.views import NoteView
from dsc_host.records.tables import audit
from dsc_host.schema.log_index import user_of

MOST_LETTERS = 300
MOST_SHOWN = 20
"""The number of the newest notes that support sees."""
_ACTION = "login.desk.note"


def add(tx: LoginTransaction, session: Session, staff: User, text: str) -> None:
    """Add a note about the identified caller, unless it repeats the newest note of this call.

    A form that is sent twice adds one note. Raises `InputError`, `NotAllowed`.
    """
    text = field_checks.check_line("note", text, MOST_LETTERS)
    user = calls.caller(tx, session)
    begun = calls.caller_view(tx, session).until - calls.IDENTIFIED_FOR
    newest = next(iter(of_caller(tx, session)), None)
    if newest is None or (newest.by, newest.text) != (staff.name, text) or newest.at < begun:
        tx.log("desk.note", user, "done", by=staff.name, note=text)


def of_caller(tx: LoginTransaction, session: Session) -> tuple[NoteView, ...]:
    """Return the newest notes about the identified caller, the newest first. Raises `NotAllowed`."""
    user = calls.known_caller(tx, session)
    found = (
        select(audit.c.at, audit.c.detail)
        .where(user_of == user.name, audit.c.action == _ACTION)
        .order_by(audit.c.number.desc())
        .limit(MOST_SHOWN)
    )
    return tuple(_note(*entry) for entry in tx.db.execute(found))


def _note(at: float, detail: str) -> NoteView:
    said = detail_of(detail)
    return NoteView(at, said.get("by", ""), said.get("note", ""))
