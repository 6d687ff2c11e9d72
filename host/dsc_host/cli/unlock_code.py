"""The command that makes a code for a card that has locked itself: card unlock-code."""

from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import notice, show
from dsc_host.cli.prompts import read_shown
from dsc_host.cli.records import SerialArgument


def unlock_code(
    records: Records,
    serial: SerialArgument,
    challenge: Annotated[
        str | None,
        typer.Argument(metavar="CHALLENGE", help="The 6 digits on the card. If omitted: a prompt, or stdin."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a code that unlocks a card.

    After too many wrong PINs, a card locks itself and shows LOCKED. The owner presses OK on the card to see the challenge. Give
    a code only to somebody who has proved that the card is theirs: with a code, a thief can try more PINs. A card gets at most
    10 codes in 24 hours.

    \b
    Examples:
      dscplus card unlock-code IB3000123 482913
      dscplus card unlock-code IB3000123 --json < challenge.txt
    """
    if challenge is None:
        challenge = read_shown("Challenge")
    with records.open() as verifier:
        code = verifier.unlock_code(serial, challenge)
    if as_json:
        show({"serial": serial, "unlock_code": code}, as_json=True)
    else:
        typer.echo(code)
    notice("On the card: press OK, enter the code at UNLOCK>, press OK.")
