"""The command card unlock-code."""

from typing import Annotated

import typer

from dsc_host.cli.options import DatabaseOption, JsonOption, MasterKeyOption, open_verifier
from dsc_host.cli.output import notice, show
from dsc_host.cli.prompts import read_shown
from dsc_host.cli.records import SerialArgument


def unlock_code(
    serial: SerialArgument,
    challenge: Annotated[
        str | None,
        typer.Argument(metavar="CHALLENGE", help="The 6 digits on the card. Left out: asked for, or from standard input."),
    ] = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the code that unlocks a card which shows LOCKED after too many wrong PINs.

    OK on the card shows the challenge. Give a code only to somebody who has shown that the card is theirs: it is all that
    a thief would still need to go on trying PINs. A card is given 10 codes in 24 hours at most.

    \b
    Examples:
      dscplus card unlock-code IB3000123 482913
      dscplus card unlock-code IB3000123 --json < challenge.txt
    """
    if challenge is None:
        challenge = read_shown("Challenge")
    with open_verifier(database, master_key, may_make=False) as verifier:
        code = verifier.unlock_code(serial, challenge)
    if as_json:
        show({"serial": serial, "unlock_code": code}, as_json=True)
    else:
        typer.echo(code)
    notice("On the card: OK, type the code at UNLOCK>, OK.")
