"""Options that many commands share, and their default values."""

import logging
import math
from dataclasses import dataclass
from typing import Annotated

import typer

from dsc_host.cli.settings import setting
from dsc_host.errors import InputError
from dsc_host.urls import without_password

_log = logging.getLogger("dsc_host.cli")

DEFAULT_SUITES = {"ocra": "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", "card": "OCRA-1:HOTP-SHA256-8:C-QN06"}
"""The default suite for each PIN policy."""
OWNER_SECONDS = 120.0
"""The seconds for which a command waits for the owner to act on the card."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="How long to wait for the card's owner.", show_default=True)
]


def check_timeout(seconds: float) -> None:
    """Raise `InputError` unless `seconds` is positive and finite."""
    if not 0 < seconds < math.inf:
        raise InputError("timeout", "must be a number of seconds greater than 0")


@dataclass(frozen=True, slots=True)
class CardPort:
    """The option that names the card's port."""

    card: Annotated[
        str | None,
        typer.Option(
            "--card",
            envvar="DSCPLUS_CARD",
            metavar="URL",
            help="The card's port: /dev/ttyACM0, COM3, socket://host:port, sim://. Not needed if one card is attached.",
        ),
    ] = None

    def find(self) -> str:
        """Return the port that the option or a setting names. If none is named, return the port of the only attached card.

        Raises `CardNotFound`, and `InputError` if the settings file is malformed.
        """
        from dsc_host.link import find_card

        port = find_card(self.card or setting("card").value)
        _log.info("card: at %s", without_password(port))
        return port
