"""Texts that only this system can make and read: codes, tokens, and requests that a browser carries through a login.

A text is a record that is sealed under the master key, for one purpose and one database. The text begins with the id of the
key. So it can still be read after a change of the master key, as long as the keyring has the old key.
"""

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from dsc_host.errors import DscError
from dsc_host.login import json_column
from dsc_host.login.transaction import LoginContext
from dsc_host.records.keys import Secret

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
_MOST_LETTERS = 4000


def seal(context: LoginContext, purpose: str, record: "DataclassInstance") -> str:
    """Return a record as a text of letters, digits, dots, hyphens and underscores."""
    key = context.cards.keys.current
    sealed = key.seal(json_column.write(record).encode(), _bound(context, purpose), Secret.VAULT)
    return f"{key.id}.{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"


def unseal(context: LoginContext, purpose: str, kind: type[T], text: str) -> T | None:
    """Return the record in a text. Return None if this system did not make the text for this purpose."""
    key_id, _, sealed = text.partition(".")
    if len(text) > _MOST_LETTERS or not text.isascii():
        return None
    try:
        data = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        plain = context.cards.keys.opener(key_id).unseal(data, _bound(context, purpose), Secret.VAULT)
    except (DscError, binascii.Error):
        return None
    return json_column.read(kind, plain.decode())


def _bound(context: LoginContext, purpose: str) -> str:
    return f"openid {purpose} {context.cards.seals.database}"
