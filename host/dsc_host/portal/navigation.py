"""The navigation of every page: the sections that a visitor may use, and the section to which the page belongs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dsc_host.login import Role, Scope, Visitor
from dsc_host.portal.languages import Language
from dsc_host.portal.views import Link

_BELOW = {
    "/request": "/devices",
    "/share": "/devices",
    "/phones": "/devices",
    "/activate": "/devices",
    "/pin": "/devices",
    "/return": "/devices",
    "/lost": "/devices",
    "/sheet": "/devices",
    "/opt-out": "/protection",
    "/opt-in": "/protection",
    "/deposit": "/withdraw",
    "/statements": "/withdraw",
    "/password": "/profile",
    "/sessions": "/profile",
    "/events": "/profile",
    "/close": "/profile",
}
"""The path of the section to which a page belongs, by the first part of the page's path.

A page needs no entry if its path begins with the path of its section.
"""
_MONEY = "/withdraw"
_ACCOUNT = (Scope.FULL, Scope.ACCOUNT)
_TRADING = (Scope.FULL, Scope.TRADING)
_SCOPES = {
    **dict.fromkeys(("/devices", "/request", "/share", "/opt-out", "/opt-in", "/profile", "/password", "/events"), _ACCOUNT),
    **dict.fromkeys(("/phones", "/pin", "/close"), (Scope.FULL,)),
    "/withdraw": _TRADING,
    "/deposit": _TRADING,
    "/statements": (Scope.FULL, Scope.ACCOUNT, Scope.STATEMENTS),
}
"""The scopes of the sessions that may see a page, by the first part of its path.

Sessions of every scope may see a page without an entry, unless it is a page for staff.
"""
_NUMBER = re.compile(r"\+?(\([0-9]+\)|[0-9])([ /-]?(\([0-9]+\)|[0-9])){6,}")
"""A telephone number in a text. It has at least 7 digits, so opening hours in the same text do not match."""
_STAFF_PAGES = {Role.SUPPORT: "/desk", Role.ISSUER: "/issuer", Role.COMPLIANCE: "/compliance"}


@dataclass(frozen=True, slots=True)
class Section:
    """A link of the navigation. `current` is `page` on the linked page, `true` elsewhere in the section, otherwise empty."""

    href: str
    label: str
    current: str = ""


def section_of(page: str) -> str:
    """Return the path of the section that a page belongs to."""
    first = "/" + page.split("/")[1]
    return _BELOW.get(first, first)


def is_for(visitor: Visitor, page: str) -> bool:
    """Return whether the role of the user and the scope of the session allow a visitor to see a page."""
    top = "/" + page.split("/")[1]
    if top in _STAFF_PAGES.values():
        return top == staff_page(visitor)
    return visitor.scope in _SCOPES.get(top, tuple(Scope))


def sections(visitor: Visitor, page: str, _: Language) -> list[Section]:
    """Return the sections for a visitor who is on the page with this path."""
    own, found = section_of(page), []
    for section, href, label in _offered(visitor, _):
        below = "true" if section == own else ""
        found.append(Section(href, label, "page" if href == page else below))
    return found


def dialed(number: str) -> Link:
    """Return the link that calls the number, on a device that can call."""
    # Leave out a zero in parentheses: people dial it only within the country.
    return Link(f"tel:{re.sub('[(]0[)]|[^0-9+]', '', number)}", number)


def support_line(_: Language, support: str) -> tuple[str, Link | None, str] | None:
    """Return the footer's line about support: the text before the number, the link that calls it, and the text after it.

    `support` is the policy's text. Without a number in it, all of the line is the first text. Return None if it is empty.
    """
    if not support:
        return None
    line = _("Support: {contact}", contact=support)
    found = _NUMBER.search(line)
    return (line[: found.start()], dialed(found[0]), line[found.end() :]) if found else (line, None, "")


def section_above(visitor: Visitor, page: str, _: Language) -> tuple[str, str] | None:
    """Return the path and the label of the section of a page. Return None if the page is its section's own, or has none."""
    return next(((each.href, each.label) for each in sections(visitor, page, _) if each.current == "true"), None)


def _offered(visitor: Visitor, _: Language) -> Iterator[tuple[str, str, str]]:
    """Yield each section that the session allows: its path, the address of its link, and its label. The staff page is first."""
    if own := staff_page(visitor):
        yield own, own, staff_page_name(own, _)
    yield "/", "/", _("Overview")
    if is_for(visitor, "/devices"):
        yield "/devices", "/devices", _("Security devices")
    if visitor.scope is not Scope.STATEMENTS:
        yield "/protection", "/protection", _("Protection and limits")
    pays = is_for(visitor, _MONEY)
    yield _MONEY, _MONEY if pays else "/statements", _("Money") if pays else _("Statements")
    if is_for(visitor, "/profile"):
        yield "/profile", "/profile", _("Profile")


def first_page(visitor: Visitor | None, _: Language) -> tuple[str, str]:
    """Return the path and the label of the page where a visitor begins. `visitor` is None if nobody is logged in."""
    if visitor is None:
        return "/login", _("Log in")
    own = staff_page(visitor)
    return (own, staff_page_name(own, _)) if own else ("/", _("Overview"))


def staff_page_name(path: str, _: Language) -> str:
    """Return the name of a page for staff, which is also the title of the page."""
    return {"/desk": _("Support desk"), "/issuer": _("Issuing"), "/compliance": _("Compliance")}[path]


def staff_page(visitor: Visitor) -> str:
    """Return the path of the page for the visitor's role, or empty text if this session has no such page."""
    return _STAFF_PAGES.get(visitor.role, "") if visitor.scope is Scope.FULL else ""
