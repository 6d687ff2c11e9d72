"""Shares of anna's card that a response of the card has allowed."""

from tests.host.login.scenario import PASSWORD, Scenario


def proven(scenario: Scenario, token: str) -> str:
    """Begin a share of anna's card and let her card agree to it. Return the share's id."""
    share, offer = scenario.system.begin_share(token, "anna", PASSWORD)
    assert scenario.system.answer_share(token, share.id, scenario.respond("IB3000901", offer.shows["challenge"]))
    return share.id
