"""The upgrade of a database after the migration of its tables: the rows of a database without seals are sealed.

The upgrade runs in the transaction of the migration, so the database is upgraded completely or not at all. Each card and each
challenge takes less than a millisecond.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from dsc_host.records import audit_writer, tables
from dsc_host.records.audit_writer import Event
from dsc_host.records.keys import Keyring, Secret
from dsc_host.records.transaction import LIBRARY
from dsc_host.schema import versions
from dsc_host.schema.card_tables import cards, challenges
from dsc_host.verifier import card_lookup, rows
from dsc_host.verifier.card_seals import CardSeals, Holder, new_enrollment
from dsc_host.verifier.master_key_change import SEALED, check_master_key
from dsc_host.verifier.rows import CardRecord, ChallengeRecord

_PAGE = 500


def after_migration(keys: Keyring, clock: Callable[[], float], db: Connection, version: int) -> None:
    """If `version` had no seals, seal the rows, secrets and log of a database that was migrated from it, and log the migration.

    `clock` returns Unix seconds. Raises `InputError` if a master key of the database is not in `keys`. Raises `StoreError` if
    a secret or the log was tampered with.
    """
    check_master_key(db, keys)
    if version >= versions.FIRST_WITH_SEALS:
        return
    seals = CardSeals.new()
    seals.store(db, keys.current)
    audit_writer.reseal_end(db, keys, seals)
    _seal_cards(db, keys, seals)
    _seal_challenges(db, seals)
    _seal_vault(db, keys, seals)
    begins = version < versions.FIRST_WITH_LOG
    detail = {"cards": str(rows.count_cards(db)), "database": seals.database}
    event = Event(audit_writer.BEGIN if begins else "records.migrate", None, "done", "migrated" if begins else "", detail)
    audit_writer.record(db, keys, seals, float(clock()), LIBRARY, [event])


def _seal_cards(db: Connection, keys: Keyring, seals: CardSeals) -> None:
    names = (*SEALED, "enrolment", "version", "owners_hash", "seal")
    write = _update_statement(cards, "serial", names)
    for page in _pages(db, cards, "serial"):
        owners = rows.owners_of(db, [row["serial"] for row in page])
        sealed = [_sealed_card(CardRecord(**row), owners.get(row["serial"], ()), keys, seals) for row in page]
        db.execute(write, [{"of": card.serial, **{f"new_{name}": getattr(card, name) for name in names}} for card in sealed])


def _sealed_card(card: CardRecord, owners: tuple[str, ...], keys: Keyring, seals: CardSeals) -> CardRecord:
    card = card._replace(enrolment=new_enrollment(), version=1, owners_hash=card_lookup.owners_hash(owners))
    bound = seals.bound(Holder.of(card))
    resealed: dict[str, Any] = {}
    # A retired card has no key id, and no secrets.
    for column, kind in SEALED.items() if card.key_id else ():
        if (sealed := getattr(card, column)) is not None:
            key = keys.opener(card.key_id)
            resealed[column] = key.seal(key.unseal(sealed, card.serial, kind), card.serial, kind, bound)
    return seals.sealed(card._replace(**resealed))


def _seal_challenges(db: Connection, seals: CardSeals) -> None:
    write = _update_statement(challenges, "id", ("seal",))
    for page in _pages(db, challenges, "id"):
        sealed = [seals.sealed_challenge(ChallengeRecord(**row)) for row in page]
        db.execute(write, [{"of": challenge.id, "new_seal": challenge.seal} for challenge in sealed])


def _seal_vault(db: Connection, keys: Keyring, seals: CardSeals) -> None:
    logged = audit_writer.last_number(db)
    write = _update_statement(tables.vault, "name", ("sealed", "logged"))
    for page in _pages(db, tables.vault, "name"):
        changes: list[dict[str, Any]] = []
        for row in page:
            key = keys.opener(row["key_id"])
            plain = key.unseal(row["sealed"], row["name"], Secret.VAULT)
            sealed = key.seal(plain, row["name"], Secret.VAULT, seals.bound_to(logged))
            changes.append({"of": row["name"], "new_sealed": sealed, "new_logged": logged})
        db.execute(write, changes)


def _pages(db: Connection, table: Table, by: str) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows of the table in the order of the column `by`, up to 500 rows at a time."""
    after, column = "", table.c[by]
    while page := db.execute(select(table).where(column > after).order_by(column).limit(_PAGE)).mappings().all():
        yield [dict(row) for row in page]
        after = page[-1][by]


def _update_statement(table: Table, by: str, names: tuple[str, ...]) -> Any:
    changes: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return update(table).where(table.c[by] == bindparam("of")).values(changes)
