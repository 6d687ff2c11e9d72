"""The commands for requested cards: issuer list, make, ship."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dsc_host.cli import prompts
from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating
from dsc_host.cli.options import CardPort, JsonOption
from dsc_host.cli.output import notice, show, show_all
from dsc_host.cli.policy import PolicyOption
from dsc_host.link import CardClient
from dsc_host.login import Request


def list_waiting(
    records: Records,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the requested cards that must still be made or shipped, the oldest first.

    \b
    Examples:
      dscplus issuer list
      dscplus issuer list --json
    """
    with operating(records, policy) as operator:
        show_all([_result(each) for each in operator.queue()], as_json=as_json, none="No card must be made or shipped.")


def make(
    records: Records,
    port: CardPort,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not wait for Enter before each card.")] = False,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make all requested cards, one after another.

    For each card: plug in a blank card, press Enter, and unplug the card when the command asks for the next card. If a card
    fails, the finished cards stay finished. Run the command again for the remaining cards.

    \b
    Examples:
      dscplus issuer make
      dscplus issuer make --card /dev/ttyACM0
    """

    @contextmanager
    def next_card(request: Request) -> Iterator[CardClient]:
        if not yes:
            prompts.read_shown(f"Plug in a blank card for {request.user}, then press Enter", "confirmation")
        with CardClient.open(port.find()) as client:
            yield client

    def report_progress(number: int, total: int, request: Request) -> None:
        notice(f"{number} of {total}: {request.serial} for {request.user}")

    with operating(records, policy) as operator:
        show_all(
            [_result(each) for each in operator.make_cards(next_card, report_progress)],
            as_json=as_json,
            none="No card was made.",
        )


def ship(
    records: Records,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id, as printed by `dscplus issuer list`.")],
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record that a card was sent.

    The user gets a message. The card is activated automatically when the time in the policy has passed.

    \b
    Examples:
      dscplus issuer ship 0123456789abcdef
      dscplus issuer ship 0123456789abcdef --json
    """
    with operating(records, policy) as operator:
        show(_result(operator.ship(request)), as_json=as_json)


def _result(request: Request) -> dict[str, object]:
    return {
        "request": request.id,
        "user": request.user,
        "state": str(request.state),
        "serial": request.serial,
        "address": request.address,
    }
