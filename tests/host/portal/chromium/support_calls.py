"""Calls to support on a walk, with an identified caller."""

from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Identity
from dsc_host.portal.demo.demonstration import ANNA


def identified(walk: Walk, name: str, who: Identity = ANNA, **options: object) -> Walk:
    """Open support's page in another browser in which this caller is already identified."""
    desk = walk.another(**options).enter("sue")
    assert walk.shown.system.staff.identify(desk.token, name, who)
    return desk.open("/desk")


def questioned(desk: Walk, name: str) -> Walk:
    """Search for a user by the whole name of their person, and open the questions for the caller."""
    person = "Anna Example" if name.startswith("anna") else "Carl Example"
    desk.open("/desk").press("Search", **{"Who is calling?": person})
    return (
        desk.press("Ask the questions", f"{name} {person}")
        if desk.page.locator("form[action='/desk/caller']").count()
        else desk
    )


def take_out(desk: Walk, row: str, loss: str) -> Walk:
    """Take the device in this row out of use."""
    desk.press("Take out of use", row).choose(loss, "Take out of use")
    assert desk.has_notice("taken")
    return desk


def given_code(desk: Walk) -> str:
    """Give the caller a temporary code, and return it."""
    return desk.press("Give", desk._("Temporary code")).press("Give the code").read


def issue_code_card(desk: Walk) -> Walk:
    """Issue a security code card to the caller, and show its codes."""
    return desk.press("Issue", desk._("Security code card")).press("Issue the card")
