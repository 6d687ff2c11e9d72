"""A client counts as one client, however many addresses it has."""

import pytest

from dsc_host.client_address import client_network


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:0201", "192.0.2.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
        ("192.0.2.1:80", "192.0.2.1:80"),
        ("x" * 300, "x" * 64),
        ("", ""),
        (None, ""),
        (3221225985, ""),
    ],
)
def test_a_client_is_counted_under_one_name(address: object, counted: str) -> None:
    assert client_network(address) == counted
