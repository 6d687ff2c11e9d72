"""Attempts with wrong passwords from an address."""

from tests.host.login.scenario import Scenario

from dsc_host.login import TooManyAttempts, WrongCredentials

WRONG = "a wrong one, surely"


def tried(scenario: Scenario, name: str, address: str) -> bool:
    """Try a wrong password. Return whether it was checked."""
    try:
        scenario.system.begin(name, WRONG, address)
    except WrongCredentials:
        return True
    except TooManyAttempts:
        return False
    raise AssertionError("a wrong password was accepted")
