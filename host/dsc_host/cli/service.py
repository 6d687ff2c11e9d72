"""The commands for the HTTP service: serve, token new."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

from dsc_host.cli import extras
from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, notice, show
from dsc_host.errors import InputError
from dsc_host.verifier import Verifier
from dsc_host.verifier.async_service import default_threads

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST, PORT = "127.0.0.1", 8470

TokensOption = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        envvar="DSCPLUS_TOKENS",
        metavar="FILE",
        help="The file of access tokens, which `dscplus token new` writes. Default: a file in your configuration folder.",
    ),
]


@dataclass(frozen=True, slots=True)
class _ServiceFactory:
    """A callable that creates the application. Unlike a verifier, it can be pickled for a worker process."""

    records: Records
    tokens: Path

    def __call__(self) -> "Starlette":
        from dsc_host.api import Tokens, application

        threads = default_threads(self.records.url or "sqlite:")
        return application(self.open, Tokens.from_file(self.tokens), threads=threads)

    def open(self) -> Verifier:
        """Open the verifier that the options name."""
        return self.records.open()


def serve(
    records: Records,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.", show_default=True)] = HOST,
    port: Annotated[int, typer.Option(metavar="N", help="The port. 0: any free port.", show_default=True)] = PORT,
    workers: Annotated[int, typer.Option(metavar="N", help="The number of worker processes.", show_default=True)] = 1,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow an address that other machines can reach, without TLS.")
    ] = False,
    proxy: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address of a proxy or login page. The rate limit does not apply to it.",
            show_default=True,
        ),
    ] = HOST,
    tokens: TokensOption = None,
) -> None:
    """Serve challenges and verdicts over HTTP.

    Use the service for login pages that are not written in Python. Stop it with Ctrl-C or SIGTERM: open requests are finished
    first. The service has no TLS: put a proxy with TLS in front of it. The log goes to stderr, one JSON object per line. GET
    /openapi.json describes the service. Callers need a token: see `dscplus token new --help`.

    \b
    Examples:
      dscplus serve
      dscplus serve --workers 4 --db postgresql://dscplus@db/dscplus
    """
    with extras.needed("serve"):
        from dsc_host.api import Tokens, processes
    address = processes.Address.checked(host, port, allow_remote=allow_remote)
    make = _ServiceFactory(records, tokens or default_tokens())
    # Open the verifier once here, so that an error is reported once and not by each worker.
    Tokens.from_file(make.tokens)
    make.open().close()
    if not processes.run(make, address, workers, proxy=proxy):
        raise Failed("the service could not be started, or a worker failed; see the lines above")


def new_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The caller's name, for the audit log.")],
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="A permission: login, desk or metrics. May be repeated.")
    ] = None,
    tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token for a caller of the service.

    The token is printed once: the file stores only its hash. A login page needs the permission `login`. With `desk`, a caller
    may change cards. `metrics` is for Prometheus. To revoke a token, remove its line from the file and restart the service.

    \b
    Examples:
      dscplus token new website --scope login
      dscplus token new helpdesk --scope login --scope desk
    """
    with extras.needed("serve"):
        from dsc_host.api import Scope, add_token
    wanted = set(scope or ())
    if not wanted <= set(Scope):
        raise InputError("scope", f"must be one of {', '.join(Scope)}")
    path = tokens or default_tokens()
    if not tokens:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = add_token(path, name, map(Scope, wanted))
    if as_json:
        show({"name": name, "token": token}, as_json=True)
    else:
        typer.echo(token)
    notice(f"Keep the token: {path} stores only its hash. Restart a running service to load it.")


def default_tokens() -> Path:
    """Return the file of access tokens in the user's configuration folder."""
    return platformdirs.user_config_path("dscplus", appauthor=False) / "tokens"
