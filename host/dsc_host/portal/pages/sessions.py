"""The page of a user's open sessions."""

from starlette.responses import Response

from dsc_host.login import NotNow, Offer, SessionView
from dsc_host.portal.components import Empty, Item, Listing, PageForms
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.pages.offers import with_answer_form, wrong_answer
from dsc_host.portal.site import Visit
from dsc_host.portal.user_agents import icon_of
from dsc_host.portal.views import Form, Link, View, button
from dsc_host.portal.wording import KINDS, name_with_label


def sessions(visit: Visit) -> Response:
    """Show the user's open sessions, with buttons that end the others."""
    return visit.show(_sessions(visit))


def end(visit: Visit) -> Response:
    """End one session."""
    with visit.showing_errors(lambda: _sessions(visit)):
        visit.system.end_session(visit.token, visit.value("session", 64))
    return visit.redirect("/sessions", notice="session_ended")


def end_others(visit: Visit) -> Response:
    """End all other sessions. This session gets a new token, which makes copies of its cookie useless."""
    visit.system.end_other_sessions(visit.token)
    return visit.redirect_after_change("/sessions", notice="sessions_ended")


def ask_to_extend(visit: Visit) -> Response:
    """Ask for an answer with a finger or a face in the app."""
    return visit.show(_extending(visit, visit.system.proofs.ask(visit.token, visit.visitor().device)))


def extend(visit: Visit) -> Response:
    """Judge the answer, which may extend the session."""
    before, proofs = visit.visitor().until, visit.system.proofs
    if proofs.answer(visit.token, visit.value("answer")):
        longer = visit.visitor().until > before
        if longer:
            return visit.redirect("/sessions", notice="extended", until=visit.visitor().until)
        return visit.redirect("/sessions", notice="not_extended")
    try:
        offer = proofs.offer(visit.token)
    except NotNow:
        return visit.redirect("/sessions", notice="not_extended")
    return visit.wrong(_extending(visit, offer), wrong_answer(visit._, offer), 401, "answer")


def _extending(visit: Visit, offer: Offer) -> View:
    _ = visit._
    until, latest = visit.visitor().until, visit.visitor().extendable_until
    words = (
        *((_ends(_, until, latest),) if latest else ()),
        _("In the app, use your fingerprint or your face. The PIN of the app is not enough for this."),
    )
    view = View(
        _("Extend this session"),
        words=words,
        above=Link("/sessions", _("Sessions")),
        back=Link("/sessions", _("Back to the sessions")),
        focus=True,
    )
    return with_answer_form(visit, offer, view, Form("/sessions/extend/answer", _("Extend this session")))


def _sessions(visit: Visit) -> View:
    _, (own, *others) = visit._, visit.system.sessions(visit.token)
    latest = own.extendable_until
    longer = (_extendable(_, own.until, latest),) if latest is not None else ()
    words = (_("If you do not recognize a session, end it and change your password."),) if others else ()
    rows, none = [_item(_, each) for each in others], Empty(_("You are logged in nowhere else."), "window")
    password = (Link("/password", _("Change the password")),) if is_for(visit.visitor(), "/profile") else ()
    extend = (button("/sessions/extend", _("Extend this session")),) if latest is not None else ()
    end = (Form("/sessions/end-others", _("End all other sessions"), danger=True),) if others else ()
    return View(
        _("Sessions"),
        blocks=(
            Listing(_("This session"), [_item(_, own)], words=longer),
            PageForms(),
            Listing(_("Other sessions"), rows, none, words=words, forms=end, links=password if others else ()),
        ),
        forms=extend,
        placed=True,
    )


def _ends(_: Language, until: float, latest: float) -> str:
    return _(
        "The session then lasts longer, until {latest} at the latest. Without that, it ends at {until}.",
        until=_.moment(until),
        latest=_.moment(latest),
    )


def _extendable(_: Language, until: float, latest: float) -> str:
    return _(
        "This session ends at {until}. If you answer with your finger or face in the app before that, it lasts longer,"
        " until {latest} at the latest.",
        until=_.moment(until),
        latest=_.moment(latest),
    )


def _item(_: Language, session: SessionView) -> Item:
    """Return the row of a session. Its title is the browser, because users recognize it."""
    kind, which = _(KINDS[session.kind or "none"]), name_with_label(session.name, session.label)
    details = (
        _("Began: {moment}", moment=_.moment(session.began_at)),
        _("Last used: {moment}", moment=_.moment(session.used_at)),
        _("Logged in with: {device}", device=f"{kind} {which}".strip()),
        *((_("IP address: {address}", address=session.address),) if session.address else ()),
    )
    folded = (_("Ends at the latest: {moment}", moment=_.moment(session.until)),)
    title = session.browser or _("Unknown browser")
    action: tuple[Form, ...] = ()
    if not session.current:
        action = (button("/sessions/end", _("End"), session=session.id, danger=True),)
    about = f"{title} {kind} {which} {_.moment(session.began_at)}"
    return Item(title, icon_of(session.browser), None, details, action, about=about, folded=folded)
