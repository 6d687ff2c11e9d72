"""The commands for master keys: key list, add, promote, drop, and rekey.

One promise: only one command at a time can change a key file. Another command is refused, so no key is lost.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli.database import MasterKeys, Records, own_key_file
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, notice, show, show_all
from dsc_host.cli.progress import bar
from dsc_host.errors import InputError
from dsc_host.verifier import Keyring, MasterKey

_MOST_KEYS = 8
"""The largest number of keys in a file. A change of the master key needs two."""

KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="The id of a master key, as printed by `key list`.")]


def list_keys(records: Records, as_json: JsonOption = False) -> None:
    """List the master keys of the file: each id, and how many cards it seals. The first key seals new secrets.

    A key without cards may still seal other secrets, such as the end of the audit log. `key drop` says so.

    \b
    Examples:
      dscplus key list
      dscplus key list --json
    """
    keys = records.keyring()
    with records.open() as verifier:
        used = verifier.keys_in_use()
    rows = [{"id": key.id, "seals": key.id == keys.current.id, "cards": used.get(key.id, 0)} for key in keys.keys]
    show_all(rows, as_json=as_json)


def add_key(master_keys: MasterKeys, as_json: JsonOption = False) -> None:
    """Generate a new master key and append it to the file. The new key seals secrets only after `key promote`.

    To change the master key while logins continue:

    \b
      1. key add. Restart every service, so that each knows both keys.
      2. key promote with the new key's id, then rekey.
      3. Restart the services, then rekey again, for cards that they
         have enrolled in the meantime.
      4. key drop with the old key's id. Keep a copy of the old key
         while you keep backups that are sealed under it.

    \b
    Examples:
      dscplus key add
      dscplus key add --master-key /etc/dscplus/master.key
    """
    path = _file(master_keys)
    new = MasterKey.generate()
    with _locked_keyring(path) as keys:
        if len(keys.keys) >= _MOST_KEYS:
            raise Failed(f"{path} holds {len(keys.keys)} keys already; remove the keys that seal nothing: dscplus key drop")
        Keyring(*keys.keys, new).write(path)
    show({"id": new.id}, as_json=as_json)
    notice(f"The new key is in {path}. Keep a copy of that file: without it the records can't be read.")


def promote_key(master_keys: MasterKeys, key_id: KeyArgument, as_json: JsonOption = False) -> None:
    """Choose the key of the file that seals new secrets. Older secrets stay sealed under their key until `rekey`.

    \b
    Examples:
      dscplus key promote 5f0c5b63a2d1e874
      dscplus key promote 5f0c5b63a2d1e874 --master-key /etc/dscplus/master.key
    """
    path = _file(master_keys)
    with _locked_keyring(path) as keys:
        wanted = _find(keys, key_id)
        Keyring(wanted, *keys.keys).write(path)
    show({"id": wanted.id}, as_json=as_json)


def drop_key(records: Records, key_id: KeyArgument, as_json: JsonOption = False) -> None:
    """Remove a key from the file, if it no longer seals anything in the records.

    The command checks only these records. Keep a copy of the key for backups, and for other records that use the same file.

    \b
    Examples:
      dscplus key drop 0a4e6d1c55b2f390
      dscplus key drop 0a4e6d1c55b2f390 --db postgresql://dscplus@db/dscplus
    """
    path = _file(records)
    with _locked_keyring(path) as keys:
        unwanted = _find(keys, key_id)
        if unwanted.id == keys.current.id:
            raise Failed(f"{key_id} is the key that seals; promote another key first")
        with records.open() as verifier:
            used = verifier.keys_in_use()
        if key_id in used:
            cards = (
                f"{used[key_id]} card{'s' if used[key_id] > 1 else ''}, and perhaps other secrets,"
                if used[key_id]
                else "secrets other than cards"
            )
            raise Failed(f"{cards} are still sealed under {key_id}; run dscplus rekey first")
        Keyring(*(key for key in keys.keys if key is not unwanted)).write(path)
    show({"id": unwanted.id}, as_json=as_json)
    notice("Restoring a backup that was made under this key needs a copy of the key.")


def _file(master_keys: MasterKeys) -> Path:
    """Return the path of the key file. Raises `InputError` if a variable holds the key, or the default file does not exist."""
    if master_keys.come_from_variable():
        raise InputError(
            "master key",
            "is in DSCPLUS_MASTER_KEY, which no command can change; put it into a file, and name the file with --master-key",
        )
    path = master_keys.key_file()
    if path == own_key_file() and not path.exists():
        raise InputError("master key", f"there is no {path}; name the file with --master-key")
    # If the path is a link, services read its target.
    return Path(os.path.realpath(path))


@contextmanager
def _locked_keyring(path: Path) -> Iterator[Keyring]:
    """Yield the keys in the file. Until the block ends, no other command for master keys can change the file."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise InputError("master key", f"{lock} exists: another command is changing the file; if none is, remove it") from None
    except OSError as error:
        raise InputError("master key", f"{lock} cannot be created: {error.strerror}") from error
    try:
        keys = Keyring.from_file(path)
        yield keys
    finally:
        lock.unlink(missing_ok=True)


def _find(keys: Keyring, key_id: str) -> MasterKey:
    for key in keys.keys:
        if key.id == key_id:
            return key
    raise InputError("key", f"the file has no key with this id; its keys are {', '.join(key.id for key in keys.keys)}")


def rekey(records: Records, as_json: JsonOption = False) -> None:
    """Seal all secrets again under the first key of the file.

    Logins continue while the command runs. See `key add --help` for the steps before and after. You can stop the command at any
    time and run it again: it continues where it stopped.

    \b
    Examples:
      dscplus rekey
      dscplus rekey --db postgresql://dscplus@db/dscplus
    """
    keys = records.keyring()
    try:
        with records.open() as verifier, bar("Sealing again") as done:
            count = verifier.rekey(done=done)
    except (KeyboardInterrupt, SystemExit):
        notice("Every card is intact, under one of the keys. Run dscplus rekey again for the remaining cards.")
        raise
    show({"key": keys.current.id, "cards": count}, as_json=as_json)
