"""The OpenID clients: exact addresses, secrets that are kept as a hash, and records that nobody changes in the database."""

import json
from dataclasses import replace

import pytest
from joserfc.jwk import ECKey
from tests.host.gateway.openid_program import WIKI
from tests.host.login.scenario import Scenario

from dsc_host.errors import InputError, StoreError
from dsc_host.gateway.openid import client_keys, clients
from dsc_host.gateway.openid.clients import Client, Method
from dsc_host.records import vault


def add(scenario: Scenario, client: Client, *, secret: bool = True) -> tuple[Client, str]:
    return scenario.system.change(lambda tx: clients.add(tx, client, secret=secret))


def load(scenario: Scenario) -> list[Client]:
    return scenario.system.context.read(clients.load)


def test_a_client_has_a_secret_that_only_its_program_knows(scenario: Scenario) -> None:
    made, secret = add(scenario, WIKI)
    assert load(scenario) == [made]
    assert made.method is Method.SECRET
    assert len(secret) == 43
    assert [made.has_secret(each) for each in (secret, secret[:-1], "", made.digest)] == [True, False, False, False]
    assert not WIKI.has_secret("")
    opened = scenario.system.context.read(lambda tx: vault.get(tx.cards, "openid-client:wiki"))
    assert opened is not None
    assert secret.encode() not in opened
    assert scenario.events()[-1] == ("login.openid.client", "done", "added")


def test_a_client_is_removed(scenario: Scenario) -> None:
    add(scenario, WIKI)
    with pytest.raises(InputError, match=r"^name: there is a client of this name"):
        add(scenario, WIKI)
    scenario.system.change(lambda tx: clients.remove(tx, "wiki"))
    assert load(scenario) == []
    assert scenario.events()[-1] == ("login.openid.client", "done", "removed")
    with pytest.raises(InputError, match=r"^name: there is no client"):
        scenario.system.change(lambda tx: clients.remove(tx, "wiki"))


def test_an_address_that_was_changed_in_the_database_is_refused(scenario: Scenario) -> None:
    add(scenario, WIKI)
    add(scenario, replace(WIKI, name="other", redirects=("https://evil.example/",)))
    swap = "update vault set sealed = (select sealed from vault where name = 'openid-client:other') where name like '%wiki'"
    scenario.system.change(lambda tx: tx.db.exec_driver_sql(swap))
    with pytest.raises(StoreError):
        load(scenario)


@pytest.mark.parametrize("name", ["", "a" * 33, "Wiki", "a b", "-a", "ä", "a\n", "a:b", "%"])
def test_a_malformed_name_is_refused(scenario: Scenario, name: str) -> None:
    with pytest.raises(InputError, match=r"^name: "):
        add(scenario, replace(WIKI, name=name))
    assert scenario.system.context.read(lambda tx: clients.find(tx, name)) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "/login", "//wiki.example.com/", "http://wiki.example.com/", "https://wiki.example.com/#a", "https:///login",
        "https://a@wiki.example.com/", "https://wiki.example.com:x/", "https://wiki.example.com/ a", "javascript:alert(1)",
        'https://wiki.example.com/"', "https://wiki.example.com\\@evil.example/", "https://wiki.example.com/\n", "https://[::1/",
        "https://wiki.example.com/" + "a" * 500, "com.example.app:/login", "http://127.0.0.1.evil.example/",
        "https://wiki.example.com/'",
    ],
)  # fmt: skip
def test_an_address_that_could_lead_elsewhere_is_refused(scenario: Scenario, url: str) -> None:
    for field, wrong in (
        ("redirect", replace(WIKI, redirects=(*WIKI.redirects, url))),
        ("logout-redirect", replace(WIKI, logout_redirects=(url,))),
        *((("backchannel", replace(WIKI, backchannel=url)),) if url else ()),
    ):
        with pytest.raises(InputError, match=rf"^{field}: "):
            add(scenario, wrong)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("redirect", replace(WIKI, redirects=())),
        ("redirect", replace(WIKI, redirects=WIKI.redirects * 21)),
        ("logout-redirect", replace(WIKI, logout_redirects=WIKI.redirects * 21)),
        ("title", replace(WIKI, title="")),
        ("title", replace(WIKI, title="a\nb")),
        ("admit", replace(WIKI, admits=("everything",))),
        ("admit", replace(WIKI, admits=())),
    ],
)
def test_other_mistakes_are_refused(scenario: Scenario, field: str, wrong: Client) -> None:
    with pytest.raises(InputError, match=rf"^{field}: "):
        add(scenario, wrong)


@pytest.mark.parametrize("url", ["com.example.app:/login#x", "com.example.app:/#", "com.example.app://login"])
def test_an_app_address_with_a_fragment_or_a_host_is_refused(scenario: Scenario, url: str) -> None:
    with pytest.raises(InputError, match=r"^redirect: "):
        add(scenario, replace(WIKI, redirects=(url,)), secret=False)


def test_addresses_of_this_machine_and_of_apps_are_accepted(scenario: Scenario) -> None:
    urls = ("http://127.0.0.1:8000/login?a=b", "http://[::1]/", "https://wiki.example.com:8443/", "com.example.app:/login")
    made, secret = add(scenario, replace(WIKI, redirects=urls), secret=False)
    assert (made.method, secret) == (Method.NONE, "")


@pytest.mark.parametrize(
    "issuer",
    [
        "", "login.example.com", "https://login.example.com/", "https://login.example.com/a", "https://login.example.com?a=b",
        "http://login.example.com", "https://login.example.com#a", "https://login.example.com?",
        "https://[login.example.com",
    ],
)  # fmt: skip
def test_an_issuer_is_an_address_without_a_path(issuer: str) -> None:
    clients.check_issuer("https://login.example.com:8443")
    with pytest.raises(InputError, match=r"^issuer: "):
        clients.check_issuer(issuer)


def test_the_public_keys_of_a_client_are_kept_without_the_private_ones() -> None:
    own = ECKey.generate_key("P-256", private=True)
    for given in (own.as_dict(private=True), {"keys": [own.as_dict(private=True)]}):
        kept = client_keys.checked(json.dumps(given).encode())
        assert '"d"' not in kept
        (key,) = client_keys.load(kept)
        assert key.kid == own.thumbprint()


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "EC"}]}', "\xff", '{"keys": 3}', "[" * 10_000,
        '{"kty": "oct", "k": "BWSjqRkTHlruMgBbPjfhd2shkeDJM4KsGrcOZzYiac4"}',
        json.dumps({"kty": "RSA", "e": "AQAB", "n": "w" * 170 + "1"}),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_strong_public_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^keys: "):
        client_keys.checked(text.encode("latin-1"))


def test_a_key_of_another_curve_is_refused() -> None:
    with pytest.raises(InputError, match=r"^keys: "):
        client_keys.checked(json.dumps(ECKey.generate_key("P-384", private=False).as_dict(private=False)).encode())
