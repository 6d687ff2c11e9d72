"""The pages of support: the search for a caller, their identification, and the call with its notes and its end."""

from collections.abc import Sequence

from starlette.responses import Response

from dsc_host.login import CallerView, DeviceState, DeviceView, FoundUser, Identity, NotAllowed
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.decisions import corrections
from dsc_host.portal.pages.profile import bank_fields
from dsc_host.portal.pages.security_events import events_table
from dsc_host.portal.pages.waits import waiting
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Row, Table, View, button, hidden
from dsc_host.portal.wording import DOCUMENTS, STATES, kind_name, which

_NOTE_LETTERS = 300


def support(visit: Visit) -> Response:
    """Show the search for a caller or, once the caller is identified, the ways to help."""
    visit.system.staff.check_support(visit.token)
    try:
        visit.system.staff.caller(visit.token)
    except NotAllowed:
        return visit.show(_search(visit))
    return visit.show(call_page(visit))


# ---- before the call ----


def search(visit: Visit) -> Response:
    """Show the users that a caller may be; with a single one, the questions for the caller."""
    with visit.again(lambda: _search(visit)):
        found = visit.system.staff.search(visit.token, visit.value("search", 64))
    if len(found) == 1:
        return visit.show(_questions(visit, found[0].name, found[0].person))
    view = visit.as_sent(_search(visit, found), "search")
    return visit.show(view) if found else visit.wrong(view, visit._("Nobody was found."), 404)


def _search(visit: Visit, found: Sequence[FoundUser] = ()) -> View:
    _ = visit._
    hint = _("A part of the name or user name, or the whole email address, phone number or serial of a card.")
    form = Form("/desk/search", _("Search"), (Field("search", _("Who is calling?"), hint=hint, longest=64),))
    heads = (_("User name"), _("Name"), _("State"), _("Actions"))
    rows = [
        Row(
            (each.name, each.person, _("account closed") if each.closed else _("account open")),
            (button("/desk/caller", _("Ask the questions"), user=each.name, person=each.person),),
        )
        for each in found
    ]
    tables = (Table(_("Found"), heads, rows),) if rows else ()
    return View(_("Support desk"), forms=(form,), tables=(*tables, *corrections(visit)), focus=not rows)


def caller(visit: Visit) -> Response:
    """Show the questions that identify a caller as this user."""
    return visit.show(_questions_again(visit))


def _questions_again(visit: Visit) -> View:
    visit.system.staff.check_support(visit.token)
    return _questions(visit, visit.value("user", 64).strip(), visit.value("person"))


def _questions(visit: Visit, user: str, person: str) -> View:
    _ = visit._
    known = (hidden("user", user), hidden("person", person))
    words = (
        _("Ask the caller for all of these details before you help. Never read the details out."),
        _("If one is wrong, do not say which. After five wrong tries nobody can be identified as this user for an hour."),
    )
    form = Form("/desk/identify", _("Check"), (*known, *_identity_fields(_)))
    return View(
        _("Is this the caller?"),
        words=words,
        facts=_who(_, user, person),
        forms=(form, button("/desk/correcting", _("Correct the details"), user=user, person=person)),
        links=(Link("/desk", _("Back to the search")),),
        focus=True,
    )


def _who(_: Language, user: str, person: str) -> tuple[tuple[str, str], ...]:
    return ((_("User name"), user), *(((_("Name"), person),) if person else ()))


def identify(visit: Visit) -> Response:
    """Identify the caller by the details that were filled in."""
    with visit.again(lambda: _questions_again(visit)):
        known = visit.system.staff.identify(visit.token, *_stated(visit))
    if known:
        return visit.go("/desk", notice="identified")
    words = visit._("These details do not match this user. Give nothing to this caller.")
    return visit.wrong(visit.as_sent(_questions_again(visit), ""), words, 403)


def _stated(visit: Visit) -> tuple[str, Identity]:
    """Return the user name and the details that were filled in."""
    return visit.value("user", 64).strip(), Identity(*(visit.value(name, 64).strip() for name in Identity.__slots__))


def _identity_fields(_: Language) -> tuple[Field, ...]:
    country = _("The country's two letters, for example CH.")
    documents = [Choice(each, _(label)) for each, label in DOCUMENTS.items()]
    return (
        Field("birth_date", _("Date of birth"), "date", longest=10),
        Field("citizenship", _("Citizenship"), hint=country, longest=2),
        Field("residence", _("Country of residence"), hint=country, longest=2),
        Field("document_type", _("Document type"), "radio", value="passport", choices=documents),
        Field("document_number", _("Document number"), longest=32),
    )


def correcting(visit: Visit) -> Response:
    """Show the form that corrects the details of a user."""
    return visit.show(_correction(visit))


def correct(visit: Visit) -> Response:
    """Record a correction of a user's details, which waits for a second person."""
    with visit.again(lambda: _correction(visit)):
        visit.system.staff.correct_identity(visit.token, *_stated(visit))
    return visit.go("/desk", notice="corrected")


