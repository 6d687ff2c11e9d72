"""The settings of the command: the records, the master key, and the card.

An option on the command line takes precedence over the environment variable, the settings file and the default, in this order.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from dsc_host.cli.output import printable
from dsc_host.errors import InputError

VARIABLES = {"db": "DSCPLUS_DB", "master_key": "DSCPLUS_MASTER_KEY_FILE", "card": "DSCPLUS_CARD"}
"""The settings, each with its environment variable."""
FILE_VARIABLE = "DSCPLUS_CONFIG"
_MOST_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with its source."""

    name: str
    value: str | None
    source: str
    """The environment variable or the file from which the value comes, or `default`."""


def file() -> Path:
    """Return the path of the settings file. The file may not exist."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("dscplus", appauthor=False) / "config.toml"


def setting(name: str) -> Setting:
    """Return a setting from its environment variable or the settings file. Raises `InputError` if the file is malformed."""
    variable = VARIABLES[name]
    if given := os.environ.get(variable):
        return Setting(name, given, variable)
    found = _read(file())
    return Setting(name, found[name], str(file())) if name in found else Setting(name, None, "default")


def _read(path: Path) -> dict[str, str]:
    """Return the settings in the file. Raises `InputError`, also if DSCPLUS_CONFIG names a file that does not exist."""
    try:
        found = tomllib.loads(_text(path))
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get(FILE_VARIABLE):
            raise InputError("settings", f"{path} does not exist; create it, or unset {FILE_VARIABLE}") from None
        return {}
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:  # ValueError also for a number with thousands of digits.
        reason = getattr(error, "strerror", None) or error
        raise InputError("settings", f"{path} cannot be read: {reason}") from None
    for name, value in found.items():
        if name not in VARIABLES:
            raise InputError("settings", f"{path} has an unknown name, {printable(name)}; it may have {', '.join(VARIABLES)}")
        if not isinstance(value, str) or not value or "\0" in value:
            raise InputError("settings", f"{path}: {name} must be a text that is not empty, without NUL")
    return found


def _text(path: Path) -> str:
    """Return the text of the file. Raises `InputError`, `OSError` or `UnicodeDecodeError`."""
    # Do not read a pipe: the read could wait forever. /dev/null counts as an empty file.
    if path.exists() and not path.is_file() and not path.is_dir() and str(path) != os.devnull:
        raise InputError("settings", f"{path} is not a file; name a file of text")
    with path.open("rb") as source:
        read = source.read(_MOST_BYTES + 1)
    if len(read) > _MOST_BYTES:
        raise InputError("settings", f"{path} is too long; it may have {_MOST_BYTES} bytes")
    # Some editors on Windows write a byte order mark.
    return read.decode("utf-8-sig").replace("\r\n", "\n")
