"""The pages of support: the search for a caller, their identification, and the call with its notes and its end."""

from collections.abc import Container, Sequence

from starlette.responses import Response

from dsc_host.login import CallerView, DeviceState, DeviceView, FoundUser, Identity, Kind, NotAllowed, WaitView
from dsc_host.portal.components import SUCCESS, WARNING, Alert, Badge, Empty, Facts, Item, Listing, PageForms, Split
from dsc_host.portal.languages import Language
from dsc_host.portal.pages.decisions import corrections
from dsc_host.portal.pages.device_items import device_item
from dsc_host.portal.pages.security_events import events_table
from dsc_host.portal.pages.waits import WAITS
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, Steps, View, button, hidden
from dsc_host.portal.wording import DOCUMENTS

_NOTE_LETTERS = 300
_FEW_MINUTES = 3
"""The page warns that the call ends when at most this number of minutes remains."""


def support(visit: Visit) -> Response:
    """Show the search for a caller or, once the caller is identified, the page of the call."""
    return visit.show(call_page(visit) if _is_calling(visit) else _search(visit))


def _is_calling(visit: Visit) -> bool:
    """Return whether a caller is identified. Raises `NotAllowed` if the visitor is not a member of support."""
    visit.system.staff.check_support(visit.token)
    try:
        visit.system.staff.caller(visit.token)
    except NotAllowed:
        return False
    return True


# ---- before the call ----


def search(visit: Visit) -> Response:
    """Show the users who may be calling. If only one user is found, show the questions for the caller."""
    with visit.showing_errors(lambda: _search(visit)):
        found = visit.system.staff.search(visit.token, visit.value("search", 64))
    if len(found) == 1:
        return visit.show(_questions(visit, found[0].name, found[0].person))
    view = visit.as_sent(_search(visit, found), "" if found else "search")
    return visit.show(view) if found else visit.wrong(view, visit._("Nobody was found."), 404)


def _search(visit: Visit, found: Sequence[FoundUser] = ()) -> View:
    _ = visit._
    hint = _(
        "At least three characters of the name or user name, or the whole email address, phone number or serial of a card."
    )
    form = Form("/desk/search", _("Search"), (Field("search", _("Who is calling?"), hint=hint, longest=64),))
    results = (Listing(_("Found"), [_found(_, each) for each in found], dense=True),) if found else ()
    return View(
        _("Support desk"),
        words=(_("Only an identified caller gets help. Find the user first, then ask the questions on the next page."),),
        steps=_steps(_, 1),
        blocks=(Split((PageForms(), *results), last=(_without_a_call(_),)),),
        forms=(form,),
        placed=True,
        tables=corrections(visit),
        focus=not found,
    )


def _without_a_call(_: Language) -> Listing:
    """Return the list of the actions that support can carry out without an identified caller."""
    details = (_("For a person whose papers you have seen. A second person must agree."),)
    correct = button("/desk/correcting", _("Correct the details"))
    return Listing(_("Without a call"), [Item(_("Correction of the details"), "person", details=details, actions=(correct,))])


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("Find the caller"), _("Ask the questions"), _("Help the caller")), current)


def _found(_: Language, user: FoundUser) -> Item:
    badge = Badge(_("account closed"), WARNING) if user.closed else None
    ask = button("/desk/caller", _("Ask the questions"), user=user.name, person=user.person)
    return Item(user.person, "person", badge, (user.name,), (ask,), about=f"{user.name} {user.person}")


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
        _("Never read them out, and never say which one is wrong."),
        _("After five wrong tries, nobody can be identified as this user for an hour."),
    )
    ask = Alert(WARNING, _("Ask the caller for all of these details."), words, icon="call")
    form = Form("/desk/identify", _("Check"), (*known, *_identity_fields(_)), legend=_("Enter the answers"))
    return View(
        _("Is this the caller?"),
        steps=_steps(_, 2),
        blocks=(Facts(_("Caller"), _name_facts(_, user, person), across=True), ask),
        forms=(form,),
        back=Link("/desk", _("Back to the search")),
        focus=True,
    )


def _name_facts(_: Language, user: str, person: str) -> tuple[tuple[str, str], ...]:
    return ((_("User name"), user), *(((_("Full name"), person),) if person else ()))


def identify(visit: Visit) -> Response:
    """Identify the caller by the details that were filled in."""
    with visit.showing_errors(lambda: _questions_again(visit)):
        known = visit.system.staff.identify(visit.token, *_stated(visit))
    if known:
        return visit.redirect("/desk", notice="identified")
    words = visit._("These details do not match this user. Check what you have typed, or give nothing to this caller.")
    return visit.wrong(visit.as_sent(_questions_again(visit), ""), words, 403)


