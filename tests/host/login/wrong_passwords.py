"""Attempts with wrong passwords from an address."""

from tests.host.login.town import Town

from dsc_host.login import TooManyAttempts, WrongCredentials

WRONG = "a wrong one, surely"


def tried(town: Town, name: str, address: str) -> bool:
    """Try a wrong password. Return whether it was checked."""
    try:
        town.system.begin(name, WRONG, address)
    except WrongCredentials:
        return True
    except TooManyAttempts:
        return False
    raise AssertionError("a wrong password was accepted")
