"""The field for a postal address: in the form, each part of an address is a line. In the records, commas separate the parts."""

from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field

_BETWEEN = ", "


def address_field(_: Language, label: str, address: str = "", *, own: bool = True) -> Field:
    """Return the field, filled in with `address`. If `own` is set, the browser may fill in the visitor's own address."""
    hint = _("Street and number, postcode and town, country. For example: 1 Harbour Road, 6300 Zug, Switzerland")
    lines = address.replace(_BETWEEN, "\n")
    return Field("address", label, "lines", hint, lines, autocomplete="street-address" if own else "off")


def entered_address(visit: Visit) -> str:
    """Return the address that was entered, with its lines joined. Raises `InputError` if it is too long."""
    parts = (line.strip().rstrip(",") for line in visit.value("address").splitlines())
    return _BETWEEN.join(part for part in parts if part)
