"""The page that shows every component of the design system in every state."""

from dataclasses import replace
from decimal import Decimal

from starlette.responses import Response

from dsc_host.login import Kind
from dsc_host.portal.components import (
    DANGER,
    ICONS,
    INFO,
    NEUTRAL,
    SUCCESS,
    WARNING,
    Actions,
    Alert,
    Badge,
    CodeSheet,
    Columns,
    Dialogue,
    Empty,
    Facts,
    Filter,
    Foldable,
    Instructions,
    Item,
    Listing,
    Meter,
    Meters,
    Outcome,
    PageForms,
    Quote,
    Sample,
    Split,
)
from dsc_host.portal.demo.demonstration import Demonstration
from dsc_host.portal.instructions import INSTRUCTIONS, marked
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Cell, Choice, Field, Form, Link, Row, Shown, Steps, Table, View, button
from dsc_host.portal.wording import KINDS

PATH = "/components"
_SAMPLE_TIME = 1_790_000_000.0
"""A Unix time in September 2026, for the samples."""


def components(_demo: Demonstration, visit: Visit) -> Response:
    """Show all components."""
    return visit.show(_view(visit._))


def refused(_demo: Demonstration, visit: Visit) -> Response:
    """Show all components, with the form as it is drawn after an error in one field."""
    return visit.wrong(_view(visit._), _mistake(visit._), 400, "code")


def _mistake(_: Language) -> str:
    return _("The code is not correct. Tries left:\u00a0{left}. You can also request a new code.", left=4)


def _view(_: Language) -> View:
    samples = (*_messages(_), *_panels(_), *_actions(_), *_values(_))
    contents = Filter(_("Components"), [Link(f"#{each.name.lower()}", each.name) for each in samples])
    return View(
        _("Components"),
        words=(_("This page shows every component of the pages in every state. Nothing on it changes anything."),),
        blocks=(contents, *samples),
        forms=_forms(_),
        placed=True,
        wrong="code",
        wrong_words=_mistake(_),
        back=Link(PATH, _("Back")),
        links=(Link("/demonstration", _("Demonstration")),),
    )


def _messages(_: Language) -> tuple[Sample, ...]:
    labels = (_("Request a card"), _("Is this correct?"), _("OK"))
    notices = (
        (SUCCESS, _("The note was saved.")),
        (INFO, _("The call has ended. Who is next?")),
        (WARNING, _("You have opted out. See below what is restricted now.")),
        (DANGER, _("That answer was not correct. Tries left:\u00a0{left}. After the last one, you must start again.", left=4)),
        ("error", _mistake(_)),
    )
    steps = tuple(Steps(labels, current) for current in (1, 2, 3))
    return (
        Sample("Steps", _("The steps of a flow: the first, a middle or the last one is the current one."), steps=steps),
        Sample("Notice", _("A message at the top of the page about what was done, or about a refused form."), notices=notices),
        Sample("Alert", _("A message within the page, of one of four kinds."), _alerts(_)),
    )


def _panels(_: Language) -> tuple[Sample, ...]:
    facts = Facts(_("Bank instructions"), (("IBAN", "···· 4431"), (_("Postal address"), "1 Harbour Road\n6300 Zug")), _more(_))
    across = Facts(_("Profile"), ((_("User name"), "anna"), (_("Language"), _.language("de"))), across=True)
    empties = (
        Listing(_("Your sessions"), (), Empty(_("There are none."), "window", Link(PATH, _("Log in")))),
        Listing(_("Notes"), (), Empty(_("No call was noted yet."), "list")),
    )
    lists = (_devices(_), *_other_lists(_))
    return (
        Sample("Listing", _("Items with an icon, a state, details and actions. A list may be dense, or folded."), lists),
        Sample("Empty", _("What a panel says if it has nothing to show, with a link or without."), empties),
        Sample("Facts", _("Names and values, with a link beside the title. A few may be in one row."), (facts, across)),
        Sample("Meters", _("What is left of a limit: all, a part or nothing."), (_meters(_),)),
        Sample("Foldable", _("A panel that a narrow window folds until the visitor opens it."), (Foldable(facts),)),
        Sample("Columns", _("Panels side by side, or one below the other in a narrow window."), (_columns(_),)),
    )


