"""Calls to support on a walk: the caller is identified."""

from tests.portal.chromium.walking import Walk

from dsc_host.portal.demonstration import ANNA


def identified(walk: Walk, name: str) -> Walk:
    """Open support's page in another browser, and identify this caller of anna's person."""
    desk = walk.another().enter("sue").open("/desk")
    desk.press(
        "Check", User_name=name, Date_of_birth=ANNA.birth_date, Citizenship=ANNA.citizenship,
        Country_of_residence=ANNA.residence, Document_number=ANNA.document_number,
    )  # fmt: skip
    assert desk.title == f"{name} is calling"
    return desk


def identify_carl(desk: Walk) -> Walk:
    """Identify carl on support's page."""
    desk.page.locator("form[action='/desk/identify']").get_by_label("Identity card").check()
    return desk.press(
        "Check", User_name="carl", Date_of_birth="1975-11-02", Citizenship="DE", Country_of_residence="DE",
        Document_number="L01X00T47",
    )  # fmt: skip
