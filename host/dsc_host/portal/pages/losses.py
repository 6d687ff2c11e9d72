"""The pages with which a user reports a lost device, at the login or in a session.

The report takes effect immediately, without a call to support. It suspends the device, or ends it if it is not permanent.
"""

from collections.abc import Iterator
from dataclasses import replace

from starlette.responses import Response

from dsc_host.errors import InputError
from dsc_host.login import DeviceView, Kind, Loss, Stage
from dsc_host.portal.components import SUCCESS, Alert, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import is_for
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.contact import call_links, office_of, telephones
from dsc_host.portal.pages.device_items import about
from dsc_host.portal.site import Visit
from dsc_host.portal.user_agents import browser_of
from dsc_host.portal.views import Choice, Field, Form, Link, View
from dsc_host.portal.wording import KINDS, LOSSES, device_name

_REPORTED = (Loss.LOST, Loss.STOLEN)
_PHONES = (Kind.PHONE_APP, Kind.SMS, Kind.VOICE)


def login_form(visit: Visit) -> Response:
    """Show the form for name and password. Redirect a user who is logged in to the choice of the lost device."""
    return visit.redirect("/lost/device") if visit.is_logged_in() else visit.show(_first(visit))


def begin(visit: Visit) -> Response:
    """Check name and password, and redirect to the choice of the device. A user of a closed account is logged in instead."""
    name = visit.value("name", 64)
    with visit.showing_errors(lambda: _first(visit, name)):
        step = visit.system.begin(name, visit.form.get("password", ""), visit.address, browser_of(visit.request))
    return visit.redirect("/" if step.stage is Stage.IN else "/lost/device", token=step.token)


def device(visit: Visit) -> Response:
    """Show the choice of the device that is lost."""
    return visit.show(_choosing(visit, visit.request.query_params.get("device", "")))


def report(visit: Visit) -> Response:
    """Report the loss of the device. If the session continues, redirect to the devices. Otherwise, show the ways to log in."""
    named, loss = visit.value("device", 32), visit.value("loss", 16)
    with visit.showing_errors(lambda: _choosing(visit, named)):
        if loss not in tuple(Loss):
            raise InputError("loss", "must be one of {kinds}", kinds=", ".join(_REPORTED))
        devices = visit.system.devices_to_report(visit.token)
        reported = next((each for each in devices if each.id == named), None)
        goes_on = visit.system.report_loss(visit.token, named, Loss(loss))
    if goes_on:
        return visit.redirect_after_change("/devices", notice="suspended")
    lasting = reported is None or reported.lasting
    name = "" if reported is None else about(visit._, reported)
    return visit.show(_suspended(visit, name, lasting=lasting, others=any(each.id != named for each in devices)))


def _suspended(visit: Visit, name: str, *, lasting: bool, others: bool) -> View:
    """Return the page after the report, for a visitor who is now logged out.

    `name` is the name of the device, or empty text. `lasting` says whether the device can be activated again, and `others` says
    whether the user has another device.
    """
    _ = visit._
    told = _("All sessions have ended. You were notified by email, and by SMS at every confirmed number.")
    done = Alert(
        SUCCESS,
        _("Nobody can log in with this device any more."),
        tuple(filter(None, (name, told))),
    )
    again = Item(
        _("Activate it again"),
        "success",
        details=(
            _("Log in with another one, and activate it again on the page Security devices.")
            if others
            else _("Log in with the app or a temporary code, and activate it again on the page Security devices."),
        ),
    )
    login = Link("/login", _("Log in"), primary=others or not call_links(visit))
    ways = ways_to_log_in(visit, login) if others else ways_to_log_in(visit, afterwards=login)
    found = (Listing(_("If you find the device"), (again,)),) if lasting else ()
    return View(_("The device is suspended"), blocks=(done, ways, *found))


def forgotten_password(visit: Visit) -> Listing:
    """Return the panel that says how a user who has forgotten the password gets a new one."""
    _ = visit._
    words = _("It cannot be reset on this page. Call support: after they have identified you, they set a new one.")
    item = Item(_("Have support set a new one"), "key", details=(words,), links=call_links(visit))
    return Listing(_("Forgotten your password?"), (item,))


