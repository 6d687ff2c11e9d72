"""The commands for logins with RADIUS: radius serve, radius client add, list, remove."""

import logging.config
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_host.cli import extras, prompts
from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating
from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, notice, show, show_all
from dsc_host.cli.policy import PolicyOption, load_policy
from dsc_host.errors import InputError
from dsc_host.files import read_whole
from dsc_host.gateway.radius import clients, server
from dsc_host.gateway.radius.attributes import NO_TABLE, Table
from dsc_host.gateway.radius.card_logins import CardLogins
from dsc_host.gateway.radius.clients import Client, Options
from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.replies import Judge
from dsc_host.gateway.radius.responder import Responder
from dsc_host.gateway.radius.server import Listening
from dsc_host.gateway.radius.tls import PORT as TLS_PORT
from dsc_host.gateway.radius.tls import server_context, trust
from dsc_host.login import LoginSystem
from dsc_host.server.logs import configuration

if TYPE_CHECKING:
    from dsc_host.gateway.radius.metrics import Metrics

_MOST_PEM_BYTES = 64 * 1024
_DEFAULT = f"127.0.0.1:{server.PORT}"
_METRICS_PORT = 9812


def serve(
    records: Records,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS:PORT", help=f"An address to listen on. May be repeated. Default without --tls: {_DEFAULT}."
        ),
    ] = None,
    verifier_alone: Annotated[
        bool, typer.Option("--verifier", help="Check only the card. The user name is the owner of the card.")
    ] = False,
    attributes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file with the attributes in replies to accepted users.")
    ] = None,
    tls: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS:PORT", help="An address for RADIUS over TLS. May be repeated. Needs --certificate, --key."
        ),
    ] = None,
    certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="The server's certificate for TLS, as PEM.")] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="The key of the certificate, as PEM.")] = None,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS:PORT", help="A loopback address from which Prometheus reads metrics."),
    ] = None,
    policy: PolicyOption = None,
) -> None:
    """Log users in to programs that speak RADIUS.

    A program sends the user's name and password, shows the challenge of the user's card, and sends the response. With
    --verifier, the program checks the password itself, and this server checks only the card. Add the program first, with
    `dscplus radius client add`. A request over UDP must be signed with a Message-Authenticator, unless the program was added
    with --unsigned. The log goes to stderr, one JSON object per line, without user names. Stop the server with Ctrl-C or
    SIGTERM: open requests are answered first.

    \b
    Examples:
      dscplus radius serve --listen 127.0.0.1:1812
      dscplus radius serve --listen 192.0.2.1:1812 --listen [2001:db8::1]:1812
      dscplus radius serve --verifier
      dscplus radius serve --tls 192.0.2.1:2083 --certificate radius.pem --key radius.key
    """
    listening = _listening(listen or ([] if tls else [_DEFAULT]), tls or [], certificate, key, metrics)
    table = Table.load(attributes) if attributes else NO_TABLE
    rules = load_policy(policy)
    with records.open() as verifier:
        system = LoginSystem.over(verifier, policy=rules)
        known = system.context.read(clients.load)
        if not known:
            raise Failed("there are no clients; add one: dscplus radius client add NAME --address ADDRESS")
        if verifier_alone and (unserved := [each.name for each in known if not each.options.challenges]):
            notice(
                f"With --verifier, these programs cannot log users in, because they show no challenge: {', '.join(unserved)}. "
                "Add them again without --no-challenge, or leave out --verifier."
            )
        if strange := table.clients - {each.name for each in known}:
            notice(f"{attributes} names programs that do not exist: {', '.join(sorted(strange))}.")
        if listening.context:
            trust(listening.context, known)
        logging.config.dictConfig(configuration())
        judge: Judge = CardLogins(verifier, table) if verifier_alone else UserLogins(system, table)
        counted = _metrics() if listening.metrics else None
        text = counted.text if counted else lambda: b""
        server.run(Responder(judge, known, observer=counted), listening, lambda: system.context.read(clients.load), text)


