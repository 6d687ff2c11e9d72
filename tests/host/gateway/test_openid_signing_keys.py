"""The keys that sign tokens: which keys are published, which key signs, and for how long."""

import base64
import io
import json
from pathlib import Path

import pytest
from joserfc.errors import JoseError
from tests.host.databases import new_database
from tests.host.gateway.openid_program import WIKI, Program
from tests.host.login.scenario import Scenario
from tests.host.verifier_samples import MASTER

from dsc_host.errors import StoreError
from dsc_host.gateway.openid import clients, signing_keys
from dsc_host.gateway.openid.signing_keys import OVERLAP_SECONDS, PUBLISHED_SECONDS
from dsc_host.login import LoginSystem
from dsc_host.verifier import Keyring, MasterKey, Verifier
from dsc_host.verifier.backup import backup, restore


def published(system: LoginSystem) -> list[str]:
    return [key.id for key in system.context.read(signing_keys.published)]


def signing(system: LoginSystem) -> str:
    return system.context.read(signing_keys.signing).id


@pytest.fixture
def first(scenario: Scenario) -> str:
    for _ in range(2):
        scenario.system.change(signing_keys.ensure)
    (only,) = published(scenario.system)
    assert signing(scenario.system) == only
    return only


def test_a_new_key_is_known_before_it_signs_and_the_old_one_for_a_day_after(scenario: Scenario, first: str) -> None:
    second = scenario.system.change(signing_keys.rotate).id
    for seconds, known, signs in (
        (0, [first, second], first),
        (PUBLISHED_SECONDS - 1, [first, second], first),
        (1, [first, second], second),
        (OVERLAP_SECONDS - 1, [first, second], second),
        (1, [second], second),
    ):
        scenario.clock.advance(seconds)
        assert (published(scenario.system), signing(scenario.system)) == (known, signs)
    third = scenario.system.change(signing_keys.rotate)
    assert [key.id for key in scenario.system.context.read(signing_keys.load)] == [second, third.id]
    assert third.number == 3


def test_a_stolen_key_is_gone_at_once(scenario: Scenario, first: str) -> None:
    made = scenario.system.change(lambda tx: signing_keys.rotate(tx, at_once=True))
    assert published(scenario.system) == [signing(scenario.system)] == [made.id] != [first]


def test_the_oldest_key_signs_when_the_clock_was_set_back(scenario: Scenario, first: str) -> None:
    scenario.clock.advance(-1000)
    assert signing(scenario.system) == first


def test_what_is_published_has_no_private_part(scenario: Scenario, first: str) -> None:
    (key,) = scenario.system.context.read(signing_keys.published)
    assert set(key.public()) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_key_that_was_put_into_the_database_is_refused(scenario: Scenario, first: str) -> None:
    scenario.system.change(signing_keys.rotate)
    copied = "update vault set sealed = (select sealed from vault where name like '%0001') where name like 'openid-key:%2'"
    scenario.system.change(lambda tx: tx.db.exec_driver_sql(copied))
    with pytest.raises(StoreError):
        signing(scenario.system)


def test_another_master_key_and_another_database_have_the_clients_and_keys(
    scenario: Scenario, first: str, tmp_path: Path
) -> None:
    client, secret = scenario.system.change(lambda tx: clients.add(tx, WIKI, secret=True))
    new, file = MasterKey(b"\x5a" * 32), io.BytesIO()
    with Verifier.open(scenario.url, master_key=Keyring(new, MASTER), clock=scenario.clock) as verifier:
        verifier.rekey()
        backup(verifier, file)
    file.seek(0)
    with new_database("sqlite", tmp_path) as database:
        restore(database.url, new, file, clock=scenario.clock)
        with Verifier.open(database.url, master_key=new, clock=scenario.clock) as verifier:
            system = LoginSystem.over(verifier)
            assert system.context.read(clients.load) == [client]
            assert client.has_secret(secret)
            assert signing(system) == first


def test_a_token_is_signed_by_the_key_of_its_time(wiki: Program) -> None:
    first = wiki.enter().tokens()["id_token"]
    wiki.scenario.system.change(signing_keys.rotate)
    wiki.scenario.clock.advance(PUBLISHED_SECONDS)
    second = wiki.tokens()["id_token"]
    named = [json.loads(base64.urlsafe_b64decode(each.split(".")[0] + "=="))["kid"] for each in (first, second)]
    assert named[0] != named[1]
    assert wiki.claims(first)["sub"] == wiki.claims(second)["sub"]
    wiki.scenario.system.change(lambda tx: signing_keys.rotate(tx, at_once=True))
    with pytest.raises(JoseError):
        wiki.claims(second)
