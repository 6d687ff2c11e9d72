"""The records that a command works on: the options for the database and for the file of its master keys."""

import getpass
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

from dsc_host.cli.output import Failed, notice
from dsc_host.cli.settings import setting
from dsc_host.errors import InputError

if TYPE_CHECKING:
    from dsc_host.records.keys import Keyring
    from dsc_host.verifier import Verifier

if sys.platform != "win32":
    import pwd

KEY_VARIABLE = "DSCPLUS_MASTER_KEY"
"""The environment variable that may hold the digits of the master key, in place of a file."""
_FILE_URL = "sqlite:///"
_ENCODED = {"?", "%"}
"""The characters that a URL cannot have in the name of a file, unless they are encoded."""
_log = logging.getLogger("dsc_host.cli")
_ACTOR_LETTERS = 64


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The option `--master-key`, which names the file of the master keys."""

    master_key: Annotated[
        Path | None,
        typer.Option(
            "--master-key",
            envvar="DSCPLUS_MASTER_KEY_FILE",
            metavar="FILE",
            help="A file with the master key in 64 hex digits. DSCPLUS_MASTER_KEY may hold the digits instead.",
        ),
    ] = None

    def key_file(self) -> Path:
        """Return the path of the file of master keys. The file may not exist yet."""
        named = setting("master_key").value
        return self.master_key or (Path(named) if named else own_key_file())

    def come_from_variable(self) -> bool:
        """Return whether the key comes from the environment variable: it has the digits, and no option names a file."""
        return not self.master_key and has_key_variable()

    def keyring(self, *, may_make: bool = False) -> "Keyring":
        """Return the master keys from the environment or from their file. Raises `InputError`."""
        from dsc_host.records.keys import Keyring, MasterKey

        if self.come_from_variable():
            _log.info("master key: in %s", KEY_VARIABLE)
            return Keyring.from_environment(KEY_VARIABLE)
        path = self.key_file()
        _log.info("master key: in %s", path)
        if path == own_key_file() and not path.exists():
            if not may_make:
                raise InputError(
                    "master key",
                    f"there is none in {path}; name its file with --master-key, or put its 64 hex digits into "
                    "DSCPLUS_MASTER_KEY",
                )
            _make_folder(path.parent)
            MasterKey.generate().write(path)
            notice(f"Created a master key in {path}. Keep a copy: without it the records can't be read.")
        return Keyring.from_file(path)


@dataclass(frozen=True, slots=True)
class Records(MasterKeys):
    """The options that name the records.

    If an option is missing, the setting of the same name is used. If the setting is missing too, the records are in the user's
    own folders. The verifier is imported only when it is needed, because the verifier and the database's library load slowly.
    """

    database: Annotated[
        str | None,
        typer.Option(
            "--db",
            envvar="DSCPLUS_DB",
            metavar="URL",
            help="The records: sqlite:///FILE or postgresql://USER@HOST/DATABASE. Default: a file in your data folder.",
        ),
    ] = None

    @property
    def url(self) -> str | None:
        """The URL of the database that the option or a setting names, or None for the default database."""
        return self.database or setting("db").value

    def open(self, *, may_make: bool = False) -> "Verifier":
        """Open the verifier in these records.

        With `may_make`, a missing database is created. For the default database, a missing default key file is created too.
        Raises `Failed` if the records do not exist and may not be created. Raises `InputError` or `StoreError` if the records
        cannot be opened.
        """
        from dsc_host.records.store import check_url
        from dsc_host.verifier import Verifier

        # Check the URL first. If it is wrong, an error about a missing master key would mislead the user.
        if self.url:
            check_url(self.url)
        path = self.file()
        _log.info("records: in %s", path or "a database on a server")
        # Do not create a database for a mistyped name. The user would learn only that the card is not enrolled.
        if path and not may_make and not os.path.exists(path):
            raise Failed(f"{path}: there is no such database; create it with enroll, personalize or person add")
        if self.url or not path:
            return Verifier.open(self.url or "", master_key=self.keyring(), may_make=may_make).by(actor())
        _make_folder(path.parent)
        keys = self.keyring(may_make=not os.path.exists(path))
        return Verifier.open(file_url(path), master_key=keys).by(actor())

    def file(self) -> Path | None:
        """Return the path of the database file, or None if the records are on a server. The file may not exist yet.

        Raises `InputError`.
        """
        return _file_of(self.url) if self.url else own_file()

    def url_to_make(self) -> str:
        """Return the URL of the records. If it is the default database, create its folder. Raises `InputError`."""
        path = self.file()
        if self.url or path is None:
            return self.url or ""
        _make_folder(path.parent)
        return file_url(path)

    def check_target(self, file: Path, force: bool) -> None:
        """Raise `InputError` unless a command may write this file.

        Even with `--force`, no command may overwrite the records or their master key.
        """
        records = self.file()
        kept = [Path(f"{records}{suffix}") for suffix in ("", "-wal", "-shm")] if records else []
        if any(path.exists() and file.exists() and file.samefile(path) for path in (*kept, self.key_file())):
            raise InputError("file", f"{file} holds the records or their master key; choose another name")
        if not force and os.path.lexists(file):
            raise InputError("file", f"{file} exists already; choose another name, or use --force")


def has_key_variable() -> bool:
    """Return whether the environment variable has the digits of the master key. An empty variable counts as unset."""
    return bool(os.environ.get(KEY_VARIABLE))


def own_file() -> Path:
    """Return the file of the default database, in the user's data folder."""
    return platformdirs.user_data_path("dscplus", appauthor=False) / "dsc.db"


def own_key_file() -> Path:
    """Return the default file of master keys, in the user's configuration folder."""
    return platformdirs.user_config_path("dscplus", appauthor=False) / "master.key"


def file_url(path: Path) -> str:
    """Return the URL of a database file."""
    if not set(str(path)) & _ENCODED:
        return f"{_FILE_URL}{path}"
    # Import the library here: it loads slowly, and hardly any path needs it.
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string()


def _file_of(database: str) -> Path | None:
    """Return the file that a URL names, or None for a server and for a URL that the verifier refuses. Raises `InputError`."""
    name = database.removeprefix(_FILE_URL)
    if "?" in name:
        return None
    if name != database and "%" in name:
        from sqlalchemy import make_url

        name = make_url(database).database or ""
    if database == "sqlite://" or (name != database and name in ("", ":memory:")):
        raise InputError(
            "database", "must name a file, for example sqlite:///dsc.db: a database in memory ends with the command"
        )
    if "\0" in name:
        raise InputError("database", "a file's name cannot hold a NUL; remove %00 from the URL")
    return None if name == database else Path(name)


def actor() -> str:
    """Return the actor for the audit log: the user who is logged in on this machine."""
    try:
        name = user_name()
    except (OSError, KeyError, ImportError):
        name = "unknown"
    return f"cli:{''.join(filter(str.isprintable, name))}"[:_ACTOR_LETTERS]


def user_name() -> str:
    """Return the name of the user who runs this process.

    Except on Windows, the name comes from the operating system, because users can set environment variables.
    """
    if sys.platform != "win32":
        return pwd.getpwuid(os.getuid()).pw_name
    return getpass.getuser()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("folder", f"{folder} cannot be created: {error.strerror}") from error
