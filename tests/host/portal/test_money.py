"""The pages of money: what was held and charged for devices, and transfers into the account."""

from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.browser import Browsers, come_with, enter

from dsc_host.login import Loss


def test_the_owner_sees_what_was_charged_and_when(scenario: Scenario, browser: Browsers) -> None:
    scenario.lose("anna", "IB3000901", Loss.LOST)
    ivo = enter(scenario, browser(), "ivo")
    ivo.open("/issuer")
    assert "amount of money" in ivo.press("Keep", serial="IB3000901", amount="much").error
    assert "cannot be undone" in ivo.press("Keep", serial="IB3000901", amount="40.00").text
    assert ivo.press("Keep $40.00").notice == "The deposit was kept."
    anna = come_with(browser(), scenario.bridged("anna")[1])
    text = anna.open("/statements").text
    assert "IB3000901 Account of Anna anna kept Nov 14, 2023 $40.00" in text


def test_money_is_deposited_within_the_limit_of_an_account_without_protection(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/deposit")
    assert anna.press("Deposit money", amount="20000.01", method="ach").notice[:31] == "The transfer of $20,000.01 into"
    scenario.system.opt_out(anna.cookie)
    come_with(anna, scenario.system.skip(scenario.system.begin("anna", PASSWORD).token).token).open("/deposit")
    page = anna.press("Deposit money", amount="1", method="eft")
    assert (page.status, page.error) == (
        409, "Without protection by a device, at most $0.00 can be deposited in this way now.",
    )  # fmt: skip
