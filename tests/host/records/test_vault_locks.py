"""Secrets of the vault that other transactions have locked while the master key is changed."""

import pytest
from sqlalchemy import select
from tests.host.databases import Database
from tests.host.databases import empty as empty
from tests.host.verifier_samples import MASTER

from dsc_host import Keyring, MasterKey, Verifier
from dsc_host.records import vault
from dsc_host.records.tables import vault as secrets

pytestmark = pytest.mark.every_database


def test_no_secret_stays_locked_while_another_one_is_waited_for(empty: Database) -> None:
    """Lock the second of three secrets. The others are sealed, and free again, before anybody waits for it."""
    new = MasterKey.generate()
    with Verifier.open(empty.url, master_key=MASTER) as old:
        for name in ("a", "b", "c"):
            old.context.change(lambda tx, name=name: vault.put(tx, name, b"secret"))  # type: ignore[misc]
    with Verifier.open(empty.url, master_key=Keyring(new, MASTER)) as verifier:
        context = verifier.context
        if context.store.locks_rows:
            with context.writing() as tx:
                tx.db.execute(select(secrets).where(secrets.c.name == "b").with_for_update())
                assert context.change(lambda other: vault.seal_some(other, new, 100)) == 2
                assert context.read(lambda other: vault.count_not_under(other.db, new.id)) == 1
        verifier.rekey()
        assert context.read(lambda tx: vault.count_not_under(tx.db, new.id)) == 0