def _stated(visit: Visit) -> tuple[str, Identity]:
    """Return the user name and the details that were filled in."""
    return visit.value("user", 64).strip(), Identity(*(visit.value(name, 64).strip() for name in Identity.__slots__))


def _identity_fields(_: Language) -> tuple[Field, ...]:
    countries = [Choice(code, name) for code, name in _.countries()]
    documents = [Choice(each, _(label)) for each, label in DOCUMENTS.items()]
    return (
        Field("birth_date", _("Date of birth"), "date", longest=10),
        Field("citizenship", _("Citizenship"), "select", choices=countries),
        Field("residence", _("Country of residence"), "select", choices=countries),
        Field("document_type", _("Document type"), "radio", value="passport", choices=documents),
        Field("document_number", _("Document number"), longest=32),
    )


def correction_form(visit: Visit) -> Response:
    """Show the form that corrects the details of a user whose papers support has seen."""
    return visit.show(_correction(visit))


def correct(visit: Visit) -> Response:
    """Record a correction of a user's details, which waits for a second person."""
    with visit.showing_errors(lambda: _correction(visit)):
        visit.system.staff.correct_identity(visit.token, *_stated(visit))
    return visit.redirect("/desk", notice="corrected")


def _correction(visit: Visit) -> View:
    visit.system.staff.check_support(visit.token)
    _ = visit._
    words = (
        _("Correct the details only after you have seen the papers. A second person must agree, and the owner is notified."),
        _("For some time after a correction, nobody can be identified by the new details."),
    )
    user = Field("user", _("User name"), longest=64)
    form = Form("/desk/correct", _("Correct"), (user, *_identity_fields(_)))
    back = Link("/desk", _("Back to the search"))
    return View(_("Correct the details"), words=words, forms=(form,), back=back, focus=True)


# ---- the call ----


def call_page(visit: Visit) -> View:
    """Return the page of the call with the identified caller. Raises `NotAllowed` if no caller is identified."""
    _, staff = visit._, visit.system.staff
    known, (_name, devices) = staff.caller(visit.token), staff.caller_devices(visit.token)
    waits, events = staff.caller_waits(visit.token), staff.caller_events(visit.token)
    minutes = _minutes_left(visit, known)
    ends = Alert(WARNING, _("This call ends soon. Then the caller must be identified again."), icon="call")
    main = (
        Listing(_("Devices"), [_device(_, each) for each in devices], Empty(_("The caller has no device."), "none")),
        *((Listing(_("Waiting changes"), [_wait(_, each) for each in waits]),) if waits else ()),
        *((Listing(_("What the caller may get"), _given(_, devices), dense=True),) if not known.closed else ()),
        *((Listing(_("Profile"), _profile(_)),) if known.opted_out else ()),
    )
    return View(
        _("{name} is calling", name=known.person),
        steps=_steps(_, 3),
        blocks=(
            *((ends,) if minutes <= _FEW_MINUTES else ()),
            _caller_facts(visit, known, devices, minutes),
            Split(main, last=(PageForms(), _notes(visit))),
        ),
        forms=(
            Form(
                "/desk/notes",
                _("Save the note"),
                (_note_field(_), hidden("caller", known.name)),
                legend=_("Note and end of the call"),
                also=(("/desk/end", _("End the call")),),
            ),
        ),
        placed=True,
        tables=(events_table(_, events, _("Security events, as the caller sees them")),),
    )


