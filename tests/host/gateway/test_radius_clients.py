"""The clients: who may send logins, by which secret, and from where."""

import io
from pathlib import Path

import pytest
from tests.host.login.scenario import Scenario
from tests.host.verifier_samples import MASTER

from dsc_host.errors import InputError
from dsc_host.gateway.openid import clients as openid_clients
from dsc_host.gateway.openid import signing_keys
from dsc_host.gateway.radius import clients
from dsc_host.gateway.radius.clients import Client
from dsc_host.login import LoginSystem
from dsc_host.records import vault
from dsc_host.records.keys import Keyring, MasterKey
from dsc_host.verifier import Verifier
from dsc_host.verifier.backup import backup, restore


def add(scenario: Scenario, name: str, address: str) -> Client:
    return scenario.system.change(lambda tx: clients.add(tx, name, address))


def load(scenario: Scenario) -> list[Client]:
    return scenario.system.context.read(clients.load)


def test_a_client_is_kept_sealed_until_it_is_removed(scenario: Scenario) -> None:
    wiki, vpn = add(scenario, "wiki", "2001:db8::/64"), add(scenario, "vpn", "192.0.2.7")
    assert load(scenario) == [vpn, wiki]
    assert vpn.secret != wiki.secret
    assert len(vpn.secret) >= 32
    assert vpn.secret.isalnum(), "no command takes it for an option"
    sealed = scenario.system.context.read(lambda tx: tx.db.exec_driver_sql("select sealed from vault").scalars().all())
    assert not any(vpn.secret in each for each in sealed)
    assert vpn.secret.decode() not in repr(vpn)
    scenario.system.change(lambda tx: clients.remove(tx, "vpn"))
    assert load(scenario) == [wiki]
    assert scenario.events()[-1] == ("login.radius.client", "done", "removed")


def test_other_secrets_of_the_vault_are_no_clients(scenario: Scenario) -> None:
    scenario.system.change(lambda tx: vault.put(tx.cards, "radius_x", b"{}"))
    scenario.system.change(lambda tx: vault.put(tx.cards, "device:1", b"{}"))
    assert load(scenario) == []


@pytest.mark.parametrize("name", ["", "a" * 33, "VPN", "a b", "-a", "ä", "a\n", "a:b"])
def test_a_malformed_name_is_refused(scenario: Scenario, name: str) -> None:
    with pytest.raises(InputError, match=r"^name: "):
        add(scenario, name, "192.0.2.7")


@pytest.mark.parametrize(
    "address", ["", "vpn.example.com", "192.0.2.1/24", "192.0.2.256", "::ffff:192.0.2.7", "192.0.2.7:1812"]
)
def test_a_malformed_address_is_refused(scenario: Scenario, address: str) -> None:
    with pytest.raises(InputError, match=r"^address: "):
        add(scenario, "vpn", address)


def test_the_error_about_a_host_with_a_length_names_the_network(scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"^address: is one address of the network 192\.0\.2\.0/24; "):
        add(scenario, "vpn", "192.0.2.1/24")


def test_a_name_and_an_address_belong_to_one_client(scenario: Scenario) -> None:
    add(scenario, "vpn", "192.0.2.7")
    with pytest.raises(InputError, match=r"^name: "):
        add(scenario, "vpn", "192.0.2.8")
    with pytest.raises(InputError, match=r"^address: "):
        add(scenario, "wiki", "192.0.2.7")
    with pytest.raises(InputError, match=r"^name: "):
        scenario.system.change(lambda tx: clients.remove(tx, "wiki"))


def test_the_smallest_network_has_the_address(scenario: Scenario) -> None:
    known = [add(scenario, "site", "192.0.2.0/24"), add(scenario, "vpn", "192.0.2.7"), add(scenario, "six", "2001:db8::/64")]
    named = {"192.0.2.7": "vpn", "::ffff:192.0.2.7": "vpn", "192.0.2.8": "site", "2001:db8::9%eth0": "six"}
    for address, name in named.items():
        found = clients.find(known, address)
        assert found is not None
        assert found.name == name
    assert [clients.find(known, each) for each in ("198.51.100.1", "::1", "", "x")] == [None] * 4


def test_backups_and_a_change_of_the_master_key_carry_the_clients(scenario: Scenario, tmp_path: Path) -> None:
    kept, file, copy = add(scenario, "vpn", "192.0.2.7"), io.BytesIO(), f"sqlite:///{tmp_path}/copy.db"
    backup(scenario.verifier, file)
    file.seek(0)
    restore(copy, MASTER, file)
    new = MasterKey.generate()
    with Verifier.open(copy, master_key=Keyring(new, MASTER)) as verifier:
        verifier.rekey()
    with Verifier.open(copy, master_key=new) as verifier:
        assert LoginSystem.over(verifier).context.read(clients.load) == [kept]


def test_a_client_that_is_removed_while_the_list_is_read_stops_no_reload(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    vpn = add(scenario, "vpn", "192.0.2.7")
    wiki = openid_clients.Client(name="wiki", title="Wiki", redirects=("https://wiki.example/in",))
    scenario.system.change(lambda tx: openid_clients.add(tx, wiki, secret=False))
    scenario.system.change(signing_keys.ensure)
    # A second query might find nothing of what the first one has named.
    monkeypatch.setattr(vault, "get", lambda *_: None)
    assert load(scenario) == [vpn]
    assert scenario.system.context.read(openid_clients.load) == [wiki]
    assert len(scenario.system.context.read(signing_keys.load)) == 1
