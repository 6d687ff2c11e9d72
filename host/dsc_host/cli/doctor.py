"""The command that looks at an installation and says what to do: doctor."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from dsc_host.cli import settings
from dsc_host.cli.checks import contents, machine, ports, senders
from dsc_host.cli.checks import records as stored
from dsc_host.cli.checks.files import check_private
from dsc_host.cli.checks.finding import Finding, Findings, State, failed, of_error, ok, skipped
from dsc_host.cli.database import Records
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Failed, printable, show_all
from dsc_host.cli.policy import PolicyOption, load_policy
from dsc_host.cli.portal import PORT as PORTAL_PORT
from dsc_host.cli.portal import mail_sender, spool_folder
from dsc_host.cli.progress import bar
from dsc_host.cli.service import PORT as SERVICE_PORT
from dsc_host.cli.service import TokensOption, default_tokens
from dsc_host.errors import DscError
from dsc_host.gateway.radius.server import PORT as RADIUS_PORT
from dsc_host.login.messages.senders import Spool
from dsc_host.records.progress import Progress

_REMEDIES = {stored.KEY: "name the right file with --master-key, or restore your copy of it", contents.LOG: "restore a backup"}


def _port(server: str) -> Any:  # `Any`, because `typer.Option` returns it.
    return typer.Option(metavar="N", min=1, max=65535, help=f"The port of `dscplus {server}`.", show_default=True)


@dataclass(frozen=True, slots=True)
class Servers:
    """The options that name the servers to check."""

    public: Annotated[str, typer.Option(metavar="NAME", help="The portal's host name, as in `dscplus portal`.")] = ""
    service_port: Annotated[int, _port("serve")] = SERVICE_PORT
    portal_port: Annotated[int, _port("portal")] = PORTAL_PORT
    radius_port: Annotated[int, _port("radius serve")] = RADIUS_PORT


@dataclass(frozen=True, slots=True)
class Senders:
    """The options that say how messages are sent, as in `dscplus portal`."""

    mail: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The SMTP server for email. Needs --mail-from.")] = None
    mail_from: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The sender address of email.")] = None
    spool: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder for outgoing messages.")] = None


def doctor(
    records: Records,
    servers: Servers,
    ways: Senders,
    policy: PolicyOption = None,
    tokens: TokensOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check an installation, and say what to do.

    The command checks the settings, the master key, the database, the log, the clock, the senders, the ports, the extras
    and the disk. It shows the packages that the HTTP servers use. Run it as the user of the operating system who runs
    the services, and with the options of the services. It changes nothing, migrates nothing and sends no message. The exit
    code is 1 if a check failed, otherwise 0, even if there are warnings.

    \b
    Examples:
      dscplus doctor
      dscplus doctor --public login.example.com --mail localhost:25 \\
        --mail-from desk@example.com --spool /var/spool/sms
    """
    with bar("Checking") as done:
        found = [
            *machine.check_version(),
            *machine.check_extras(),
            *machine.check_servers(),
            *_check_records(records, done),
            *_safely("policy", lambda: _check_policy(policy)),
            *_safely("tokens", lambda: _check_tokens(tokens)),
            *_safely(senders.MAIL, lambda: _check_mail(ways)),
            *_safely(senders.SPOOL, lambda: _check_spool(ways)),
            *ports.check_http("service", servers.service_port),
            *ports.check_http("portal", servers.portal_port, name=servers.public),
            *ports.check_udp("radius", servers.radius_port),
        ]
    _show(found, as_json=as_json)


def _show(found: list[Finding], *, as_json: bool) -> None:
    if as_json:
        show_all([asdict(each) for each in found], as_json=True)
    else:
        for each in found:
            typer.echo(printable(f"{each.state:7}  {each.check:10}  {each.summary}"))
            if each.remedy:
                typer.echo(printable(f"{'':7}  {'':10}  To do: {each.remedy}"))
    if count := sum(each.state is State.FAILED for each in found):
        raise Failed(f"{count} of {len(found)} checks failed; follow their instructions, and run dscplus doctor again")


def _safely(check: str, findings: Callable[[], Findings]) -> Findings:
    """Yield findings. If a check raises an error, yield a finding about it."""
    try:
        yield from findings()
    except DscError as error:
        yield of_error(check, error, _REMEDIES.get(check, "correct this value"))
    except OSError as error:
        # The operating system refuses a path, for example because this user may not open its folder.
        reason = ": ".join(str(part) for part in (error.filename, error.strerror) if part)
        yield failed(check, reason, "correct the path, or run this command as the user of the services")


def _check_records(records: Records, done: Progress) -> Findings:
    try:
        folder = _folder_of(records)
    except DscError as error:
        # The settings file is malformed, or the URL names a database in memory.
        yield of_error("settings", error)
        return
    yield ok("settings", f"{settings.file()}{'' if settings.file().exists() else ', which does not exist'}")
    about_keys = list(_safely(stored.KEY, lambda: stored.check_keys(records)))
    about_database = list(_safely(stored.DATABASE, lambda: stored.check_database(records)))
    yield from (*about_keys, *about_database, *_safely(machine.DISK, lambda: machine.check_disk(folder)))
    usable = not any(each.state is State.FAILED for each in (*about_keys, *about_database))
    # Open only a database with the current schema, because opening an older database would migrate it.
    if usable and any(each.state is State.OK for each in about_database):
        yield from _safely(stored.KEY, lambda: _check_contents(records, done))
    else:
        yield skipped(contents.LOG, "needs the master key and a database with the current schema")


def _folder_of(records: Records) -> Path:
    file = records.file()
    return Path.cwd() if file is None else file.absolute().parent


def _check_contents(records: Records, done: Progress) -> Findings:
    with records.open() as verifier:
        for name, check in (
            (contents.LOG, partial(contents.check_log, done=done)),
            (contents.CLOCK, contents.check_clock),
            (contents.MESSAGES, contents.check_messages),
        ):
            yield from _safely(name, partial(check, verifier))


def _check_policy(policy: Path | None) -> Findings:
    load_policy(policy)
    yield ok("policy", f"{policy or 'the default policy'}")


def _check_tokens(tokens: Path | None) -> Findings:
    path = tokens or default_tokens()
    if not path.exists() and not tokens:
        yield skipped("tokens", f"there is no {path}; only dscplus serve needs it")
        return
    try:
        from dsc_host.api.tokens import Tokens
    except ModuleNotFoundError:
        yield skipped("tokens", "the extra serve is not installed")
        return
    known = Tokens.from_file(path).known
    yield from check_private("tokens", path, is_secret=True)
    yield ok("tokens", f"{path}: {', '.join(token.name for token in known)}")


def _check_mail(ways: Senders) -> Findings:
    mail = mail_sender(ways.mail, ways.mail_from)
    yield from senders.check_mail(mail) if mail else [skipped(senders.MAIL, "name the portal's mail server with --mail")]


def _check_spool(ways: Senders) -> Findings:
    folder = spool_folder(ways.spool)
    if folder is None:
        yield skipped(senders.SPOOL, "name the portal's folder for SMS with --spool")
        return
    yield from senders.check_spool(Spool(folder))
