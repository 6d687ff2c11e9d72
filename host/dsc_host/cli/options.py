"""Options that many commands share, and the defaults for their values."""

import getpass
import math
import os
import sys
from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from dsc_host.cli.output import Failed, notice
from dsc_host.errors import InputError
from dsc_host.verifier import Keyring, MasterKey, Verifier

if sys.platform != "win32":
    import pwd

DEFAULT_SUITES = {"ocra": "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", "card": "OCRA-1:HOTP-SHA256-8:C-QN06"}
"""The default suite for each PIN policy."""
OWNER_SECONDS = 120.0
"""How many seconds a command waits for the owner to act on the card."""
_FILE_URL = "sqlite:///"
_ACTOR_LETTERS = 64

CardOption = Annotated[
    str | None,
    typer.Option(
        "--card",
        envvar="DSCPLUS_CARD",
        metavar="URL",
        help="The card's port: /dev/ttyACM0, COM3, socket://host:port, sim://. Not needed if one card is attached.",
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar="DSCPLUS_DB",
        metavar="URL",
        help="The records: sqlite:///FILE or postgresql://USER@HOST/DATABASE. Default: a file in your data folder.",
    ),
]
MasterKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--master-key",
        envvar="DSCPLUS_MASTER_KEY_FILE",
        metavar="FILE",
        help="A file with the master key in 64 hex digits. DSCPLUS_MASTER_KEY may hold the digits instead.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the card's owner.", show_default=True)
]


def check_timeout(seconds: float) -> None:
    """Raise `InputError` unless `seconds` is positive and finite."""
    if not 0 < seconds < math.inf:
        raise InputError("timeout", "must be a number of seconds greater than 0")


def open_verifier(database: str | None, master_key: Path | None, *, may_make: bool) -> Verifier:
    """Open the verifier that the options name.

    Without options it uses a database and a master key in the user's own folders, and creates both together the first
    time. Without `may_make` it creates no records. Raises `Failed` if they do not exist, and `InputError` or `StoreError`
    if they cannot be opened.
    """
    path = _file_of(database) if database else _own_file()
    # Otherwise a mistyped name would create an empty database, and the only message would be that the card is not enrolled.
    if path and not may_make and not os.path.exists(path):
        raise Failed(f"{path}: there is no such database; create it with enroll, personalize or person add")
    if database or not path:
        return Verifier.open(database or "", master_key=keyring(master_key), may_make=may_make).by(actor())
    _make_folder(path.parent)
    keys = keyring(master_key, may_make=not os.path.exists(path))
    return Verifier.open(f"{_FILE_URL}{path}", master_key=keys).by(actor())


def database_to_make(database: str | None) -> str:
    """Return the URL of the records that the option names, or of the user's own, whose folder is created.

    Raises `InputError`.
    """
    if database:
        _file_of(database)
        return database
    path = _own_file()
    _make_folder(path.parent)
    return f"{_FILE_URL}{path}"


def made_file(database: str | None) -> Path | None:
    """Return the file of the records, whether or not it exists, or None if they are on a server. Raises `InputError`."""
    return _file_of(database) if database else _own_file()


def check_target(file: Path, force: bool, database: str | None, master_key: Path | None) -> None:
    """Raise `InputError` unless a command may write this file.

    No command may write over the records or their master key, not even with `--force`.
    """
    records = made_file(database)
    kept = [Path(f"{records}{suffix}") for suffix in ("", "-wal", "-shm")] if records else []
    if any(path.exists() and file.exists() and file.samefile(path) for path in (*kept, master_key or key_file())):
        raise InputError("file", f"{file} holds the records or their master key; choose another name")
    if not force and os.path.lexists(file):
        raise InputError("file", f"{file} exists already; choose another name, or use --force")


def _own_file() -> Path:
    return platformdirs.user_data_path("dscplus", appauthor=False) / "dsc.db"


def _file_of(database: str) -> Path | None:
    """Return the file that a URL names, or None if only the verifier can tell or will refuse it. Raises `InputError`."""
    if database in ("sqlite://", _FILE_URL, f"{_FILE_URL}:memory:"):
        raise InputError(
            "database", "must name a file, for example sqlite:///dsc.db: a database in memory ends with the command"
        )
    name = database.removeprefix(_FILE_URL)
    return None if name == database or set(name) & {"?", "%"} else Path(name)


def keyring(master_key: Path | None, may_make: bool = False) -> Keyring:
    """Return the master keys that the option names, or the environment, or the user's own file. Raises `InputError`."""
    if not master_key and "DSCPLUS_MASTER_KEY" in os.environ:
        return Keyring.from_environment("DSCPLUS_MASTER_KEY")
    path = master_key or key_file()
    if not master_key and not path.exists():
        if not may_make:
            raise InputError(
                "master key",
                f"there is none in {path}; name its file with --master-key, or put its 64 hex digits into DSCPLUS_MASTER_KEY",
            )
        _make_folder(path.parent)
        MasterKey.generate().write(path)
        notice(f"Created a master key in {path}. Keep a copy: without it the records can't be read.")
    return Keyring.from_file(path)


def key_file() -> Path:
    """Return the user's own file of master keys."""
    return platformdirs.user_config_path("dscplus", appauthor=False) / "master.key"


def actor() -> str:
    """Return the actor for the audit log: the user who is logged in on this machine."""
    try:
        name = user_name()
    except (OSError, KeyError, ImportError):
        name = "unknown"
    return f"cli:{''.join(filter(str.isprintable, name))}"[:_ACTOR_LETTERS]


def user_name() -> str:
    """Return the name of the user who runs this process.

    Except on Windows it comes from the system, because users can set their own environment.
    """
    return getpass.getuser() if sys.platform == "win32" else pwd.getpwuid(os.getuid()).pw_name


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("folder", f"{folder} cannot be created: {error.strerror}") from error
