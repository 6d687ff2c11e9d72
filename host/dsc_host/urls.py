"""URLs without their passwords, for messages and results."""

import re


def without_password(url: str) -> str:
    """Return a URL with `****` in place of its passwords: the one before the host, and those in parameters.

    The value of each parameter whose name contains `pass` counts as a password.
    """
    url = re.sub(r"(://[^:@/]*):.*@", r"\1:****@", url)
    return re.sub(r"(?i)([?&][^=&]*pass[^=&]*=)[^&]*", r"\1****", url)
