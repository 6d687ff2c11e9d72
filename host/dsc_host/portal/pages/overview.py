"""The first page after the login: the scope of the session, and links to the other pages."""

from starlette.responses import Response

from dsc_host.login import Role, Scope, Visitor
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.devices import further_links
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, View
from dsc_host.portal.wording import SCOPES

_STAFF_PAGES = {Role.SUPPORT: "/desk", Role.ISSUER: "/issuer", Role.COMPLIANCE: "/compliance"}


def overview(visit: Visit) -> Response:
    """Show the scope of the session, and links to the other pages."""
    who, _ = visit.visitor(), visit._
    facts = [(_("Access in this session"), _(SCOPES[who.scope])), (_("Session ends at the latest"), _.moment(who.until))]
    if who.extendable_until is not None:
        facts.append((_("Can be extended with your finger or face until"), _.moment(who.extendable_until)))
    return visit.show(View(_("Overview"), facts=facts, links=_links(_, who)))


def _links(_: Language, who: Visitor) -> tuple[Link, ...]:
    if who.scope is Scope.STATEMENTS:
        return (Link("/statements", _("Statements")),)
    links = []
    if who.role in _STAFF_PAGES and who.scope is Scope.FULL:
        links.append(Link(_STAFF_PAGES[who.role], _("Staff page")))
    if who.scope in (Scope.FULL, Scope.ACCOUNT):
        links += [
            Link("/devices", _("Devices"), _("your security devices and card requests")),
            Link("/password", _("Change the password")),
            Link("/profile", _("Profile"), _("your addresses and bank instructions")),
            Link("/events", _("Security events"), _("logins and changes of your protection")),
            *further_links(_, who),
            Link("/statements", _("Statements")),
        ]
    if who.scope is Scope.FULL:
        links.append(Link("/close", _("Close the account")))
    links.append(Link("/sessions", _("Sessions"), _("where you are logged in")))
    links.append(Link("/protection", _("Protection and limits")))
    if who.scope in (Scope.FULL, Scope.TRADING):
        links += [Link("/withdraw", _("Withdraw money")), Link("/deposit", _("Deposit money"))]
    return tuple(links)
