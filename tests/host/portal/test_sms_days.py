"""The pages after the end of full access by SMS: the account, with the way to another device."""

from tests.host.login.scenario import DAY, new_scenario
from tests.host.portal.browser import browsers, come_with
from tests.host.verifier_samples import Clock


def test_a_card_is_requested_by_sms_whose_days_are_over() -> None:
    clock = Clock()
    with new_scenario(clock, sms={"days": 30}) as scenario, browsers(scenario.system) as browser:
        clock.advance(29 * DAY)
        scenario.system.operator.run_due()
        carl = come_with(browser(), scenario.enter_by_sms("carl"))
        assert "Full access until" in carl.open("/devices").text
        clock.advance(7 * DAY)
        carl = come_with(browser(), scenario.enter_by_sms("carl"))
        overview = carl.open("/").html
        assert 'href="/request"' in overview
        assert 'href="/withdraw"' not in overview
        assert 'href="/phones"' not in carl.open("/devices").html
        carl.open("/request")
        assert carl.press("Continue", address="1 Harbour Road, Zug", pin="8246", again="8246").title == "Is this correct?"
