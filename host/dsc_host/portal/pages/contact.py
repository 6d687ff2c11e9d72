"""The page of the offices, with their telephones and the addresses for returned cards."""

import re
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import NotIn
from dsc_host.login.policy.offices import Office, Telephone
from dsc_host.portal.components import Empty, Facts, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import dialed
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, View


def contact(visit: Visit) -> Response:
    """Show all offices, first the office that serves the visitor."""
    own = office_of(visit)
    others = [each for each in visit.system.policy.contact.all_offices() if each != own]
    return visit.show(View(visit._("Contact"), blocks=[_panel(visit._, each) for each in (own, *others)]))


def office_of(visit: Visit) -> Office:
    """Return the office that serves the visitor's country of residence, or the default office for an unknown visitor."""
    try:
        return visit.system.office(visit.token)
    except NotIn:
        return visit.system.policy.contact.office()


def telephones(_: Language, office: Office) -> tuple[tuple[str, str], ...]:
    """Return the name and the number of each telephone of an office."""
    return tuple((_telephone(_, each), each.number) for each in office.telephones)


def call_links(visit: Visit) -> tuple[Link, ...]:
    """Return the link that calls the first telephone of the visitor's office, or nothing if no telephone is known."""
    numbers = telephones(visit._, office_of(visit))[:1]
    return tuple(replace(dialed(number), label=visit._("Call {number}", number=number)) for _name, number in numbers)


def in_lines(address: str) -> str:
    """Return a postal address with each part in a line of its own, as on an envelope."""
    return re.sub(r",\s+", "\n", address)


def addresses(_: Language, office: Office) -> tuple[str, ...]:
    """Return the address to which cards are sent back, and the same address in the local script, as far as they are known."""
    return tuple("\n".join(lines) for lines in (office.address, office.local_address) if lines)


def _panel(_: Language, office: Office) -> Facts | Listing:
    names = (_("Address for cards that are sent back"), _("The same address in local script"))
    sent = zip(names, addresses(_, office), strict=False)
    numbers = [(name, dialed(number)) for name, number in telephones(_, office)]
    facts: list[tuple[str, str | Link]] = [*numbers, *sent]
    title = _.region(office.name) or _("Support")
    return Facts(title, facts, stacked=True) if facts else Listing(title, (), Empty(_("Nothing is known yet."), "call"))


def _telephone(_: Language, telephone: Telephone) -> str:
    said = [
        *map(_.country, telephone.countries),
        *map(_.language, telephone.languages),
        *((_("free of charge"),) if telephone.free else ()),
    ]
    words = ", ".join(said)
    return words[:1].upper() + words[1:] if said else _("Telephone")
