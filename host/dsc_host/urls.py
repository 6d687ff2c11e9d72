"""URLs without their passwords, for messages and results."""

import re


def without_password(url: str) -> str:
    """Return a URL with `****` in place of each password, whether it is before the host or in a parameter."""
    url = re.sub(r"(://[^:@/]*):.*@", r"\1:****@", url)
    return re.sub(r"(?i)([?&][^=&]*pass[^=&]*=)[^&]*", r"\1****", url)