def _listening(
    udp: Sequence[str], tls: Sequence[str], certificate: Path | None, key: Path | None, metrics: str | None
) -> Listening:
    if tls and not (certificate and key):
        raise InputError("tls", "needs --certificate and --key")
    if not tls and (certificate or key):
        raise InputError("certificate" if certificate else "key", "is only for RADIUS over TLS; give its address with --tls")
    context = server_context(certificate, key) if certificate and key else None
    return Listening(
        udp=[server.listening_address(each) for each in udp],
        tls=[server.listening_address(each, "tls", TLS_PORT) for each in tls],
        context=context,
        metrics=_own_address(metrics) if metrics else None,
    )


def _own_address(text: str) -> server.Address:
    address = server.listening_address(text, "metrics", _METRICS_PORT)
    if not ip_address(address[0]).is_loopback:
        raise InputError("metrics", "must be a loopback address, for example 127.0.0.1:9812; the page has no password")
    return address


def _metrics() -> "Metrics":
    with extras.needed("serve"):
        from dsc_host.gateway.radius.metrics import Metrics
    return Metrics()


def add_client(
    records: Records,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The client's name, for the log.")],
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="The IP address or network that its packets come from.")],
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Accept requests without a Message-Authenticator, from old devices.")
    ] = False,
    no_challenge: Annotated[
        bool,
        typer.Option("--no-challenge", help="The program shows no challenge: users type a temporary code after the password."),
    ] = False,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="The language of refusals: en, de or ru.", show_default=True)
    ] = "en",
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The program's certificate as PEM, if the program uses TLS instead of a secret."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a program that logs users in with RADIUS, and print its shared secret.

    The secret is printed once. The records keep it sealed under the master key. A program with a certificate has no secret of
    its own: the command prints the word that RADIUS over TLS uses as the secret. A running server accepts the program after
    some seconds.

    \b
    Examples:
      dscplus radius client add vpn --address 192.0.2.7
      dscplus radius client add office --address 2001:db8:1::/64 --json
    """
    shown = _read_certificate(certificate) if certificate else ""
    options = Options(signs=not unsigned, challenges=not no_challenge, language=language, certificate=shown)
    with operating(records) as operator:
        made = operator.context.change(lambda tx: clients.add(tx, name, address, options))
    if as_json:
        show({"name": made.name, "secret": made.secret.decode()}, as_json=True)
    else:
        typer.echo(made.secret.decode())
    if unsigned and certificate is None:
        notice("Replies to unsigned requests can be forged on the network. Update the device, or isolate its network.")
    elif unsigned:
        notice("--unsigned has no effect with --certificate: no request over TLS needs a Message-Authenticator.")


def _read_certificate(file: Path) -> str:
    # Before the certificate, `openssl x509 -text` prints names, perhaps in another encoding. They are not used.
    text = read_whole(file, "certificate", _MOST_PEM_BYTES).decode("latin-1")
    clients.check_certificate(text)
    return text


def list_clients(records: Records, as_json: JsonOption = False) -> None:
    """List the programs that log users in with RADIUS.

    \b
    Examples:
      dscplus radius client list
      dscplus radius client list --json
    """
    with operating(records) as operator:
        found = operator.context.read(clients.load)
    show_all([_shown(each) for each in found], as_json=as_json, none="There are no clients.")


def _shown(client: Client) -> dict[str, object]:
    options = client.options
    told = {
        "tls": bool(options.certificate),
        "signed": options.signs,
        "challenges": options.challenges,
        "language": options.language,
    }
    return {"name": client.name, "address": str(client.network), **told}


def remove_client(
    records: Records,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The client's name.")],
    yes: YesOption = False,
) -> None:
    """Remove a program that logs users in with RADIUS, and its secret. Asks for confirmation.

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
