"""The field for a postal address: in the form, each part of an address is a line. In the records, commas separate the parts."""

import re

from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field

_BETWEEN = ", "


def in_lines(address: str) -> str:
    """Return a postal address with each part in a line of its own, as on an envelope."""
    return re.sub(r",\s+", "\n", address)


def address_field(_: Language, label: str, address: str = "", *, own: bool = True) -> Field:
    """Return the field, filled in with `address`. If `own` is set, the browser may fill in the visitor's own address."""
    hint = _("Street and number, postcode and town, country. For example: 1 Harbour Road, 6300 Zug, Switzerland")
    return Field("address", label, "lines", hint, in_lines(address), autocomplete="street-address" if own else "off")


def entered_address(visit: Visit) -> str:
    """Return the address that was entered, with its lines joined. Raises `InputError` if it is too long."""
    parts = (line.strip().rstrip(",") for line in visit.value("address").splitlines())
    return _BETWEEN.join(part for part in parts if part)