def _actions(_: Language) -> tuple[Sample, ...]:
    ways = (
        ("parcel", Link(PATH, _("Request a card"))),
        ("phone", Link(PATH, _("Log in"), _("other ways to log in"))),
        ("money", Link("", _("Withdraw money"), _("any amount"))),
    )
    return (
        Sample("Actions", _("Links to what can be done. The last one is not possible now."), (Actions(_("Actions"), ways),)),
        Sample(
            "Dialogue",
            _("A button that opens a question over the page, without JavaScript, and such a question."),
            _dialogues(_),
        ),
        Sample("Outcome", _("What will happen: something dangerous, something worse than usual, or neither."), _outcomes(_)),
        Sample("Instructions", _("What to do, step by step."), (_instructions(_),)),
        Sample(
            "Form",
            _("Fields of each kind, a dangerous form and a button alone. One field has a mistake."),
            (Split((PageForms(),), (_outcome(_),)),),
        ),
    )


def _values(_: Language) -> tuple[Sample, ...]:
    shown = (
        Shown(_("Challenge"), "482913"),
        Shown(_("Temporary code"), "K7QM2WXR", copied=True),
        Shown(_("Number on the login page"), "47"),
    )
    return (
        Sample("Shown", _("A value to read, to type or to copy. Long ones are in groups."), shown=shown),
        Sample("Filter", _("Links to parts of a list. The first part is shown."), (_filter(_),)),
        Sample("CodeSheet", _("The codes of a card, each with its index number."), (CodeSheet(("4827", "1930", "7751")),)),
        Sample("Table", _("Rows with states, amounts and actions. In a narrow window each row is a card."), tables=_tables(_)),
    )


def _filter(_: Language) -> Filter:
    return Filter(_("Show"), (Link("", _("All")), Link(PATH, _("Emails")), Link(PATH, "SMS")))


def _more(_: Language) -> Link:
    return Link(PATH, _("Change"))


def _alerts(_: Language) -> tuple[Block, ...]:
    link = (Link(PATH, _("Security events")),)
    return (
        Alert(SUCCESS, _("The protection is on again."), (_("Every login needs a device."),)),
        Alert(
            INFO, _("Waiting changes"), (_("The change takes effect after some days. The owner was notified and can stop it."),)
        ),
        Alert(WARNING, _("You have opted out. See below what is restricted now."), links=link),
        Alert(
            DANGER,
            _("That answer was not correct. Tries left:\u00a0{left}. After the last one, you must start again.", left=4),
            icon="shield-off",
        ),
    )


def _devices(_: Language) -> Listing:
    badges = (
        Badge(_("in use"), SUCCESS),
        Badge(_("shared"), INFO),
        Badge(_("not activated yet"), WARNING),
        Badge(_("stolen"), DANGER),
        Badge(_("ended"), NEUTRAL),
    )
    rows = [
        Item(
            _(name),
            ICONS[kind],
            badges[number % len(badges)],
            (_("Last used: {moment}", moment=_.moment(_SAMPLE_TIME)),),
            (button(PATH, _("Activate")), button(PATH, _("Remove"), danger=True)) if number == 0 else (),
            (Link(PATH, _("Change")),) if number == 1 else (),
        )
        for number, (kind, name) in enumerate(KINDS.items())
    ]
    return Listing(
        _("Devices"), rows, more=Link(PATH, _("Security devices")), words=(_("your security devices and card requests"),)
    )


def _other_lists(_: Language) -> tuple[Listing, ...]:
    rows = [
        Item(name, "person", details=(_("Code by SMS"),), actions=(button(PATH, _("Remove")),)) for name in ("anna", "carl")
    ]
    sent = Item(
        _("Code"), "sms", quote=Quote(_("A code is on its way to {number}.", number="+41…67"), _.code), details=("10:42",)
    )
    return (
        Listing(_("Found"), rows, dense=True),
        Listing(_("To make: {count}", count=2), rows, forms=(button(PATH, _("Agree")),)),
        Listing(_("Sent messages"), (sent,)),
        Listing(_("Or go your own way"), rows, folded=True),
    )


