"""The settings of the command that a file may give: the records, the master key, and the card.

An option on the command line counts first, then the environment variable, then the file, then the default.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from dsc_host.errors import InputError

VARIABLES = {"db": "DSCPLUS_DB", "master_key": "DSCPLUS_MASTER_KEY_FILE", "card": "DSCPLUS_CARD"}
"""The settings, each with its environment variable."""
FILE_VARIABLE = "DSCPLUS_CONFIG"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with its source."""

    name: str
    value: str | None
    source: str
    """The environment variable or the file that gives it, or `default`."""


def file() -> Path:
    """Return the path of the settings file, whether or not it exists."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("dscplus", appauthor=False) / "config.toml"


def setting(name: str) -> Setting:
    """Return a setting of `VARIABLES` without its option. Raises `InputError` if the file is malformed."""
    variable = VARIABLES[name]
    if given := os.environ.get(variable):
        return Setting(name, given, variable)
    kept = _read(file())
    return Setting(name, kept[name], str(file())) if name in kept else Setting(name, None, "default")


def _read(path: Path) -> dict[str, str]:
    """Return the settings in the file. Raises `InputError`. A file that was named must exist."""
    try:
        with path.open("rb") as source:
            kept = tomllib.load(source)
    except FileNotFoundError:
        if FILE_VARIABLE in os.environ:
            raise InputError("settings", f"{path} does not exist; create it, or unset {FILE_VARIABLE}") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError("settings", f"{path} cannot be read: {reason}") from None
    for name, value in kept.items():
        if name not in VARIABLES:
            raise InputError("settings", f"{path} has an unknown name, {name}; it may have {', '.join(VARIABLES)}")
        if not isinstance(value, str) or not value:
            raise InputError("settings", f"{path}: {name} must be a text that is not empty")
    return kept
