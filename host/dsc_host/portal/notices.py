"""Notices on pages: sentences about a form that was just sent. The next page shows such a notice once.

Until then, the browser keeps the notice in a cookie. The cookie is sealed for this visitor under the master key, so a page
shows only notices that the portal itself has written for this visitor. The notices about security events, which are sent to
users as messages, are in `dsc_host.login.messages.notices`.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from dsc_host.errors import StoreError
from dsc_host.portal.languages import Language
from dsc_host.portal.wording import notice_kind, notice_words
from dsc_host.records.keys import Keyring, MasterKey, Secret

Value = str | Decimal | float
"""A value in a notice: a text, an amount of US dollars, or a Unix time."""
_TYPES: Mapping[str, type[str] | type[Decimal] | type[float]] = {"text": str, "dollars": Decimal, "time": float}
_MOST_LETTERS = 2_000


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice: the key of its sentence in `wording`, and the values in the sentence."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of the notice, which decides its color and its sign."""
        return notice_kind(self.key)

    def words(self, _: Language) -> str:
        """Return the sentence in this language, with its values."""
        return _(notice_words(self.key), **{name: _written(_, value) for name, value in self.values.items()})

    def sealed(self, key: MasterKey, token: str) -> str:
        """Return the notice as a text that `opened` reads only with the same token."""
        values = {name: [_type_of(value), str(value)] for name, value in self.values.items()}
        plain = json.dumps([self.key, values], ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(key.seal(plain, _bound(token), Secret.VAULT)).decode()

    @classmethod
    def opened(cls, text: str, keys: Keyring, token: str) -> "Notice | None":
        """Return the notice that was sealed for this visitor. Return None for any other text.

        Also return None for a notice of another version of the portal that this version cannot write.
        """
        if not 0 < len(text) <= _MOST_LETTERS:
            return None
        try:
            packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
            name, sealed = json.loads(keys.unseal(packed, _bound(token), Secret.VAULT))
            values = {each: _TYPES[kind](value) for each, (kind, value) in sealed.items()}
            notice_words(name).format(**values)
        except (StoreError, ValueError, KeyError):
            return None
        return cls(name, values)


def _written(_: Language, value: Value) -> str:
    match value:
        case Decimal():
            return _.dollars(value)
        case float():
            return _.moment(value)
    return value


def _type_of(value: Any) -> str:
    return next(name for name, kind in _TYPES.items() if isinstance(value, kind))


def _bound(token: str) -> str:
    return f"notice for {sha256(token.encode()).hexdigest()}"
