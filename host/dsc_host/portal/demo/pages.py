"""The first page of the demonstration, the page of sent messages, and the extension of the portal by these pages."""

from collections.abc import Callable, Mapping
from functools import partial

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.portal.demo import card_pages, component_page, phone_pages
from dsc_host.portal.demo.demonstration import PIN, SESAME, Demonstration
from dsc_host.portal.site import Extension, Handler, Visit
from dsc_host.portal.views import Field, Form, Link, Row, Table, View, button

_MOST_DAYS = 60


def overview(demo: Demonstration, visit: Visit) -> Response:
    """Show the users, and the form that lets time pass."""
    _ = visit._
    rows = [
        Row(
            (name, _(words)),
            (
                *((button("/card", _("Card"), name=name),) if demo.card_of(name) else ()),
                button("/phone", _("Phone"), name=name),
            ),
        )
        for name, words in demo.people.items()
    ]
    table = Table(_("People"), (_("User name"), _("Who"), _("Card and phone")), rows)
    days = Field("days", _("Days"), "code", value="1", longest=2)
    return visit.show(
        View(
            _("Demonstration"),
            words=(
                _(
                    "Everything here is in memory and is lost when the program ends. Anybody who can open this"
                    " page can use all of it."
                ),
                _("Everybody's password is “{password}”, and every card's PIN is {pin}.", password=SESAME, pin=PIN),
            ),
            tables=(table,),
            forms=(Form("/demonstration/time", _("Let the days pass"), (days,), legend=_("Time")),),
            links=(Link("/outbox", _("Sent messages")), Link("/login", _("Log in"))),
        )
    )


def pass_time(demo: Demonstration, visit: Visit) -> Response:
    """Let some days pass."""
    text = visit.value("days", 2)
    days = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < days <= _MOST_DAYS:
        raise InputError("days", "must be 1 to 60")
    demo.pass_days(days)
    return visit.go("/demonstration", notice="time")


def outbox(demo: Demonstration, visit: Visit) -> Response:
    """Show the sent messages, the newest first."""
    _ = visit._
    demo.system.deliver()
    rows = [Row((_.moment(each.at), f"{each.channel} {each.address}", each.text)) for each in reversed(demo.letters)]
    table = Table(_("Sent messages"), (_("When"), _("To"), _("Text")), rows, _("None."))
    return visit.show(View(_("Outbox"), tables=(table,), links=(Link("/demonstration", _("Demonstration")),)))


GET: Mapping[str, Callable[[Demonstration, Visit], Response]] = {
    "/demonstration": overview,
    "/outbox": outbox,
    "/card": card_pages.card,
    "/card.svg": card_pages.picture,
    "/card.json": card_pages.state,
    "/card.css": card_pages.style,
    "/phone": phone_pages.phone,
    component_page.PATH: component_page.components,
}
POST: Mapping[str, Callable[[Demonstration, Visit], Response]] = {
    "/demonstration/time": pass_time,
    "/card": card_pages.pick,
    "/card/press": card_pages.press,
    "/phone": phone_pages.pick,
    "/phone/begin": phone_pages.begin,
    "/phone/activate": phone_pages.activate,
    "/phone/respond": phone_pages.respond,
    "/phone/approve": phone_pages.approve,
    "/phone/deny": phone_pages.deny,
    component_page.PATH: component_page.refused,
}


def extension(demo: Demonstration) -> Extension:
    """Return the extension that adds the demonstration's pages to the portal."""

    def bound(pages: Mapping[str, Callable[[Demonstration, Visit], Response]]) -> Mapping[str, Handler]:
        return {path: partial(page, demo) for path, page in pages.items()}

    home = Link("/demonstration", "Demonstration")
    return Extension(home, bound(GET), bound(POST), demo.secret, partial(card_pages.beside, demo), demo.blank_card)
