"""Shares of anna's card: one that the card has agreed to, and logins by it."""

from tests.login.town import PASSWORD, Town

from dsc_host.login import Kind


def proven(town: Town, token: str) -> str:
    """Begin a share of anna's card and let her card agree to it; return the share's id."""
    share, offer = town.system.begin_share(token, "anna", PASSWORD)
    assert town.system.answer_share(token, share.id, town.respond("IB3000901", offer.shows["challenge"]))
    return share.id


def by_annas_card(town: Town, name: str) -> str:
    """Log a user in with anna's card; return the session."""
    step = town.chosen(name, Kind.DSC_PLUS)
    assert step.offer is not None
    return town.answered(step.token, town.respond("IB3000901", step.offer.shows["challenge"]))
