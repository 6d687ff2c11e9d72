"""The commands for master keys: key list, add, promote, drop; rekey.

One promise: no two commands change the master keys at once, so none of them is lost.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli.options import (
    DatabaseOption,
    JsonOption,
    MasterKeyOption,
    key_file,
    keyring,
    open_verifier,
)
from dsc_host.cli.output import Failed, notice, show, show_all
from dsc_host.cli.progress import bar
from dsc_host.errors import InputError
from dsc_host.verifier import Keyring, MasterKey

_MOST_KEYS = 8
"""In one file: a change of the master key needs two."""

KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="A master key's id, as `key list` prints it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    key = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The master keys that seal the records.")
    for name, command in (("list", list_keys), ("add", add_key), ("promote", promote_key), ("drop", drop_key)):
        key.command(name=name)(command)
    app.add_typer(key, name="key")
    app.command()(rekey)


# ---- master keys ----


def list_keys(database: DatabaseOption = None, master_key: MasterKeyOption = None, as_json: JsonOption = False) -> None:
    """List the master keys of the file by their ids, and how many cards are sealed under each. The first one seals.

    \b
    Examples:
      dscplus key list
      dscplus key list --json
    """
    keys = keyring(master_key)
    with open_verifier(database, master_key, may_make=False) as verifier:
        used = verifier.keys_in_use()
    rows = [{"id": key.id, "seals": key.id == keys.current.id, "cards": used.get(key.id, 0)} for key in keys.keys]
    if as_json:
        show_all(rows, as_json=True)
        return
    for row in rows:
        typer.echo(f"{row['id']}  {'seals' if row['seals'] else 'opens'}  {row['cards']} cards")


def add_key(master_key: MasterKeyOption = None, as_json: JsonOption = False) -> None:
    """Make a new master key and put it last into the file: so it opens, and does not seal yet.

    This is how a master key is changed, while logins go on:

    \b
      1. key add. Start every service again, so that each knows both keys.
      2. key promote with the new one's id, then rekey.
      3. Start the services again, then rekey once more, for cards that
         they have enrolled meanwhile.
      4. key drop with the old one's id. Keep a copy of it as long as you
         keep backups from before.

    \b
    Examples:
      dscplus key add
      dscplus key add --master-key /etc/dscplus/master.key
    """
    path = _file(master_key)
    new = MasterKey.generate()
    with _changing(path) as keys:
        if len(keys.keys) >= _MOST_KEYS:
            raise Failed(f"{path} holds {len(keys.keys)} keys already; take those out that nothing needs: dscplus key drop")
        Keyring(*keys.keys, new).write(path)
    show({"id": new.id}, as_json=as_json)
    notice(f"It is in {path}. Keep a copy of that file: without it the records can't be read.")


def promote_key(key_id: KeyArgument, master_key: MasterKeyOption = None, as_json: JsonOption = False) -> None:
    """Let another key of the file seal from now on. What is sealed already stays under its key, until `rekey`.

    \b
    Examples:
      dscplus key promote 5f0c5b63a2d1e874
      dscplus key promote 5f0c5b63a2d1e874 --master-key /etc/dscplus/master.key
    """
    path = _file(master_key)
    with _changing(path) as keys:
        wanted = _named(keys, key_id)
        Keyring(wanted, *keys.keys).write(path)
    show({"id": wanted.id}, as_json=as_json)


def drop_key(
    key_id: KeyArgument, database: DatabaseOption = None, master_key: MasterKeyOption = None, as_json: JsonOption = False
) -> None:
    """Remove a key from the file, if nothing in the records is sealed under it any more.

    Other records that are under the same file are not looked at, and neither are backups: keep a copy of the key for those.

    \b
    Examples:
      dscplus key drop 0a4e6d1c55b2f390
      dscplus key drop 0a4e6d1c55b2f390 --db postgresql://dscplus@db/dscplus
    """
    path = _file(master_key)
    with _changing(path) as keys:
        unwanted = _named(keys, key_id)
        if unwanted.id == keys.current.id:
            raise Failed(f"{key_id} is the key that seals; promote another one first")
        with open_verifier(database, master_key, may_make=False) as verifier:
            used = verifier.keys_in_use()
        if key_id in used:
            raise Failed(f"{used[key_id]} cards, or the end of the log, are still sealed under {key_id}; dscplus rekey first")
        Keyring(*(key for key in keys.keys if key is not unwanted)).write(path)
    show({"id": unwanted.id}, as_json=as_json)
    notice("Backups that were made under it can only be restored with a copy of it.")


def _file(master_key: Path | None) -> Path:
    """The file that the other commands read their master keys from."""
    if not master_key and "DSCPLUS_MASTER_KEY" in os.environ:
        raise InputError(
            "master key",
            "is in DSCPLUS_MASTER_KEY, which no command can change; put it into a file, and name that with --master-key",
        )
    path = master_key or key_file()
    if not master_key and not path.exists():
        raise InputError("master key", f"there is no {path}; name the file with --master-key")
    # What a link leads to is what services read.
    return Path(os.path.realpath(path))


@contextmanager
def _changing(path: Path) -> Iterator[Keyring]:
    """The keys in the file, which no other command changes meanwhile; at the end, what the block wrote is on the disk."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise InputError("master key", f"{lock} is there: another command changes the file; if none does, remove it") from None
    except OSError as error:
        raise InputError("master key", f"{lock} cannot be made: {error.strerror}") from error
    try:
        keys = Keyring.from_file(path)
        yield keys
    finally:
        lock.unlink(missing_ok=True)


def _named(keys: Keyring, key_id: str) -> MasterKey:
    for key in keys.keys:
        if key.id == key_id:
            return key
    raise InputError("key", f"there is none with this id in the file; there are {', '.join(key.id for key in keys.keys)}")


def rekey(database: DatabaseOption = None, master_key: MasterKeyOption = None, as_json: JsonOption = False) -> None:
    """Seal all cards under the first key of the file, while logins go on. `key add --help` has the steps before and after.

    It may be stopped at any time, and begun again: it goes on where it was.

    \b
    Examples:
      dscplus rekey
      dscplus rekey --db postgresql://dscplus@db/dscplus
    """
    keys = keyring(master_key)
    try:
        with open_verifier(database, master_key, may_make=False) as verifier, bar("Sealing cards anew") as done:
            count = verifier.rekey(done=done)
    except KeyboardInterrupt:
        notice("Every card is whole, under the one key or the other. dscplus rekey goes on with those that are left.")
        raise
    show({"key": keys.current.id, "cards": count}, as_json=as_json)
