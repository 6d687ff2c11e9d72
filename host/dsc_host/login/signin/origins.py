"""Where a login comes from, as the user sees it in the lists of sessions and of security events."""

from dataclasses import dataclass
from typing import Self

from dsc_host.records.table_rows import is_key

_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """The IP address and the name of the browser from which somebody logs in. Either is empty if it is not known."""

    address: str = ""
    browser: str = ""

    @classmethod
    def of(cls, address: str, browser: str = "") -> Self:
        """Return the origin with texts that a browser or a proxy sent, shortened. A text that is not printable is left out."""
        return cls(*(text[:_LONGEST] if is_key(text) else "" for text in (address, browser)))
