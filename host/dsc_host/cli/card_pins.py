"""The commands for cards that were enrolled without a PIN: card pin set, card pin draw."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, Result, notice, show, show_all
from dsc_host.cli.prompts import read_pin
from dsc_host.errors import InputError
from dsc_host.verifier import card_rules

if TYPE_CHECKING:
    from dsc_host.exchange import Refusal


def set_pin(
    records: Records,
    serial: Annotated[str | None, typer.Argument(metavar="[SERIAL]", help="The card's serial.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A CSV with the columns serial and pin, for several cards.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set the PIN of a card that awaits its PIN.

    A card awaits its PIN if it was imported without a PIN. The command prompts for the PIN, or reads it from standard input.
    With `--file`, the command sets the PIN of each card in the file. If it cannot use a row, it prints the reason, continues
    with the next row, and ends with exit code 1.

    \b
    Examples:
      dscplus card pin set AB1234
      dscplus card pin set --file pins.csv
    """
    if (serial is None) is (file is None):
        raise InputError("serial", "give the serial of one card, or --file with the PINs of several")
    if serial is not None:
        pin = read_pin(confirm=True)
        with records.open() as verifier:
            verifier.set_pin(serial, pin)
        show({"cards": 1, "left_out": 0}, as_json=as_json)
    elif file is not None:
        _set_all(records, file, as_json)


def _set_all(records: Records, file: Path, as_json: bool) -> None:
    from dsc_host import exchange

    left_out: list[int] = []

    def tell(refusal: "Refusal") -> None:
        left_out.append(refusal.line)
        notice(f"left out: {refusal}")

    with records.open() as verifier:
        count = exchange.import_pins(verifier, file, refused=tell)
    show({"cards": count, "left_out": len(left_out)}, as_json=as_json)
    if left_out:
        raise Failed(f"rows left out: {len(left_out)}")


def draw_pins(
    records: Records,
    serials: Annotated[list[str] | None, typer.Argument(metavar="[SERIAL]...", help="The cards' serials.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All cards that await a PIN.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the PINs of cards that await their PIN, and print each PIN once.

    The PINs cannot be printed again, so keep them for the owners of the cards. The records need no PIN of a card that checks
    its PIN itself, so such a card never awaits a PIN.

    \b
    Examples:
      dscplus card pin draw AB1234
      dscplus card pin draw --all --json > pins.json
    """
    if everyone is bool(serials):
        raise InputError("serial", "give serials, or --all")
    drawn: list[Result] = []
    with records.open() as verifier:
        try:
            for serial in serials or (card.serial for card in verifier.cards() if card.awaits_pin):
                pin = card_rules.random_pin()
                verifier.set_pin(serial, pin)
                drawn.append({"serial": serial, "pin": pin})
        finally:
            # Print the PINs even if a later card fails: a PIN that was set but not printed would be lost.
            if drawn:
                show_all(drawn, as_json=as_json)
    if not drawn:
        show_all([], as_json=as_json, none="No card awaits its PIN.")