def _correction(visit: Visit) -> View:
    visit.system.staff.check_support(visit.token)
    _ = visit._
    user, person = visit.value("user", 64).strip(), visit.value("person")
    words = (
        _("Correct the details only after you have seen the papers. A second person must agree, and the owner is notified."),
        _("For some time after a correction, nobody can be identified by the new details."),
    )
    form = Form("/desk/correct", _("Correct"), (hidden("user", user), hidden("person", person), *_identity_fields(_)))
    links = (Link("/desk", _("Back to the search")),)
    return View(_("Correct the details"), words=words, facts=_who(_, user, person), forms=(form,), links=links)


# ---- the call ----


def call_page(visit: Visit) -> View:
    """Return the page of the call with the identified caller. Raises `NotAllowed` if there is none."""
    _, staff = visit._, visit.system.staff
    known, (_name, devices) = staff.caller(visit.token), staff.caller_devices(visit.token)
    tables = (
        _devices(_, devices),
        *waiting(visit, staff.caller_waits(visit.token), desk=True),
        _notes(visit),
        events_table(_, staff.caller_events(visit.token), _("Security events, as the caller sees them")),
    )
    return View(
        _("{name} is calling", name=known.name),
        facts=_caller_facts(visit, known),
        tables=tables,
        forms=(
            button("/desk/end", _("End the call")),
            *_given(_, known),
            Form("/desk/notes", _("Save the note"), (_note_field(_),), legend=_("Note")),
            *_message_forms(_, known),
            *_profile_forms(_, known),
        ),
    )


def _caller_facts(visit: Visit, known: CallerView) -> tuple[tuple[str, str], ...]:
    _ = visit._
    left = max(1, int(known.until - visit.system.context.now()) // 60)
    protection = _("opted out of the protection") if known.opted_out else _("protected by a device")
    return (
        (_("Name"), known.person),
        (_("Language"), _.language(known.language)),
        (_("Postal address"), known.address),
        (_("Account"), _("closed") if known.closed else protection),
        (_("Minutes until the caller must be identified again"), str(left)),
    )


def _devices(_: Language, devices: Sequence[DeviceView]) -> Table:
    heads = (_("Device"), _("Which"), _("State"), _("Last used"), _("Actions"))
    rows = [
        Row(
            (kind_name(_, each.kind, issued=each.issued), which(each), _(STATES[each.state]), _.moment(each.used_at)),
            (button("/desk/loss", _("Take out of use"), device=each.id),) if may_be_taken_out(each) else (),
        )
        for each in devices
    ]
    return Table(_("Devices"), heads, rows, _("None."))


def may_be_taken_out(device: DeviceView) -> bool:
    """Return whether support may take this device of the caller out of use."""
    usable = (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED)
    return device.own and device.state in usable and bool(device.losses)


def _given(_: Language, known: CallerView) -> tuple[Form, ...]:
    """Return the buttons for what support gives to a caller; none if the account is closed."""
    if known.closed:
        return ()
    return (
        button("/desk/temporary", _("Give a temporary code")),
        button("/desk/code-card", _("Issue a security code card")),
    )


def _message_forms(_: Language, known: CallerView) -> tuple[Form, ...]:
    if known.closed:
        return ()
    hint = _("Start with the country code, for example +41791234567.")
    phone = Field("number", _("Phone number"), "tel", hint, longest=16)
    return (Form("/desk/messages", _("Enable"), (phone,), legend=_("Codes by SMS and call")),)


def _profile_forms(_: Language, known: CallerView) -> tuple[Form, ...]:
    """Return the forms for the profile of a caller who has opted out of the protection; none for others."""
    if not known.opted_out:
        return ()
    email = Field("email", _("New email address"))
    address = Field("address", _("New postal address"))
    return (
        Form("/desk/email", _("Change the email address"), (email,), legend=_("Email address")),
        Form("/desk/address", _("Change the postal address"), (address,), legend=_("Postal address")),
        Form("/desk/bank", _("Change the bank instructions"), bank_fields(_), legend=_("Bank instructions")),
    )


def end(visit: Visit) -> Response:
    """End the call, and go to the search for the next caller."""
    visit.system.staff.end_call(visit.token)
    return visit.go("/desk", notice="call_ended")


# ---- the notes ----


def note(visit: Visit) -> Response:
    """Keep a note about the caller."""
    with visit.again(lambda: call_page(visit)):
        visit.system.staff.add_note(visit.token, visit.value("note", _NOTE_LETTERS))
    return visit.go("/desk", notice="noted")


def _note_field(_: Language) -> Field:
    hint = _("What was asked and done. It cannot be changed later. Write no PIN, no code and no password into it.")
    return Field("note", _("New note"), hint=hint, longest=_NOTE_LETTERS)


def _notes(visit: Visit) -> Table:
    _ = visit._
    rows = [Row((_.moment(each.at), each.by, each.text)) for each in visit.system.staff.notes(visit.token)]
    return Table(_("Notes"), (_("When"), _("By"), _("Note")), rows, _("There are none."))
