"""The page of a user's open sessions."""

from starlette.responses import Response

from dsc_host.login import SessionView
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Link, Row, Table, View, button
from dsc_host.portal.wording import KINDS, named


def sessions(visit: Visit) -> Response:
    """Show the user's open sessions, with buttons that end the others."""
    return visit.show(_sessions(visit))


def ended(visit: Visit) -> Response:
    """End one session."""
    with visit.again(lambda: _sessions(visit)):
        visit.system.end_session(visit.token, visit.value("session", 64))
    return visit.go("/sessions", notice="session_ended")


def ended_others(visit: Visit) -> Response:
    """End all other sessions. A new token also puts out whoever has a copy of this session's cookie."""
    visit.system.end_other_sessions(visit.token)
    return visit.go_on("/sessions", notice="sessions_ended")


def _sessions(visit: Visit) -> View:
    _, shown = visit._, visit.system.sessions(visit.token)
    heads = (
        _("Device"), _("Which"), _("Session"), _("Began"), _("Last used"), _("Ends at the latest"), _("Actions")
    )  # fmt: skip
    others = button("/sessions/end-others", _("End all other sessions"), danger=True)
    return View(
        _("Sessions"),
        words=(
            _("You are logged in with these sessions. One that you end is logged out at once."),
            _("Do you not know one of them? End it, and change your password."),
        ),
        tables=(Table(_("Your sessions"), heads, [_row(_, each) for each in shown]),),
        forms=(others,) if len(shown) > 1 else (),
        links=(Link("/", _("Overview")),),
    )


def _row(_: Language, session: SessionView) -> Row:
    cells = (
        _(KINDS[session.kind or "none"]),
        named(session.name, session.label),
        _("this one") if session.current else _("another one"),
        _.moment(session.began_at),
        _.moment(session.used_at),
        _.moment(session.until),
    )
    return Row(cells, () if session.current else (button("/sessions/end", _("End"), session=session.id, danger=True),))
