"""The ids of new withdrawals and transfers. Each form has such an id, so that a form that is sent twice makes one entry."""

import re
from typing import Any

from dsc_host.login.errors import AlreadyDone, NotNow
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records.table_rows import Rows

_FORM = re.compile("[0-9a-f]{16}")


def check_new(tx: LoginTransaction, table: Rows[Any], entry_id: str) -> None:
    """Raise `NotNow` if `entry_id` does not have the form of an id, and `AlreadyDone` if an entry with this id exists.

    The caller has locked the account.
    """
    if not isinstance(entry_id, str) or not _FORM.fullmatch(entry_id):
        raise NotNow("there is nothing to answer; begin again")
    if table.find(tx.db, entry_id) is not None:
        raise AlreadyDone