def loss_report_link(_: Language) -> Link:
    """Return the link to the first page of a loss report."""
    return Link("/lost", _("My device is lost or stolen"), _("suspend it immediately"))


def ways_to_log_in(visit: Visit, other: Link | None = None, *, afterwards: Link | None = None) -> Listing:
    """Return the ways to log in without the usual device: with another device, with the app, or with the help of support.

    `other` is the link for a login with another device, or None if the user has no other device. `afterwards` is the link for
    the login after a call; the call is then the primary action of the page.
    """
    _ = visit._
    words = _("Log in with your password, and choose the device.")
    numbers, calls = telephones(_, office_of(visit)), call_links(visit)
    if afterwards is not None:
        calls = (*(replace(each, primary=True) for each in calls), afterwards)
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
                links=() if visit.is_logged_in() else (Link("/login", _("Log in with the app")),),
            ),
            Item(
                _("With a temporary code"),
                "call",
                details=(
                    _(
                        "Call support. After they have identified you, you get a temporary code, with which you log in and"
                        " request a new device."
                    ),
                    *(f"{name}: {number}" for name, number in numbers if len(numbers) > 1),
                ),
                links=calls,
            ),
        ),
    )


def _first(visit: Visit, name: str = "") -> View:
    _ = visit._
    fields = (
        Field("name", _("User name"), value=name, autocomplete="username", longest=64),
        Field("password", _("Password"), "password", autocomplete="current-password", longest=128),
    )
    words = _(
        "Was your device lost or stolen? Suspend it here, with your user name and password. No device is needed for this."
    )
    return View(
        _("Lost device"),
        words=(words, _("Support can suspend it too, by phone.")),
        forms=(Form("/lost", _("Continue"), fields),),
        back=Link("/login", _("Back to the login")),
        focus=True,
        script="password.js",
        below=(forgotten_password(visit),),
    )


def _choosing(visit: Visit, chosen: str) -> View:
    """Return the choice of the device. The device with the id `chosen` is selected, or else the first device."""
    _, devices = visit._, visit.system.devices_to_report(visit.token)
    inside = visit.is_logged_in()
    if not devices:
        away = Link("/", _("Overview")) if inside else Link("/login", _("Start again"))
        return View(
            _("No device"),
            words=(_("You have no device in use, so nothing needs to be suspended."),),
            blocks=(ways_to_log_in(visit),),
            onward=away,
        )
    form = Form("/lost/device", _("Suspend the device"), (_which(_, devices, chosen), _what(_)), danger=True)
    back = Link("/devices", _("Back to devices")) if inside else Link("/login", _("Cancel"))
    if inside and not is_for(visit.visitor(), "/devices"):
        back = Link("/", _("Back"))
    here = visit.visitor().device if inside else ""
    consequences = tuple(_consequences(_, devices, here, inside=inside))
    return confirmations.question(visit, _("Lost device"), consequences, (), form, back)


def _consequences(_: Language, devices: tuple[DeviceView, ...], here: str, *, inside: bool) -> Iterator[str]:
    """Yield the consequences of the report. `inside` says whether the visitor is logged in, and `here` with which device."""
    yield _("Nobody can log in with the device any more, under any user name that uses it.")
    if any(each.kind in _PHONES for each in devices):
        yield _("If it is a phone, its numbers are suspended too.")
    if inside and all(each.id != here for each in devices):
        yield _("Your other sessions end, and you are notified.")
    elif inside and len(devices) > 1:
        yield _("Your other sessions end, and you are notified. If the lost device opened this session, it ends too.")
    else:
        yield _("All your sessions end, and you are notified.")
    if len(devices) == 1:
        yield _("This is your only device. To log in before you have another one, call support for a temporary code.")


def _which(_: Language, devices: tuple[DeviceView, ...], chosen: str) -> Field:
    choices = [Choice(each.id, _(KINDS[each.kind]), device_name(each)) for each in devices]
    selected = chosen if any(each.id == chosen for each in devices) else devices[0].id
    return Field("device", _("Which device is lost?"), "radio", value=selected, choices=choices)


def _what(_: Language) -> Field:
    choices = [Choice(each, _(LOSSES[each])) for each in _REPORTED]
    return Field("loss", _("What happened"), "radio", value=choices[0].value, choices=choices)