def _meters(_: Language) -> Meters:
    left = [
        Meter(
            _("Left today"), _("{left} of {limit}", left=_.dollars(Decimal(left)), limit=_.dollars(Decimal(1000))), left, 1000
        )
        for left in (1000, 350, 0)
    ]
    return Meters(_("Withdrawal limits"), left, (_("any amount"),), links=(Link(PATH, _("Withdraw money")),))


def _columns(_: Language) -> Columns:
    person = Facts(_("Caller"), ((_("User name"), "anna"),))
    return Columns((person, Facts(_("Owner"), ((_("User name"), "carl"), (_("Country of residence"), _.country("DE"))))))


def _instructions(_: Language) -> Instructions:
    return Instructions([marked(_(each)) for each in INSTRUCTIONS[Kind.DSC_PLUS]])


def _outcome(_: Language) -> Outcome:
    words = (_("All your other sessions end, and you are notified."), _("This cannot be undone."))
    return Outcome(_("What will happen"), words)


def _outcomes(_: Language) -> tuple[Block, ...]:
    return (
        Outcome(_("Close the account"), (_("This cannot be undone."),)),
        Outcome(
            _("Waiting changes"),
            (_("The change takes effect after some days. The owner was notified and can stop it."),),
            WARNING,
        ),
        Outcome(_("Is this correct?"), (_("Those concerned are notified."),), INFO),
    )


def _dialogues(_: Language) -> tuple[Block, ...]:
    form = Form(PATH, _("Save the name"), (Field("name", _("Name")),))
    naming = Dialogue(
        _("Name a device"), _("Name a device"), (_("For example the phone that the app is on. Only you see it."),), (form,)
    )
    return (
        naming,
        Dialogue(
            _("Remove"),
            _("Remove the number?"),
            (_("This cannot be undone."),),
            (button(PATH, _("Remove"), danger=True),),
            True,
        ),
        replace(naming, opened=True),
    )


def _forms(_: Language) -> tuple[Form, ...]:
    choices = (Choice("yes", _("Agree"), _("any amount")), Choice("no", _("Refuse")))
    countries = [Choice(code, _.country(code)) for code in ("CH", "DE")]
    fields = (
        Field("tracking", _("Tracking number"), hint=_("The number of the parcel."), optional=True),
        Field("password", _("Password"), "password", optional=True),
        Field("code", _("Code"), "code", optional=True),
        Field("day", _("Date"), "date", optional=True),
        Field("amount", _("Amount"), "amount", optional=True),
        Field("note", _("Note"), "lines", optional=True),
        Field("country", _("Country of residence"), "select", value="CH", choices=countries),
        Field("choice", _("Decision"), "radio", value="yes", choices=choices),
        Field("sure", _("I know what I will lose"), "checkbox", optional=True),
    )
    return (
        Form(PATH, _("Continue"), fields, also=((PATH, _("Send another code")),)),
        Form(PATH, _("Close the account"), (Field("sure", _("Close it permanently"), "checkbox"),), danger=True),
        button(PATH, _("Cancel")),
    )


def _tables(_: Language) -> tuple[Table, ...]:
    heads = (_("User name"), _("State"), _("Amount"), _("Actions"))
    kinds = ("text", "moment", "amount", "amount")
    actions = (button(PATH, _("Stop sharing")), button(PATH, _("Refuse"), danger=True))
    rows = [
        Row(("anna", Cell(_("shared"), badge=INFO), _.dollars(Decimal(20))), actions, _("Code by SMS")),
        Row((Cell("anna.work", _("Code by SMS")), Cell(_("ended"), badge=NEUTRAL), NONE), (), _("Codes by SMS and call")),
    ]
    return (Table(_("Shared devices"), heads, rows, "", kinds), Table(_("Requests"), heads, (), _("Nothing is waiting.")))
