"""The ids of new entries in an account. A form has such an id, so that the same form, sent twice, makes one entry."""

import re
from typing import Any

from dsc_host.login.errors import AlreadyDone, NotNow
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records.table_rows import Rows

_FORM = re.compile("[0-9a-f]{16}")


def check_new(tx: LoginTransaction, table: Rows[Any], entry_id: str) -> None:
    """Raise an error unless `entry_id` is an id that no entry has yet. The caller has locked the account.

    Raises `NotNow` for a text that is no id, and `AlreadyDone` if the entry exists.
    """
    if not isinstance(entry_id, str) or not _FORM.fullmatch(entry_id):
        raise NotNow("there is nothing to answer; begin again")
    if table.find(tx.db, entry_id) is not None:
        raise AlreadyDone
