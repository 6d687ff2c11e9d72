"""The request of a card on a walk, from the form to the parcel."""

from tests.portal.chromium.walking import Walk

NEW = "7391"


def request(walk: Walk, name: str) -> str:
    """Request a card in four steps, and have it made and sent; return its serial."""
    walk.open("/request").picture("request-1-form")
    fill(walk, NEW)
    walk.press("Continue").picture("request-2-summary")
    assert (walk.title, "$20.00" in walk.text, NEW not in walk.source) == ("Is this right?", True, True)
    assert walk.press("Continue").title == "Your card is requested"
    walk.picture("request-3-done")
    issuer = walk.another().enter("ivo").open("/issuer")
    issuer.picture("issuer-queue")
    assert issuer.press("Make all cards").notice == "The cards are made."
    serial = issuer.page.locator("tbody tr td").nth(2).inner_text()
    about = f"{name} {issuer.page.locator('tbody tr td').first.inner_text()}"
    assert issuer.press("Sent", about).notice == "The card is on its way."
    return serial


def fill(walk: Walk, pin: str) -> None:
    """Enter the PIN of the new card twice."""
    walk.page.get_by_label("PIN of four digits").fill(pin)
    walk.page.get_by_label("PIN, again").fill(pin)
