"""The commands for logins by RADIUS: radius serve, radius client add, list, remove."""

import logging.config
from typing import Annotated

import typer

from dsc_host.cli import prompts
from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating
from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, notice, show, show_all
from dsc_host.cli.portal import PolicyOption, load_policy
from dsc_host.gateway.radius import clients, server
from dsc_host.gateway.radius.responder import Responder
from dsc_host.login import LoginSystem
from dsc_host.server.logs import configuration

_DEFAULT = f"127.0.0.1:{server.PORT}"


def serve(
    records: Records,
    listen: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS:PORT", help=f"An address to listen on. May be repeated. Default: {_DEFAULT}."),
    ] = None,
    policy: PolicyOption = None,
) -> None:
    """Log users in at programs that speak RADIUS.

    A program sends name and password, shows the challenge of the user's card, and sends the response. Add the program first,
    with `dscplus radius client add`. Requests must be signed by a Message-Authenticator. The log goes to stderr, one JSON
    object a line, without names. Stop it with Ctrl-C or SIGTERM: open requests are answered first.

    \b
    Examples:
      dscplus radius serve --listen 127.0.0.1:1812
      dscplus radius serve --listen 192.0.2.1:1812 --listen [2001:db8::1]:1812
    """
    addresses = [server.listening_address(each) for each in listen or [_DEFAULT]]
    rules = load_policy(policy)
    with records.open() as verifier:
        system = LoginSystem.over(verifier, policy=rules)
        known = system.context.read(clients.load)
        if not known:
            raise Failed("there are no clients; add one: dscplus radius client add NAME --address ADDRESS")
        logging.config.dictConfig(configuration())
        server.run(Responder(system, known), addresses, lambda: system.context.read(clients.load))


def add_client(
    records: Records,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The client's name, for the log.")],
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="The IP address or network that its packets come from.")],
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Accept requests without a Message-Authenticator, from old devices.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a program that logs users in by RADIUS, and print its shared secret.

    The secret is printed once. The records keep it sealed under the master key. A running server knows the program after
    some seconds.

    \b
    Examples:
      dscplus radius client add vpn --address 192.0.2.7
      dscplus radius client add office --address 2001:db8:1::/64 --json
    """
    with operating(records) as operator:
        made = operator.context.change(lambda tx: clients.add(tx, name, address, signs=not unsigned))
    if as_json:
        show({"name": made.name, "secret": made.secret.decode()}, as_json=True)
    else:
        typer.echo(made.secret.decode())
    if unsigned:
        notice("Replies to unsigned requests can be forged on the network. Update the device, or keep its network apart.")


def list_clients(records: Records, as_json: JsonOption = False) -> None:
    """List the programs that log users in by RADIUS.

    \b
    Examples:
      dscplus radius client list
      dscplus radius client list --json
    """
    with operating(records) as operator:
        found = operator.context.read(clients.load)
    rows = [{"name": each.name, "address": str(each.network), "signed": each.signs} for each in found]
    show_all(rows, as_json=as_json, none="There are no clients.")


def remove_client(
    records: Records,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The client's name.")],
    yes: YesOption = False,
) -> None:
    """Remove a program that logs users in by RADIUS, and its secret. Asks for confirmation.

    A running server answers the program for some more seconds.

    \b
    Examples:
      dscplus radius client remove vpn
      dscplus radius client remove vpn --yes
    """
    with operating(records) as operator:
        operator.context.read(lambda tx: clients.named(tx, name))
        if not yes and not prompts.agreed(f"Erase the secret of {name} forever?"):
            raise Failed("nothing was changed")
        operator.context.change(lambda tx: clients.remove(tx, name))
