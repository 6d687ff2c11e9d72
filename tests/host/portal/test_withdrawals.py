"""The pages of a withdrawal: who can withdraw, how much, the check before it, and the same form sent twice."""

import re
from decimal import Decimal

from tests.host.login.scenario import DAY, Scenario
from tests.host.portal.browser import Browser, Browsers, enter

IBAN = "CH93 0076 2011 6238 5295 7"


def with_bank(scenario: Scenario, visitor: Browser, name: str = "carl") -> Browser:
    """Log in as a user of an account with bank instructions, and open the page."""
    user = enter(scenario, visitor, name)
    scenario.system.change_bank(user.cookie, iban=IBAN)
    user.open("/withdraw")
    return user


def test_without_bank_instructions_there_is_no_form_but_the_way_to_add_them(scenario: Scenario, browser: Browsers) -> None:
    carl = enter(scenario, browser(), "carl")
    page = carl.open("/withdraw")
    assert "Add bank instructions before you withdraw money" in page.text
    assert 'href="/profile/bank">Add bank instructions' in page.html
    assert 'name="amount"' not in page.html
    page = carl.post("/withdraw", amount="5")
    assert (page.status, page.error) == (
        409, "There are no bank instructions to send the money to; add them first.",
    )  # fmt: skip
    assert carl.post("/withdraw", amount="5", sure="yes", entry="0" * 16).status == 409


def test_who_may_not_add_bank_instructions_is_told_who_can(scenario: Scenario, browser: Browsers) -> None:
    anna, ben = enter(scenario, browser()), enter(scenario, browser(), "ben")
    page = ben.open("/withdraw")
    assert ("ask anna" in page.text, "/profile/bank" in page.html) == (True, False)
    scenario.system.opt_out(anna.cookie)
    page = anna.open("/withdraw")
    assert ("only through support" in page.text, "/profile/bank" in page.html) == (True, False)


def test_the_amount_that_can_be_withdrawn_now_is_at_the_field_and_the_limits_are_below(
    scenario: Scenario, browser: Browsers
) -> None:
    page = with_bank(scenario, browser()).page
    assert re.search(
        '<form method="post" action="/withdraw".*Left today</span> <b>[$]200,000.00 of [$]200,000.00</b>.*Left within five',
        page.html,
        re.S,
    )
    assert "Your balance is checked when the money is sent: if it is too low, nothing is sent." in page.text
    assert 'id="f1-1-hint">At most $200,000.00 today. For example 1,250.00</p>' in page.html
    assert re.search(
        'aria-label="You are here"><ol><li><a href="/withdraw">Money</a></li><li aria-current="page">Withdraw money</li>',
        page.html,
    )
    assert 'href="/">Back</a>' in page.html
    page = with_bank(scenario, browser(), "anna").page
    assert "<dt>You can withdraw now</dt><dd>Any amount: your device has no limit.</dd>" in page.html
    assert re.search('<input id="f1-1" name="amount" type="text" inputmode="decimal"', page.html)


def test_an_amount_is_checked_before_it_is_withdrawn(scenario: Scenario, browser: Browsers) -> None:
    carl = with_bank(scenario, browser())
    page = carl.press("Continue", amount="150,000")
    assert page.title == "Check the withdrawal"
    facts = re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", page.html)
    assert facts == [
        ("Amount", "$150,000.00"),
        ("From", "Account of Carl"),
        ("To", "CH…2957"),
        ("Fee", "None from us. Your bank may charge one."),
        ("Arrives", "By November\xa017,\xa02023"),
        ("Limit left afterwards", "$50,000.00"),
    ]
    assert '<a href="/withdraw">Money</a></li><li aria-current="page">Withdraw money</li>' in page.html
    assert page.path == "/withdraw/check", "so that the back button leads here again"
    change = re.search('href="(/withdraw[?]kept=[^"]*)">Change the amount</a>', page.html)
    assert change is not None
    assert "Left today $200,000.00" in carl.open("/withdraw").text, "nothing is withdrawn yet"
    page = carl.open(change[1])
    assert (page.title, page.forms[-2].fields["amount"]) == ("Withdraw money", "150,000.00")
    carl.press("Continue")
    assert carl.press("Withdraw $150,000.00").notice == (
        "The withdrawal of $150,000.00 from the account of Carl to CH…2957 was recorded. It arrives by November\xa017,\xa02023."
    )
    assert "Left today $50,000.00 of $200,000.00" in carl.page.text
    assert "You can withdraw $200,000.00 a day again from November 15, 2023." in carl.page.text


