"""URLs as messages and results may show them."""

import re


def without_password(url: str) -> str:
    """Return a URL with `****` in place of its password, which stands before an @ or in a parameter."""
    url = re.sub(r"(://[^:@/]*):.*@", r"\1:****@", url)
    return re.sub(r"(?i)([?&][^=&]*pass[^=&]*=)[^&]*", r"\1****", url)