def _minutes_left(visit: Visit, known: CallerView) -> int:
    return max(1, int(known.until - visit.system.context.now()) // 60)


def _caller_facts(visit: Visit, known: CallerView, devices: Sequence[DeviceView], minutes: int) -> Facts:
    _ = visit._
    usable = any(each.live for each in devices)
    protection = _("protected by a device") if usable else _("protected, but without a device to log in with")
    if known.opted_out:
        protection = _("opted out of the protection")
    facts = (
        (_("User name"), known.name),
        (_("Language"), _.language(known.language)),
        (_("Postal address"), known.address),
        (_("Account"), _("closed") if known.closed else protection),
        (_("Identified until"), _("{time} UTC ({minutes} min left)", time=_.time(known.until), minutes=minutes)),
    )
    return Facts(_("Caller"), facts, Link("#f1-1", _("Note and end of the call")), across=True)


def _device(_: Language, device: DeviceView) -> Item:
    forms = (button("/desk/loss", _("Take out of use"), danger=True, device=device.id),) if may_be_taken_out(device) else ()
    return device_item(_, device, forms)


def _wait(_: Language, wait: WaitView) -> Item:
    forms = [button("/desk/waits/stop", _("Stop it"), wait=wait.id, danger=True)]
    if wait.due_at is not None:
        forms.insert(0, button("/desk/waits/confirm", _("Confirm"), wait=wait.id))
    asked = _("Requested by {name}", name=wait.asked_by) if wait.asked_by else _("Requested by the owner")
    due = _("Takes effect: {moment}", moment=_.moment(wait.due_at))
    if wait.due_at is None:
        due = _("Takes effect when a second person agrees.")
    return Item(_(WAITS[wait.kind]), "calendar", None, (*((wait.what,) if wait.what else ()), due, asked), forms)


def _given(_: Language, devices: Sequence[DeviceView]) -> list[Item]:
    """Return the items for the devices that support can give. `devices` are those that the caller has already."""
    return [
        Item(_("Temporary code"), "code", details=(_("To be read out now, for a caller who has no device at hand."),),
             actions=(button("/desk/temporary", _("Give")),)),
        Item(_("Security code card"), "code-card", details=(_("To be printed and sent to the postal address."),),
             actions=(button("/desk/code-card", _("Issue")),)),
        _messages(_, {each.kind for each in devices if each.live}),
    ]  # fmt: skip


def _messages(_: Language, live: Container[Kind]) -> Item:
    """Return the item for codes by SMS and call. `live` are the kinds of device that the caller can use."""
    title, enabled = _("Codes by SMS and call"), Kind.SMS in live or Kind.VOICE in live
    if Kind.PHONE_APP in live:
        return Item(title, "sms", details=(_("Not for this caller: the phone app replaces them."),))
    new = _("A new number is used after some days. The owner is notified and can stop it.")
    action = button("/desk/messages", _("Another number") if enabled else _("Enable"))
    return Item(title, "sms", Badge(_("in use"), SUCCESS) if enabled else None, (new,), (action,))


def _profile(_: Language) -> list[Item]:
    """Return the items for the profile of a caller who has opted out of the protection."""
    return [
        Item(_("Email address"), "mail", actions=(button("/desk/email", _("Change the email address")),)),
        Item(_("Postal address"), "parcel", actions=(button("/desk/address", _("Change the postal address")),)),
        Item(_("Bank instructions"), "money", actions=(button("/desk/bank", _("Change the bank instructions")),)),
    ]


def may_be_taken_out(device: DeviceView) -> bool:
    """Return whether support may take this device of the caller out of use."""
    usable = (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED)
    return device.own and device.state in usable and bool(device.losses)


def is_of_earlier_call(visit: Visit) -> bool:
    """Return whether the form is of a call with another caller. Its page may have stayed open in the browser."""
    return visit.form.get("caller") != visit.system.staff.caller(visit.token).name


def end(visit: Visit) -> Response:
    """Save the note in the form if there is one, end the call, and redirect to the search for the next caller.

    If there is neither a call nor a note, only redirect: the form was sent twice.
    """
    note_text = _entered_note(visit)
    if not note_text and not _is_calling(visit):
        return visit.redirect("/desk", notice="call_ended")
    if is_of_earlier_call(visit):
        return visit.redirect("/desk", notice="earlier_call")
    if note_text:
        with visit.showing_errors(lambda: call_page(visit)):
            visit.system.staff.add_note(visit.token, note_text)
    visit.system.staff.end_call(visit.token)
    return visit.redirect("/desk", notice="call_ended")


# ---- the notes ----


def note(visit: Visit) -> Response:
    """Keep a note about the caller."""
    if is_of_earlier_call(visit):
        return visit.redirect("/desk", notice="earlier_call")
    with visit.showing_errors(lambda: call_page(visit)):
        visit.system.staff.add_note(visit.token, _entered_note(visit))
    return visit.redirect("/desk", notice="noted")


def _entered_note(visit: Visit) -> str:
    """Return the note that was entered, with its lines joined: a note is one line in the log."""
    return " ".join(visit.form.get("note", "").split())


def _note_field(_: Language) -> Field:
    hint = _(
        "What was asked and done. It cannot be changed later. Write no PIN, no code and no password into it."
        " “End the call” saves it too, and leads to the next caller."
    )
    return Field("note", _("New note"), "lines", hint, longest=_NOTE_LETTERS)


def _notes(visit: Visit) -> Listing:
    _ = visit._
    notes = [Item(each.text, details=(f"{each.by}, {_.moment(each.at)}",)) for each in visit.system.staff.notes(visit.token)]
    return Listing(_("Notes"), notes, Empty(_("No call was noted yet."), "list"))
