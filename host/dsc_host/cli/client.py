"""The commands for logins with OpenID Connect: client add, list, show, remove, and client key list, rotate."""

from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli import extras
from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating
from dsc_host.cli.options import JsonOption, YesOption
from dsc_host.cli.output import Failed, Result, notice, show, show_all
from dsc_host.cli.prompts import agreed
from dsc_host.errors import InputError
from dsc_host.files import read_whole
from dsc_host.gateway.openid import clients
from dsc_host.gateway.openid.clients import Client, Method
from dsc_host.login import Scope

_MOST_BYTES = 64 * 1024

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The client's name, which is its client_id.")]


def add_client(
    records: Records,
    name: NameArgument,
    redirect: Annotated[
        list[str], typer.Option(metavar="URL", help="The exact address to which a login redirects. May be repeated.")
    ],
    title: Annotated[str, typer.Option(metavar="TEXT", help="The name on the consent page. Default: NAME.")] = "",
    logout_redirect: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="The exact address to which a logout redirects. May be repeated."),
    ] = None,
    backchannel: Annotated[
        str, typer.Option(metavar="URL", help="The address that is notified when a session ends (back-channel logout).")
    ] = "",
    own: Annotated[bool, typer.Option("--own", help="The program belongs to your company: users need not consent.")] = False,
    admit: Annotated[
        list[Scope] | None,
        typer.Option(metavar="SCOPE", help="A session scope that may log in to the program. May be repeated. Default: full."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="The program cannot keep a secret, for example an app. It must use PKCE.")
    ] = False,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The program's public keys (JWKS), for private_key_jwt instead of a secret."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a program that logs users in with OpenID Connect.

    The command prints the secret of the client once. Only its hash is stored. A client with --public or --keys has no secret.

    \b
    Examples:
      dscplus client add wiki --redirect https://wiki.example.com/login --own
      dscplus client add app --redirect com.example.app:/login --public --title "Example"
    """
    if public and keys is not None:
        raise InputError("keys", "cannot be given together with --public")
    client = Client(
        name=name,
        title=title or name,
        redirects=tuple(redirect),
        logout_redirects=tuple(logout_redirect or ()),
        backchannel=backchannel,
        own=own,
        admits=tuple(map(str, admit or [Scope.FULL])),
        keys="" if keys is None else _public_keys(keys),
    )
    with operating(records) as operator:
        made, secret = operator.context.change(lambda tx: clients.add(tx, client, secret=not public and keys is None))
    if as_json:
        show({"name": made.name, **({"secret": secret} if secret else {})}, as_json=True)
    elif secret:
        typer.echo(secret)
    else:
        notice(f"Added {made.name}, which has no secret.")


def list_clients(records: Records, as_json: JsonOption = False) -> None:
    """List the programs that log users in with OpenID Connect.

    \b
    Examples:
      dscplus client list
      dscplus client list --json
    """
    with operating(records) as operator:
        found = operator.context.read(clients.load)
    rows = [{"name": each.name, "title": each.title, "own": each.own, "proves_by": str(each.method)} for each in found]
    show_all(rows, as_json=as_json, none="There are no clients.")


def show_client(records: Records, name: NameArgument, as_json: JsonOption = False) -> None:
    """Show everything about one client, except its secret and its keys.

    \b
    Examples:
      dscplus client show wiki
      dscplus client show wiki --json
    """
    with operating(records) as operator:
        found = operator.context.read(lambda tx: clients.found(tx, name))
    show(_facts(found), as_json=as_json)


def remove_client(records: Records, name: NameArgument, yes: YesOption = False) -> None:
    """Remove a program that logs users in with OpenID Connect. Asks for confirmation.

    The program's tokens become invalid immediately. If you add the client again, it gets a new secret.

    \b
    Examples:
      dscplus client remove wiki
      dscplus client remove wiki --yes
    """
    with operating(records) as operator:
        operator.context.read(lambda tx: clients.found(tx, name))
        if not yes and not agreed(f"Remove the client {name}? Nobody will be able to log in to it."):
            raise Failed("nothing was changed")
        operator.context.change(lambda tx: clients.remove(tx, name))


def list_signing_keys(records: Records, as_json: JsonOption = False) -> None:
    """List the published keys that sign tokens. The portal makes the first key.

    \b
    Examples:
      dscplus client key list
      dscplus client key list --json
    """
    with extras.needed("portal"):
        from dsc_host.gateway.openid import signing_keys
    with operating(records) as operator:
        found = operator.context.read(signing_keys.published)
        now = operator.context.now()
    rows = [{"id": key.id, "state": _state(key.signs_from, key.signs_until, now)} for key in found]
    show_all(rows, as_json=as_json, none="There are no keys. The portal makes the first key.")


def rotate_signing_key(
    records: Records,
    stolen: Annotated[
        bool,
        typer.Option("--stolen", help="Remove all other keys now. Clients that cache the old keys refuse logins for a while."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a new key that signs tokens.

    The key is published immediately, but signs only after ten minutes, so that clients can fetch it first. The previous key
    signs until then, and stays published for one more day. With --stolen, the new key signs immediately. A running portal
    needs no restart.

    \b
    Examples:
      dscplus client key rotate
      dscplus client key rotate --stolen
    """
    with extras.needed("portal"):
        from dsc_host.gateway.openid import signing_keys
    with operating(records) as operator:
        made = operator.context.change(lambda tx: signing_keys.rotate(tx, at_once=stolen))
    if as_json:
        show({"id": made.id}, as_json=True)
    else:
        typer.echo(made.id)


def _state(signs_from: float, signs_until: float | None, now: float) -> str:
    if now < signs_from:
        return "published, signs soon"
    return "signs" if signs_until is None or now < signs_until else "published, signs no longer"


def _facts(client: Client) -> Result:
    return {
        "name": client.name,
        "title": client.title,
        "own": client.own,
        "proves_by": str(client.method),
        "redirect": list(client.redirects),
        "logout_redirect": list(client.logout_redirects),
        "backchannel": client.backchannel,
        "admits": list(client.admits),
        "needs_pkce": client.method is Method.NONE,
    }


def _public_keys(file: Path) -> str:
    """Return the public keys in a file as text. Raises `InputError`."""
    with extras.needed("portal"):
        from dsc_host.gateway.openid import client_keys
    return client_keys.checked(read_whole(file, "keys", _MOST_BYTES))
