"""The authentication contexts of OpenID Connect: the values of `acr` and `amr` in the tokens, for each kind of device."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from dsc_host.login.model import Kind

_VALUE = re.compile(r"[A-Za-z0-9:/._-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuthenticationContext:
    """A row of the policy's table: the values of `acr` and `amr` for logins with devices of these kinds."""

    value: str
    kinds: tuple[str, ...]
    """Kinds of device, or `none` for a login without a device."""
    amr: tuple[str, ...]
    """Methods as RFC 8176 names them."""


def mistake(contexts: Sequence[AuthenticationContext]) -> str:
    """Return the first mistake in the contexts of a policy; empty text if there is none."""
    kinds = [kind for each in contexts for kind in each.kinds]
    if unknown := [kind for kind in kinds if kind not in (*Kind, "none")]:
        return f"kinds: {unknown[0]} must be one of {', '.join(Kind)}, none"
    if wrong := [kind for kind in (*Kind, "none") if kinds.count(kind) != 1]:
        return f"kinds: {wrong[0]} must be in exactly one row"
    for text in (text for each in contexts for text in (each.value, *each.amr)):
        if not _VALUE.fullmatch(text):
            return "value and amr: must be 1 to 100 letters, digits and characters such as : / . _ -"
    grouped = [value for value, _ in groupby(each.value for each in contexts)]
    if len(grouped) != len(set(grouped)):
        return "value: rows with the same value must follow each other"
    return ""
