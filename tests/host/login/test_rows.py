"""Rows: however a record is looked up, it is the same, with values of the same types, on each database."""

import pytest
from tests.host.login.scenario import Scenario

from dsc_host.login import rows
from dsc_host.login.transaction import LoginTransaction, user_named
from dsc_host.records.table_rows import new_id

pytestmark = pytest.mark.every_database


def test_a_record_is_the_same_however_it_is_found(scenario: Scenario) -> None:
    def found(tx: LoginTransaction) -> list[object]:
        key = user_named(tx.db, "anna").id
        all_of = rows.users.all(tx.db, rows.users.c.id == key)
        return [
            *all_of,
            rows.users.one(tx.db, rows.users.c.id == key),
            rows.users.find(tx.db, key),
            rows.users.locked(tx.db, key),
        ]

    records = scenario.system.change(found)
    assert len({repr(record) for record in records}) == 1, "also the types are the same"


def test_a_change_takes_values_and_expressions(scenario: Scenario) -> None:
    def changed(tx: LoginTransaction) -> tuple[rows.User, rows.User | None]:
        user = user_named(tx.db, "anna")
        rows.users.change(tx.db, user.id, opted_out=True, language="de")
        rows.users.change(tx.db, user.id, settings=rows.users.c.settings + 1, role="support")
        return user, rows.users.find(tx.db, user.id)

    user, after = scenario.system.change(changed)
    assert repr(after) == repr(user._replace(opted_out=True, language="de", settings=user.settings + 1, role="support"))


def test_a_record_is_added_once(scenario: Scenario) -> None:
    def added(tx: LoginTransaction) -> rows.Phone | None:
        phone = rows.Phone(new_id(), user_named(tx.db, "anna").id, "+41790000000", None)
        rows.phones.ensure(tx.db, phone)
        rows.phones.ensure(tx.db, phone._replace(number="+41790000001"))
        assert rows.phones.find(tx.db, "no such key") is None
        return rows.phones.find(tx.db, phone.id)

    found = scenario.system.change(added)
    assert found is not None
    assert (found.number, found.confirmed_at) == ("+41790000000", None)