def test_the_check_page_is_only_for_the_session_that_asked_for_it(scenario: Scenario, browser: Browsers) -> None:
    carl = with_bank(scenario, browser())
    carl.press("Continue", amount="5")
    assert carl.press("Deutsch").title == "Auszahlung prüfen"
    assert carl.press("English").title == "Check the withdrawal"
    kept = str(carl.page.response.url)
    assert carl.open(kept).title == "Check the withdrawal"
    for path in (kept[:-5], "/withdraw/check", f"/withdraw/check?kept={scenario.system.proofs.seal(carl.cookie, '/x', {})}"):
        assert carl.open(path).path == "/withdraw"
    other = enter(scenario, browser(), "carl")
    assert other.open(kept).path == "/withdraw"


def test_a_withdrawal_goes_only_to_the_bank_that_was_checked(scenario: Scenario, browser: Browsers) -> None:
    carl = with_bank(scenario, browser())
    carl.press("Continue", amount="5")
    scenario.system.change_bank(carl.cookie, iban="DE89370400440532013000")
    page = carl.press("Withdraw $5.00")
    words = "The bank instructions have changed meanwhile; check everything again."
    assert (page.status, page.error, "To DE…3000" in page.text) == (409, words, True)
    assert "Left today $200,000.00" in page.text
    carl.press("Continue", amount="5")
    assert "to DE…3000 was recorded" in carl.press("Withdraw $5.00").notice


def test_too_much_is_refused_at_the_field(scenario: Scenario, browser: Browsers) -> None:
    carl = with_bank(scenario, browser())
    page = carl.press("Continue", amount="200000.01")
    words = "At most $200,000.00 a day. For more, log in with a device that has a higher limit."
    assert (page.status, page.error) == (409, "The amount is more than your daily limit.")
    assert page.forms[-2].fields["amount"] == "200000.01"
    assert f'id="f1-1-error">{words}</p>' in page.html
    assert ("login.withdraw", "refused", "") in scenario.events()


def test_too_much_for_the_rest_of_the_limit_is_told_with_the_day_when_it_is_full_again(
    scenario: Scenario, browser: Browsers
) -> None:
    carl = with_bank(scenario, browser())
    scenario.system.withdraw(carl.cookie, Decimal(150_000))
    page = carl.press("Continue", amount="60000")
    assert page.error == "The amount is more than the $50,000.00 that are left of today's limit."
    assert "At most $50,000.00 today. From November 15, 2023: $200,000.00 a day." in page.text
    assert page.html.index('name="amount"') < page.html.index("From and to") < page.html.index("Account of"), (
        "the field is first"
    )
    for amount in (50_000, 200_000, 150_000):
        scenario.system.withdraw(carl.cookie, Decimal(amount))
        scenario.clock.advance(DAY)
        carl = enter(scenario, browser(), "carl")
    carl.open("/withdraw")
    page = carl.press("Continue", amount="60000")
    assert "At most $50,000.00 today. From November 21, 2023: $200,000.00 a day." in page.text


def test_a_deposit_is_offered_in_the_ways_that_fit_the_bank_account(scenario: Scenario, browser: Browsers) -> None:
    carl = with_bank(scenario, browser())
    page = carl.open("/deposit")
    assert re.findall('type="radio"[^>]*value="(.*?)"', page.html) == ["eft", "wire"]


def test_the_limit_may_be_used_up_after_the_check(scenario: Scenario, browser: Browsers) -> None:
    one = with_bank(scenario, browser())
    other = enter(scenario, browser(), "carl")
    other.open("/withdraw")
    for each in (one, other):
        each.press("Continue", amount="150000")
    assert one.press("Withdraw $150,000.00").notice
    page = other.press("Withdraw $150,000.00")
    assert (page.status, "At most $50,000.00 today" in page.text) == (409, True)
    other.press("Continue", amount="50000")
    page = other.press("Withdraw $50,000.00")
    assert "Nothing is left of your limit now" in page.text
    assert 'name="amount"' not in page.html


def test_the_same_form_sent_twice_withdraws_once(scenario: Scenario, browser: Browsers) -> None:
    carl = with_bank(scenario, browser())
    form = carl.press("Continue", amount="5").forms[-2].fields
    assert "was recorded. It" in carl.press("Withdraw $5.00").notice
    for amount in ("5.00", "9.00"):
        page = carl.post("/withdraw", **{**form, "amount": amount})
        assert page.notice == "This withdrawal was already recorded. The same form moves the money only once."
    assert "Left today $199,995.00" in page.text
    for entry in ("", "x", "0" * 15):
        assert carl.post("/withdraw", **{**form, "entry": entry}).status == 409
    assert "Left today $199,995.00" in carl.open("/withdraw").text
