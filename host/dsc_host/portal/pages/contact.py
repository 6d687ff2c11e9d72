"""The page of the offices, with their telephones and the addresses for returned cards."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import NotIn
from dsc_host.login.policy.offices import Office, Telephone
from dsc_host.portal.components import WARNING, Alert, Columns, Empty, Facts, Listing, Quote
from dsc_host.portal.languages import NONE, Language, spoken_in
from dsc_host.portal.navigation import dialed
from dsc_host.portal.pages.postal_addresses import in_lines
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, View


def contact(visit: Visit) -> Response:
    """Show all offices, first the office that serves the visitor."""
    own = office_of(visit)
    others = [each for each in visit.system.policy.contact.all_offices() if each != own]
    first = _panel(visit._, own)
    if others and visit.is_logged_in():
        first = replace(first, title=visit._("Your office: {name}", name=first.title))
    rest = (Columns([_panel(visit._, each) for each in others]),) if others else ()
    return visit.show(View(visit._("Contact"), blocks=(_loss(visit), first, *rest)))


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
    _, numbers = visit._, [number for _name, number in telephones(visit._, office_of(visit))[:1]]
    # In a narrow window, a line may break before the number, but not within it.
    whole = [number.replace(" ", "\N{NO-BREAK SPACE}") for number in numbers]
    return tuple(replace(dialed(number), label=_("Call {number}", number=number)) for number in whole)


def addresses(_: Language, office: Office) -> tuple[str, ...]:
    """Return the address to which cards are sent back, and the same address in the local script, as far as they are known."""
    return tuple(_address(lines) for lines in (office.address, office.local_address) if lines)


def _address(lines: Sequence[str]) -> str:
    """Return an address in lines. The policy may have it in a single line, with commas between the parts."""
    return "\n".join(lines) if len(lines) > 1 else in_lines(lines[0])


def _loss(visit: Visit) -> Alert:
    """Return the advice for a user who has lost a device, with the office's number."""
    _, suspend = visit._, Link("/lost", visit._("Suspend the device"))
    words = _("Suspend it immediately, here or by a call.")
    return Alert(WARNING, _("Is your device lost or stolen?"), (words,), (suspend, *call_links(visit)))


def _panel(_: Language, office: Office) -> Facts | Listing:
    facts: list[tuple[str, str | Link | Quote]] = [(name, dialed(number)) for name, number in telephones(_, office)]
    if office.address:
        facts.append((_("Address for cards that are sent back"), _address(office.address)))
    if office.local_address:
        local = Quote(_address(office.local_address), spoken_in(next(iter(office.countries), "")))
        facts.append((_("The same address in local script"), local))
    title = _.region(office.name) or _("Support")
    return Facts(title, facts, stacked=True) if facts else Listing(title, (), Empty(_("Nothing is known yet."), "call"))


def _telephone(_: Language, telephone: Telephone) -> str:
    """Return the countries of a telephone, its languages, and whether it is free of charge, separated by dashes."""
    said = (
        ", ".join(map(_.country, telephone.countries)) or _("Telephone"),
        ", ".join(map(_.language, telephone.languages)),
        _("free of charge") if telephone.free else "",
    )
    words = f" {NONE} ".join(filter(None, said))
    return words[:1].upper() + words[1:]
