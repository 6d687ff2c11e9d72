"""The app on a phone: several users, another phone, a name, its end, and a longer session, walked in a real browser."""

from tests.host.portal.chromium.phone_apps import APP_PIN, activate, activate_phone, enter_by_app, open_phone
from tests.host.portal.chromium.walk import Walk

from dsc_host.portal.demo.demonstration import DEMO_PASSWORD


def test_an_app_has_several_users_one_of_whom_moves_to_another_phone_and_removes_it(walk: Walk) -> None:
    activate(activate_phone(walk, "carl"), "anna.work")
    other = open_phone(walk, "anna.work")
    other.press("Send the activation code", User_name="anna.work", Password=DEMO_PASSWORD)
    other.page.locator("[name=replace]").check()
    other.page.locator("[name=pin]").fill(APP_PIN)
    other.field("Also allow my fingerprint").check()
    other.picture("app-replaces-another")
    other.page.locator("[name=recovery]").fill(APP_PIN)
    assert other.press("Activate", Activation_code_from_the_SMS=walk.sent("sms")).has_notice("app_activated")
    enter_by_app(walk, "anna.work").open("/").follow("All devices")
    app = next(each for each in walk.shown.system.devices(walk.token) if each.live)
    walk.page.locator(f"a[href='/devices/device?device={app.id}']").click()
    assert walk.press("Save the name", Name="new phone").has_notice("named")
    walk.picture("device-named")
    walk.press("Remove", f"{walk._('App on your phone')} new phone ({app.label})").picture("remove-app")
    walk.press("Remove the app", **{"I know that no other device is left.": "yes"})
    assert walk.path == "/login"


def test_a_session_by_finger_is_extended(walk: Walk) -> None:
    phone = activate_phone(walk, "carl")
    enter_by_app(walk, "carl")
    walk.shown.clock.ahead += 20 * 3600
    walk.open("/").follow("Sessions").press("Extend this session").picture("extend-session")
    phone.press("Check for a waiting login")
    phone.press("Answer a challenge").press("Use my fingerprint", Challenge=walk.read)
    assert walk.press("Extend this session", Response=phone.read).has_notice("extended")
