"""The clients: who may send logins, by which secret, and from where."""

import pytest
from tests.host.login.town import Town

from dsc_host.errors import InputError
from dsc_host.gateway.radius import clients
from dsc_host.gateway.radius.clients import Client
from dsc_host.records import vault


def add(town: Town, name: str, address: str) -> Client:
    return town.system.change(lambda tx: clients.add(tx, name, address))


def load(town: Town) -> list[Client]:
    return town.system.context.read(clients.load)


def test_a_client_is_kept_sealed_until_it_is_removed(town: Town) -> None:
    wiki, vpn = add(town, "wiki", "2001:db8::/64"), add(town, "vpn", "192.0.2.7")
    assert load(town) == [vpn, wiki]
    assert vpn.secret != wiki.secret
    assert len(vpn.secret) >= 32
    assert vpn.secret.isalnum(), "no command takes it for an option"
    sealed = town.system.context.read(lambda tx: tx.db.exec_driver_sql("select sealed from vault").scalars().all())
    assert not any(vpn.secret in each for each in sealed)
    assert vpn.secret.decode() not in repr(vpn)
    town.system.change(lambda tx: clients.remove(tx, "vpn"))
    assert load(town) == [wiki]
    assert town.events()[-1] == ("login.radius.client", "done", "removed")


def test_other_secrets_of_the_vault_are_no_clients(town: Town) -> None:
    town.system.change(lambda tx: vault.put(tx.cards, "radius_x", b"{}"))
    town.system.change(lambda tx: vault.put(tx.cards, "device:1", b"{}"))
    assert load(town) == []


@pytest.mark.parametrize("name", ["", "a" * 33, "VPN", "a b", "-a", "ä", "a\n", "a:b"])
def test_a_malformed_name_is_refused(town: Town, name: str) -> None:
    with pytest.raises(InputError, match=r"^name: "):
        add(town, name, "192.0.2.7")


@pytest.mark.parametrize(
    "address", ["", "vpn.example.com", "192.0.2.1/24", "192.0.2.256", "::ffff:192.0.2.7", "192.0.2.7:1812"]
)
def test_a_malformed_address_is_refused(town: Town, address: str) -> None:
    with pytest.raises(InputError, match=r"^address: "):
        add(town, "vpn", address)


def test_a_name_and_an_address_belong_to_one_client(town: Town) -> None:
    add(town, "vpn", "192.0.2.7")
    with pytest.raises(InputError, match=r"^name: "):
        add(town, "vpn", "192.0.2.8")
    with pytest.raises(InputError, match=r"^address: "):
        add(town, "wiki", "192.0.2.7")
    with pytest.raises(InputError, match=r"^name: "):
        town.system.change(lambda tx: clients.remove(tx, "wiki"))


def test_the_smallest_network_has_the_address(town: Town) -> None:
    known = [add(town, "site", "192.0.2.0/24"), add(town, "vpn", "192.0.2.7"), add(town, "six", "2001:db8::/64")]
    named = {"192.0.2.7": "vpn", "::ffff:192.0.2.7": "vpn", "192.0.2.8": "site", "2001:db8::9%eth0": "six"}
    for address, name in named.items():
        found = clients.find(known, address)
        assert found is not None
        assert found.name == name
    assert [clients.find(known, each) for each in ("198.51.100.1", "::1", "", "x")] == [None] * 4
