"""Commands for the service: serve, token new."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

from dsc_host.cli.options import DatabaseOption, JsonOption, MasterKeyOption, open_verifier
from dsc_host.cli.output import Failed, notice, show
from dsc_host.errors import InputError
from dsc_host.verifier import Verifier
from dsc_host.verifier.async_service import default_threads

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST, PORT = "127.0.0.1", 8470
_MISSING = "the service needs more packages; install them: pip install 'dscplus[serve]'"

TokensOption = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        envvar="DSCPLUS_TOKENS",
        metavar="FILE",
        help="Who may call the service: a file that `dscplus token new` writes. Default: one of your own.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(serve)
    token = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may call the service.")
    # Without this, a group of one command would be that command.
    token.callback()(_token)
    token.command(name="new")(new_token)
    app.add_typer(token, name="token")


def _token() -> None:
    """Who may call the service."""


@dataclass(frozen=True, slots=True)
class _Making:
    """Makes the application, in a worker process too: what it is made of can be pickled, a verifier cannot."""

    database: str | None
    master_key: Path | None
    tokens: Path

    def __call__(self) -> "Starlette":
        from dsc_host.api import Tokens, application

        threads = default_threads(self.database or "sqlite:")
        return application(self.open, Tokens.from_file(self.tokens), threads=threads)

    def open(self) -> Verifier:
        return open_verifier(self.database, self.master_key, may_make=False)


def serve(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.", show_default=True)] = HOST,
    port: Annotated[int, typer.Option(metavar="N", help="0: the system chooses.", show_default=True)] = PORT,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes that share the port.", show_default=True)] = 1,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Listen where others can connect, without TLS.")] = False,
    proxy: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The proxy or login page that has no limit of its own.", show_default=True),
    ] = HOST,
    tokens: TokensOption = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
) -> None:
    """Serve challenges and verdicts over HTTP, for login pages that are not written in Python.

    Stop it with Ctrl-C or SIGTERM: what is in hand is done first. TLS is for the proxy in front of it. The log, one JSON
    object a line, goes to stderr; GET /openapi.json describes the service. Who may call it: `dscplus token new --help`.

    \b
    Examples:
      dscplus serve
      dscplus serve --workers 4 --db postgresql://dscplus@db/dscplus
    """
    with _needing_the_extra():
        from dsc_host.api import Tokens, processes
    address = processes.Address.checked(host, port, allow_remote=allow_remote)
    make = _Making(database, master_key, tokens or _default_tokens())
    # Whatever is wrong with them is said here, once, and not by each worker.
    Tokens.from_file(make.tokens)
    make.open().close()
    if not processes.run(make, address, workers, proxy=proxy):
        raise Failed("the service could not be started, or a worker failed; the lines above say why")


def new_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is; the audit log names it.")],
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="What it is for: login, desk or metrics. May be given again.")
    ] = None,
    tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token for whoever calls the service, and print it, once: the file has only its hash.

    A login page needs `login`; `desk` may change cards; `metrics` is for Prometheus. To take a token back, remove its line
    from the file and start the service again.

    \b
    Examples:
      dscplus token new website --scope login
      dscplus token new helpdesk --scope login --scope desk
    """
    with _needing_the_extra():
        from dsc_host.api import Scope, add_token
    wanted = set(scope or ())
    if not wanted <= set(Scope):
        raise InputError("scope", f"must be one of {', '.join(Scope)}")
    path = tokens or _default_tokens()
    if not tokens:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = add_token(path, name, map(Scope, wanted))
    if as_json:
        show({"name": name, "token": token}, as_json=True)
    else:
        typer.echo(token)
    notice(f"Keep it: it is not in {path}, and cannot be shown again. A service that runs must be started again to know it.")


@contextmanager
def _needing_the_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("dsc_host"):
            raise
        raise Failed(_MISSING) from None


def _default_tokens() -> Path:
    return platformdirs.user_config_path("dscplus", appauthor=False) / "tokens"
