"""The vault: secrets that belong to no card, each stored under a name and sealed under the master key.

Three promises:

1. A secret opens only under the name and in the database for which it was sealed.
2. Each secret records the number that the log's last entry had when the secret was stored. So a check of the log detects that
   entries up to this number were removed from the end of the log.
3. `rekey` seals these secrets again together with the secrets of the cards.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update

from dsc_host.errors import DscError
from dsc_host.records.keys import Keyring, MasterKey, Secret
from dsc_host.records.seals import Seals
from dsc_host.records.statements import Statement, insert_of
from dsc_host.records.tables import vault
from dsc_host.records.transaction import Context, Transaction

_KEEP = Statement(lambda dialect: insert_of(dialect)(vault).on_conflict_do_nothing())

_PAGE = 500


class _Sealed(NamedTuple):
    name: str
    key_id: str
    sealed: bytes
    logged: int


def put(tx: Transaction, name: str, plain: bytes) -> None:
    """Store `plain` under `name`, 1 to 64 characters without spaces, in place of any earlier secret of this name."""
    logged = tx.last_entry()
    sealed = tx.keys.current.seal(plain, name, Secret.VAULT, tx.seals.bound_to(logged))
    values = {"key_id": tx.keys.current.id, "sealed": sealed, "logged": logged}
    if not tx.db.execute(update(vault).where(vault.c.name == name).values(values)).rowcount:
        tx.db.execute(insert(vault).values(name=name, **values))


def get(tx: Transaction, name: str) -> bytes | None:
    """Return the secret under `name`, or None if there is none.

    Raises `StoreError` if the secret was changed, and `InputError` if it is sealed under a master key that was not given.
    """
    row = tx.db.execute(select(vault).where(vault.c.name == name)).first()
    return _opened(tx.context, _Sealed(*row)) if row else None


def load(tx: Transaction, prefix: str) -> dict[str, bytes]:
    """Return all secrets whose names begin with `prefix`, sorted by name. Raises as `get` does."""
    found = tx.db.execute(select(vault).where(_begins(prefix)).order_by(vault.c.name))
    return {row.name: _opened(tx.context, _Sealed(*row)) for row in found}


def get_or_put(tx: Transaction, name: str, plain: bytes) -> bytes:
    """Return the secret under `name`. If there is none, store `plain` first. Raises as `get` does."""
    key = tx.keys.current
    logged = tx.last_entry()
    sealed = key.seal(plain, name, Secret.VAULT, tx.seals.bound_to(logged))
    values = {"name": name, "key_id": key.id, "sealed": sealed, "logged": logged}
    _KEEP.run(tx.db, values)
    return get(tx, name) or plain


def names(db: Connection, prefix: str) -> list[str]:
    """Return the names of the secrets whose names begin with `prefix`, sorted."""
    return list(db.execute(select(vault.c.name).where(_begins(prefix)).order_by(vault.c.name)).scalars())


def forget(db: Connection, *names: str) -> None:
    """Remove the secrets under `names`. Ignore names without a secret."""
    db.execute(delete(vault).where(vault.c.name.in_(names)))


def key_ids(db: Connection) -> set[str]:
    """Return the ids of the master keys under which secrets of the vault are sealed."""
    return set(db.execute(select(vault.c.key_id).distinct()).scalars())


def count_by_key(db: Connection) -> dict[str, int]:
    """Return the number of secrets that are sealed under each master key, by the key's id."""
    counted = select(vault.c.key_id, func.count()).group_by(vault.c.key_id)
    return {str(key_id): int(count) for key_id, count in db.execute(counted)}


def count_not_under(db: Connection, key_id: str) -> int:
    """Return the number of secrets that are not sealed under the master key with this id."""
    return db.execute(select(func.count()).select_from(vault).where(vault.c.key_id != key_id)).scalar_one()


def seal_some(tx: Transaction, to: MasterKey, most: int) -> int:
    """Seal up to `most` secrets again, under the master key `to`. Return the number of secrets sealed. Raises as `get` does."""
    others = select(vault).where(vault.c.key_id != to.id).order_by(vault.c.name)
    # Wait only for a single secret: other transactions lock several secrets in any order.
    found = _found(tx.db, others.limit(most).with_for_update(skip_locked=True))
    while not found and _found(tx.db, others.limit(1)):
        found = _found(tx.db, others.limit(1).with_for_update())
    for secret in found:
        sealed = to.seal(_opened(tx.context, secret), secret.name, Secret.VAULT, tx.seals.bound_to(secret.logged))
        tx.db.execute(update(vault).where(vault.c.name == secret.name).values(key_id=to.id, sealed=sealed))
    return len(found)


def _found(db: Connection, secrets: Select[Any]) -> Sequence[_Sealed]:
    return [_Sealed(*row) for row in db.execute(secrets)]


def _begins(prefix: str) -> ColumnElement[bool]:
    return vault.c.name.startswith(prefix, autoescape=True)


def _opened(context: Context[Any], secret: _Sealed) -> bytes:
    return context.keys.opener(secret.key_id).unseal(
        secret.sealed, secret.name, Secret.VAULT, context.seals.bound_to(secret.logged)
    )


def problems(db: Connection, keys: Keyring, seals: Seals, end: int) -> Iterator[str]:
    """Yield a sentence for each problem with the secrets. `end` is the number of the last log entry."""
    for row in db.execute(select(vault).order_by(vault.c.name), execution_options={"yield_per": _PAGE}):
        name = ascii(row.name)[1:-1]
        try:
            keys.opener(row.key_id).unseal(row.sealed, row.name, Secret.VAULT, seals.bound_to(row.logged))
        except (DscError, TypeError):
            yield f"secret {name}: does not open: it was changed, or comes from another database"
            continue
        if row.logged > end:
            yield (f"secret {name}: was stored after entry {row.logged}, but the log ends at entry {end}: entries were removed")
