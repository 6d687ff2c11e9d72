"""The command about the settings: config show."""

from dsc_host.cli import settings
from dsc_host.cli.database import KEY_VARIABLE, file_url, has_key_variable, own_file, own_key_file
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import notice, show_all
from dsc_host.urls import without_password


def show_settings(as_json: JsonOption = False) -> None:
    """Show the database, the key file and the card that commands use, and where each comes from.

    An option on the command line takes precedence over the environment variable, the settings file and the default, in this
    order. The settings file is in TOML, with the names db, master_key and card. DSCPLUS_CONFIG may name another file. A
    password in a URL is not shown.

    \b
    Examples:
      dscplus config show
      dscplus config show --json
    """
    defaults = {"db": file_url(own_file()), "master_key": str(own_key_file()), "card": "the one attached"}
    rows = []
    for name, variable in settings.VARIABLES.items():
        found = settings.setting(name)
        if name == "master_key" and found.source != variable and has_key_variable():
            found = settings.Setting(name, "hex digits, not shown", KEY_VARIABLE)
        value = found.value or defaults[name]
        rows.append({"setting": name, "value": without_password(value), "source": found.source, "variable": variable})
    show_all(rows, as_json=as_json)
    notice(f"The settings file is {settings.file()}{'' if settings.file().exists() else ', which does not exist'}.")
