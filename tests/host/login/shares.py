"""Shares of anna's card that her card has agreed to."""

from tests.host.login.town import PASSWORD, Town


def proven(town: Town, token: str) -> str:
    """Begin a share of anna's card and let her card agree to it. Return the share's id."""
    share, offer = town.system.begin_share(token, "anna", PASSWORD)
    assert town.system.answer_share(token, share.id, town.respond("IB3000901", offer.shows["challenge"]))
    return share.id
