"""The page that shows every component of the design system in every state."""

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
    Columns,
    Dialogue,
    Empty,
    Facts,
    Instructions,
    Item,
    Listing,
    Meter,
    Meters,
    Outcome,
    PageForms,
    Split,
)
from dsc_host.portal.demo.demonstration import Demonstration
from dsc_host.portal.languages import NONE, Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Block, Cell, Choice, Field, Form, Link, Row, Shown, Steps, Table, View, button
from dsc_host.portal.wording import INSTRUCTIONS, KINDS

PATH = "/components"


def components(_demo: Demonstration, visit: Visit) -> Response:
    """Show all components."""
    return visit.show(_view(visit._))


def refused(_demo: Demonstration, visit: Visit) -> Response:
    """Show all components, and the form as it looks after a mistake."""
    _ = visit._
    return visit.wrong(visit.as_sent(_view(_), "code"), _("The code is not correct. Try again, or request a new one."), 400)


def _view(_: Language) -> View:
    return View(
        _("Components"),
        words=(_("This page shows every component of the pages in every state. Nothing on it changes anything."),),
        steps=Steps((_("Request a card"), _("Is this correct?"), _("OK")), 2),
        facts=((_("User name"), "anna"), (_("Postal address"), "1 Harbour Road\n6300 Zug")),
        blocks=(
            *_alerts(_),
            _devices(_),
            _columns(_),
            _instructions(_),
            *_dialogues(_),
            Split((PageForms(),), (_outcome(_),)),
        ),
        shown=(Shown(_("Challenge"), "482913"),),
        forms=_forms(_),
        placed=True,
        back=Link(PATH, _("Back")),
        tables=_tables(_),
        links=(Link("/demonstration", _("Demonstration"), _("other ways to log in")),),
    )


def _alerts(_: Language) -> tuple[Block, ...]:
    link = (Link(PATH, _("Security events")),)
    return (
        Alert(SUCCESS, _("The protection is on again."), (_("Every login needs a device."),)),
        Alert(
            INFO, _("Waiting changes"), (_("The change takes effect after some days. The owner was notified and can stop it."),)
        ),
        Alert(WARNING, _("The protection is switched off. See below what is restricted now."), links=link),
        Alert(DANGER, _("That answer was not correct. Choose a device and try again."), icon="shield-off"),
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
            (_("Last used"),),
            (button(PATH, _("Activate")), button(PATH, _("Remove"), danger=True)) if number == 0 else (),
            (Link(PATH, _("Change")),) if number == 1 else (),
        )
        for number, (kind, name) in enumerate(KINDS.items())
    ]
    return Listing(
        _("Devices"), rows, more=Link(PATH, _("Security devices")), words=(_("your security devices and card requests"),)
    )


def _columns(_: Language) -> Columns:
    left = [
        Meter(
            _("Left today"), _("{left} of {limit}", left=_.dollars(Decimal(left)), limit=_.dollars(Decimal(1000))), left, 1000
        )
        for left in (1000, 350, 0)
    ]
    return Columns(
        (
            Meters(_("Withdrawal limits"), left, (_("any amount"),), links=(Link(PATH, _("Withdraw money")),)),
            Facts(_("Bank instructions"), (("IBAN", "···· 4431"),), Link(PATH, _("Change"))),
            Listing(_("Your sessions"), (), Empty(_("There are none."), "window", Link(PATH, _("Log in")))),
            Actions(
                _("Actions"),
                (
                    ("parcel", Link(PATH, _("Request a card"))),
                    ("money", Link("", _("Withdraw money"), _("any amount"))),
                ),
            ),
        )
    )


def _instructions(_: Language) -> Instructions:
    return Instructions(tuple(map(_, INSTRUCTIONS[Kind.DSC_PLUS])))


def _outcome(_: Language) -> Outcome:
    words = (_("All your other sessions end, and you are notified."), _("This cannot be undone."))
    return Outcome(_("This will happen"), words)


def _dialogues(_: Language) -> tuple[Block, ...]:
    form = Form(PATH, _("Save the name"), (Field("name", _("Name")),))
    return (
        Dialogue(
            _("Name a device"), _("Name a device"), (_("For example the phone that the app is on. Only you see it."),), (form,)
        ),
        Dialogue(
            _("Remove"),
            _("Remove the number?"),
            (_("This cannot be undone."),),
            (button(PATH, _("Remove"), danger=True),),
            True,
        ),
    )


def _forms(_: Language) -> tuple[Form, ...]:
    choices = (Choice("yes", _("Agree"), _("any amount")), Choice("no", _("Refuse")))
    fields = (
        Field("tracking", _("Tracking number"), hint=_("The number of the parcel."), optional=True),
        Field("password", _("Password"), "password", optional=True),
        Field("code", _("Code"), "code", optional=True),
        Field("day", _("Date"), "date", optional=True),
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
        Row((Cell("anna.work", _("Code by SMS")), Cell(_("ended"), badge=NEUTRAL), NONE), actions, _("Codes by SMS and call")),
    ]
    return (Table(_("Shared devices"), heads, rows, "", kinds), Table(_("Requests"), heads, (), _("Nothing is waiting.")))
