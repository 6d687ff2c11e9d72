"""The page of a user's recent security events."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from dsc_host.login import EventKind, SecurityEvent
from dsc_host.portal.components import INFO, Alert
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.pages.contact import call_links
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Cell, Link, Row, Table, View
from dsc_host.portal.wording import KINDS, name_with_label

EVENTS: Mapping[EventKind, str] = {
    EventKind.PASSWORD_RIGHT: "Your password was entered.",
    EventKind.PASSWORD_WRONG: "A login was refused: the password was wrong.",
    EventKind.LOGGED_IN: "Logged in.",
    EventKind.ANSWER_WRONG: "A login was refused: the device did not give the right answer in time.",
    EventKind.PROVEN: "A device answered once more in a session.",
    EventKind.PROOF_WRONG: "In a session, the answer of a device was wrong.",
    EventKind.PROGRAM_ENTERED: "Logged in at another program.",
    EventKind.PROGRAM_LEFT: "Logged out at another program, and here.",
    EventKind.PROGRAM_ENDED: "A login at another program was ended: somebody used its code or its token a second time.",
    EventKind.SESSION_ENDED: "Sessions were ended.",
    EventKind.PASSWORD_CHANGED: "The password was changed.",
    EventKind.PIN_CHANGED: "The PIN of a card was changed.",
    EventKind.PIN_CHANGE_WRONG: "The PIN of a card was not changed: the response was wrong.",
    EventKind.ACTIVATED: "A device was activated.",
    EventKind.ACTIVATION_WRONG: "A device was not activated: its answer was wrong.",
    EventKind.DEVICE_NAMED: "A device was given a name.",
    EventKind.DEVICE_EXPIRED: "A device has expired.",
    EventKind.DEVICE_SUSPENDED: "A lost device was suspended.",
    EventKind.DEVICE_LOST: "Support took a device out of use.",
    EventKind.APP_BEGUN: "The activation of an app was begun, and a code was sent by SMS.",
    EventKind.APP_ACTIVATED: "An app was activated.",
    EventKind.APP_WRONG: "An app was not activated: the code or the PIN was wrong.",
    EventKind.APP_REMOVED: "An app was removed.",
    EventKind.PUSH_APPROVED: "A login was approved in the app.",
    EventKind.PUSH_WRONG: "A login was not approved in the app: the PIN was wrong.",
    EventKind.PUSH_DENIED: "A login was denied in the app.",
    EventKind.NUMBER_ASKED: "A code was sent to confirm a phone number.",
    EventKind.NUMBER_WRONG: "A phone number was not confirmed: the code was wrong.",
    EventKind.NUMBER_WAITS: "A phone number was confirmed, and will be used after a wait.",
    EventKind.NUMBER_CONFIRMED: "A phone number was confirmed.",
    EventKind.NUMBER_REMOVED: "A phone number was removed.",
    EventKind.MESSAGES_ENABLED: "Codes by SMS and call were enabled.",
    EventKind.MESSAGES_WAIT: "Codes by SMS and call will be enabled after some days.",
    EventKind.TEMPORARY_CODE: "Support gave a temporary code.",
    EventKind.CODE_CARD: "Support issued a security code card.",
    EventKind.ONLINE_CARD: "An online security code card was given.",
    EventKind.CARD_ASSIGNED: "A card was assigned to you.",
    EventKind.CARD_REQUESTED: "A card was requested.",
    EventKind.CARD_CANCELLED: "The request of a card was canceled.",
    EventKind.CARD_SHIPPED: "A card was sent to you.",
    EventKind.CARD_RETURNED: "A card was announced as sent back.",
    EventKind.CARD_RECEIVED: "A card that you sent back was received.",
    EventKind.EMAIL_ASKED: "A code was sent to a new email address.",
    EventKind.EMAIL_WRONG: "The email address was not changed: the code was wrong.",
    EventKind.EMAIL_CHANGED: "The email address was changed.",
    EventKind.ADDRESS_CHANGED: "The postal address was changed.",
    EventKind.BANK_CHANGED: "The bank instructions were changed.",
    EventKind.LANGUAGE_CHANGED: "The language of your messages was changed.",
    EventKind.BECAME_PRIMARY: "You became the primary user of the account.",
    EventKind.OPTED_OUT: "Opted out of the protection.",
    EventKind.OPT_OUT_WAITS: "Opting out of the protection will take effect after some days.",
    EventKind.OPTED_IN: "Opted back in to the protection.",
    EventKind.CHANGE_COUNTS: "A change that was waiting took effect.",
    EventKind.CHANGE_STOPPED: "A change that was waiting was stopped.",
    EventKind.SHARE_PROVEN: "A device answered in order to be shared.",
    EventKind.SHARE_WRONG: "A device was not shared: its answer was wrong.",
    EventKind.SHARE_WAITS: "Sharing a device waits for compliance.",
    EventKind.SHARED: "A device is shared with you.",
    EventKind.SHARE_ALLOWED: "Compliance agreed to the sharing of a device.",
    EventKind.SHARE_REFUSED: "Compliance refused the sharing of a device.",
    EventKind.SHARE_ENDED: "The sharing of a device ended.",
    EventKind.IDENTIFIED: "Support identified you in a call.",
    EventKind.NOT_IDENTIFIED: "A caller at support was not identified as you.",
    EventKind.IDENTITY_WAITS: "Support asked for a correction of your personal details.",
    EventKind.IDENTITY_CORRECTED: "Your personal details were corrected.",
    EventKind.USER_ADDED: "Your user name was added.",
    EventKind.ACCOUNT_CLOSED: "The account was closed.",
}
_NAMED = ("Support ", "Compliance ", "A caller at support ")
"""The beginnings of sentences that already say who caused the event."""
_REFUSED = frozenset({each for each in EventKind if each.name.endswith(("_WRONG", "_DENIED"))}) | {
    EventKind.NOT_IDENTIFIED,
    EventKind.PROGRAM_ENDED,
}
"""The events that may be attempts by somebody else: refusals, and a code or a token that was used twice."""
_DIGITS = 4


def security_events(visit: Visit) -> Response:
    """Show a page of events, the newest first."""
    _, number = visit._, _page(visit.request.query_params.get("page", "1"))
    shown = visit.system.security_events(visit.token, number)
    view = View(
        _("Security events"),
        words=(_("This list has the logins of the last 90 days and the changes of your protection, the newest first."),),
        blocks=(
            Alert(
                INFO,
                _("Do you see something that was not you?"),
                (_("Change your password, end the other sessions, and call support."),),
                links=(Link("/password", _("Change the password")), Link("/sessions", _("Sessions")), *call_links(visit)),
            ),
        ),
        tables=(events_table(_, shown.events, _("Events")),),
        links=(
            *((Link(f"/events?page={number + 1}", _("Older events")),) if shown.more else ()),
            *((Link(f"/events?page={number - 1}", _("Newer events")),) if number > 1 else ()),
        ),
    )
    return visit.show(view)


def events_table(_: Language, events: Sequence[SecurityEvent], caption: str) -> Table:
    """Return the table of these events, with this caption. Each day has a heading, and refusals are marked."""
    rows = [
        Row(
            (_.time(each.at), _what(_, each, newer), _device(_, each)),
            group=f"{_.date(each.at)} (UTC)",
            kind="danger" if each.kind in _REFUSED else "",
        )
        for newer, each in zip((None, *events), events, strict=False)
    ]
    heads = (_("When"), _("What happened"), _("Device"))
    return Table(caption, heads, rows, _("There are none."), ("moment", "lead", "text"), dense=True)


def _what(_: Language, event: SecurityEvent, newer: SecurityEvent | None = None) -> Cell:
    """Return the sentence about an event. A detail below it says that somebody else caused it, or where a login came from.

    `newer` is the event after this one. If it is the login for which the password was entered, only it says where it came from.
    """
    return Cell(_(EVENTS[event.kind]), _by(_, event) or ("" if is_followed(event, newer) else _origin(_, event)))


def is_followed(event: SecurityEvent, newer: SecurityEvent | None) -> bool:
    """Return whether the event is the entry of a password, and `newer` is the login from the same address and browser."""
    if newer is None or (event.kind, newer.kind) != (EventKind.PASSWORD_RIGHT, EventKind.LOGGED_IN):
        return False
    return (event.address, event.browser) == (newer.address, newer.browser)


def _origin(_: Language, event: SecurityEvent) -> str:
    """Return the browser and the IP address of a login, as far as they are known."""
    address = _("IP address: {address}", address=event.address) if event.address else ""
    # A line may break before the address, but not within its words.
    return " · ".join(filter(None, (event.browser, address.replace(" ", "\N{NO-BREAK SPACE}"))))


def _page(text: str) -> int:
    """Return the page number in this text, or 0 if the text is not a number of at most four digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0


def described(_: Language, event: SecurityEvent) -> str:
    """Return the sentence about an event. If somebody else caused the event, a second sentence says so."""
    return f"{_(EVENTS[event.kind])} {_by(_, event)}".strip()


def _by(_: Language, event: SecurityEvent) -> str:
    """Return a sentence that says that somebody else caused the event. Return empty text if no such sentence is needed."""
    return _("The bank or another user of the account did it.") if _is_by_other(event) else ""


def _is_by_other(event: SecurityEvent) -> bool:
    """Return whether somebody else caused the event, and the sentence does not name them."""
    return event.by_other and not EVENTS[event.kind].startswith(_NAMED)


def _device(_: Language, event: SecurityEvent) -> str:
    return f"{_(KINDS[event.device])} {name_with_label(event.name, event.label)}".strip() if event.device else NONE
