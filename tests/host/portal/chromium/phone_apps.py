"""The app on the demonstration's phones, on a walk."""

from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Kind
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD

APP_PIN = "2x-84"


def open_phone(walk: Walk, owner: str) -> Walk:
    """Open the page of a person's phone, in another tab."""
    phone = walk.tab().open("/demonstration")
    phone.page.locator(".folded summary").first.click()
    return phone.press("Phone", owner)


def activate(phone: Walk, name: str, pin_label: str = "PIN of the app", **fields: str) -> Walk:
    """Activate the app on an open phone for a user."""
    if phone.button("Activate the app for another user").count():
        phone.press("Activate the app for another user")
    phone.press("Send the activation code", User_name=name, Password=DEMO_PASSWORD)
    fields |= {pin_label: APP_PIN, "Also allow my fingerprint": "yes", "Activation code from the SMS": phone.sent("sms")}
    phone.press("Activate", **fields)
    assert phone.has_notice("app_activated")
    return phone


def enter_by_app(walk: Walk, name: str) -> Walk:
    """Log in by a push that is approved with a finger, on the phone of this person, without its pages."""
    step, app = walk.half_way(name, Kind.PHONE_APP), walk.shown.phone(name)
    user, push = next(each for each in app.waiting() if each[0].name == name)
    assert step.offer is not None
    app.approve(user, push, step.offer.shows["number"], pin=None)
    done = walk.shown.system.answer(step.token, "").step
    assert done is not None, "it was refused"
    walk.come_with(done)
    return walk


def activate_phone(walk: Walk, name: str) -> Walk:
    """Activate the app for a user on a phone that had none."""
    return activate(open_phone(walk, name), name, "New PIN for the app")
