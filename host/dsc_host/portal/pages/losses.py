"""The pages at which a user who cannot log in reports a lost device.

The device is suspended immediately, without a call to support.
"""

from dataclasses import replace

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import DeviceView, Loss, Stage, Step
from dsc_host.portal.components import SUCCESS, Alert, Facts, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.contact import office_of, telephones
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Choice, Field, Form, Link, View
from dsc_host.portal.wording import KINDS, LOSSES, which

_REPORTED = (Loss.LOST, Loss.STOLEN)


def losing(visit: Visit) -> Response:
    """Show the form for the name and password of the user who has lost a device."""
    return visit.show(_first(visit._))


def begun(visit: Visit) -> Response:
    """Check name and password, and go to the choice of the device."""
    name = visit.value("name", 64)
    with visit.again(lambda: _first(visit._, name)):
        step = visit.system.begin(name, visit.form.get("password", ""), visit.address)
    return visit.go("/" if step.stage is Stage.IN else "/lost/device", token=step.token)


def device(visit: Visit) -> Response:
    """Show the choice of the device that is lost."""
    return visit.show(_choosing(visit, visit.system.step(visit.token)))


def lost(visit: Visit) -> Response:
    """Suspend the device, and show the ways to continue."""
    _, loss = visit._, visit.value("loss", 16)
    with visit.again(lambda: _choosing(visit, visit.system.step(visit.token))):
        if loss not in tuple(Loss):
            raise InputError("loss", "must be one of {kinds}", kinds=", ".join(_REPORTED))
    numbers = telephones(_, office_of(visit))
    visit.system.report_loss(visit.token, visit.value("device", 32), Loss(loss))
    done = Alert(
        SUCCESS,
        _("Nobody can log in with this device any more."),
        (_("All sessions have ended. You were notified by email, and by SMS at every confirmed number."),),
    )
    found = Item(
        _("If you find the device"),
        "success",
        details=(_("Log in with another one, and activate it again on the page Security devices."),),
    )
    ways = ways_on(visit, Link("/login", _("Log in")))
    view = View(
        _("The device is suspended"),
        blocks=(done, replace(ways, items=(*ways.items, found)), Facts(_("Telephone numbers"), numbers)),
    )
    return visit.show(view)


def losing_link(_: Language) -> Link:
    """Return the link to the first page of a loss."""
    return Link("/lost", _("My device is lost or stolen"), _("suspend it immediately"))


def ways_on(visit: Visit, other: Link | None = None) -> Listing:
    """Return the ways to continue without a device: another device, the app, or support.

    `other` leads to another device; None for a user who has none.
    """
    _ = visit._
    words = _("Log in with your password, and choose the device.")
    another = () if other is None else (Item(_("With another device"), "card", details=(words,), links=(other,)),)
    return Listing(
        _("Ways to log in"),
        (
            *another,
            Item(
                _("With the app on your phone"),
                "phone",
                details=(
                    _(
                        "If the phone's number is confirmed, activate the app on it with your user name, your password and the"
                        " code that it gets by SMS."
                    ),
                ),
            ),
            Item(
                _("With a temporary code"),
                "call",
                details=(
                    _(
                        "Call support. After they have identified you, you get a temporary code. Log in with your password, and"
                        " choose Temporary code. Then you can request a new device."
                    ),
                ),
            ),
        ),
    )


def _first(_: Language, name: str = "") -> View:
    fields = (
        Field("name", _("User name"), value=name, autocomplete="username", longest=64),
        Field("password", _("Password"), "password", autocomplete="current-password", longest=128),
    )
    words = _(
        "Was your device lost or stolen? Suspend it here, with your user name and password. No device is needed for this."
    )
    return View(
        _("Lost device"),
        words=(words,),
        forms=(Form("/lost", _("Continue"), fields),),
        back=Link("/login", _("Back to the login")),
        focus=True,
    )


def _choosing(visit: Visit, step: Step) -> View:
    _ = visit._
    if not step.choices:
        return View(
            _("No device"),
            words=(_("You have no device in use, so nothing needs to be suspended."),),
            blocks=(ways_on(visit), Facts(_("Telephone numbers"), telephones(_, office_of(visit)))),
            onward=Link("/login", _("Start again")),
        )
    fields = (_which(_, step.choices), _what(_))
    form = Form("/lost/device", _("Suspend the device"), fields, danger=True)
    words = (
        _("Nobody can log in with the device any more, under any user name that uses it."),
        _("If it is a phone, its numbers are suspended too."),
        _("All your sessions end, and you are notified."),
    )
    return confirmations.question(visit, _("Lost device"), words, (), form, Link("/login", _("Start again")))


def _which(_: Language, devices: tuple[DeviceView, ...]) -> Field:
    choices = [Choice(each.id, _(KINDS[each.kind]), which(each)) for each in devices]
    return Field("device", _("Which device is lost?"), "radio", value=choices[0].value, choices=choices)


def _what(_: Language) -> Field:
    choices = [Choice(each, _(LOSSES[each])) for each in _REPORTED]
    return Field("loss", _("What happened"), "radio", value=choices[0].value, choices=choices)
