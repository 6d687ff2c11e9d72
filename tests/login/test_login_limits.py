"""What is counted when somebody logs in, for whom, and what that costs."""

import pytest
from tests.login.town import PASSWORD, Town

from dsc_host.login import TooManyAttempts, WrongCredentials

WRONG = "a wrong one, surely"


def tried(town: Town, name: str, address: str) -> bool:
    """Try a wrong password; return whether it was looked at."""
    try:
        town.system.begin(name, WRONG, address)
    except WrongCredentials:
        return True
    except TooManyAttempts:
        return False
    raise AssertionError("a wrong password was accepted")


def test_all_addresses_of_one_ipv6_network_are_one_client(quick_town: Town) -> None:
    looked_at = sum(tried(quick_town, "anna", f"2001:db8:0:1:{number:x}::{number:x}") for number in range(20))
    assert looked_at == 3
    assert not tried(quick_town, "anna", "2001:0DB8:0000:0001:ffff:ffff:ffff:ffff")
    assert quick_town.system.begin("anna", PASSWORD, "2001:db8:0:2::1")


def test_an_ipv4_address_in_ipv6_is_the_same_client(quick_town: Town) -> None:
    looked_at = sum(tried(quick_town, "anna", ("192.0.2.66", "::ffff:192.0.2.66")[number % 2]) for number in range(20))
    assert looked_at == 3


def test_many_names_from_one_ipv6_network_shut_it(quick_town: Town) -> None:
    looked_at = sum(tried(quick_town, f"name{number}", f"2001:db8::{number:x}") for number in range(120))
    assert looked_at == 100
    with pytest.raises(TooManyAttempts):
        quick_town.system.begin("anna", PASSWORD, "2001:db8::ffff")
