"""The command for the login system's pages: portal."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

from dsc_host.cli import extras
from dsc_host.cli.database import Records
from dsc_host.cli.output import Failed, notice
from dsc_host.cli.policy import PolicyOption, load_policy
from dsc_host.errors import InputError
from dsc_host.login import LoginSystem, Sender
from dsc_host.login.accounts.statement_provider import installed_provider
from dsc_host.login.messages.senders import Mail, Spool

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST, PORT = "127.0.0.1", 8480
_DEMO_PORTS = 20
"""The number of ports that a demonstration tries, from `PORT` upwards. It uses the first free port."""
_CHANNELS = ("email", "sms", "voice")


def _demo_log() -> Path:
    return platformdirs.user_log_path("dscplus", appauthor=False) / "demonstration.log"


def _shown(file: Path) -> str:
    """Return a path as text, with `~` for the user's home folder."""
    home = Path.home()
    return f"~/{file.relative_to(home)}" if file.is_relative_to(home) else str(file)


def _log_file(file: Path, *, empty: bool = False) -> Path:
    """Create the file of a log and its folder, and return the file. With `empty`, discard an older log. Raises `InputError`."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("w" if empty else "a").close()
    except OSError as error:
        raise InputError("log", f"{file} cannot be written: {error.strerror}") from None
    return file


@dataclass(frozen=True, slots=True)
class _PortalFactory:
    """A callable that creates the pages. It can be pickled for a worker process."""

    records: Records
    policy: Path | None
    hosts: tuple[str, ...]
    name: str
    spool: Path | None
    mail: Mail | None
    ticket_domain: str
    issuer: str

    def __call__(self) -> "Starlette":
        from dsc_host.portal import application

        verifier = self.records.open()
        system = LoginSystem.over(
            verifier, policy=load_policy(self.policy), senders=self._senders(), statements=installed_provider()
        )  # fmt: skip
        return application(
            system,
            hosts=self.hosts,
            name=self.name,
            ticket_domain=self.ticket_domain,
            issuer=self.issuer,
            ended=verifier.close,
        )

    def _senders(self) -> dict[str, Sender]:
        senders: dict[str, Sender] = {}
        if self.spool is not None:
            senders = dict.fromkeys(_CHANNELS, Spool(self.spool))
        if self.mail is not None:
            senders["email"] = self.mail
        return senders


@dataclass(frozen=True, slots=True)
class _DemonstrationFactory:
    """A callable that creates the pages of the demonstration."""

    hosts: tuple[str, ...]
    name: str
    policy: Path | None

    def __call__(self) -> "Starlette":
        from dsc_host.portal import application
        from dsc_host.portal.demo import begin, extension

        demo = begin(None if self.policy is None else load_policy(self.policy))
        return application(
            demo.system, secure=False, hosts=self.hosts, name=self.name, extension=extension(demo), ended=demo.close
        )  # fmt: skip


def portal(
    records: Records,
    demo: Annotated[
        bool, typer.Option("--demo", help="Serve a demonstration with users, cards and phones, in memory.")
    ] = False,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.", show_default=True)] = HOST,
    port: Annotated[
        int | None,
        typer.Option(metavar="N", help=f"The port. 0: any free port. Default: {PORT}, or with --demo the next free port."),
    ] = None,
    public: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A host name that visitors use. May be repeated. Default: this machine."),
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="The title of the pages. Default: Secure login, in each language.")
    ] = "",
    proxy: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Trust the X-Forwarded-For header from this proxy address.", show_default=True),
    ] = HOST,
    ticket_domain: Annotated[
        str,
        typer.Option(
            "--ticket-domain",
            metavar="DOMAIN",
            help="Let the web servers of hosts below this domain ask who their visitors are.",
        ),
    ] = "",
    issuer: Annotated[
        str,
        typer.Option(metavar="URL", help="Let programs log users in with OpenID Connect, under this address of the portal."),
    ] = "",
    workers: Annotated[int, typer.Option(metavar="N", help="The number of worker processes.", show_default=True)] = 1,
    policy: PolicyOption = None,
    mail: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The SMTP server for email. Needs --mail-from.")] = None,
    mail_from: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The sender address of email.")] = None,
    spool: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder for outgoing messages as JSON files, for an SMS gateway.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the log to this file. Default: stderr, or with --demo a file that the command names."
        ),
    ] = None,
) -> None:
    """Serve the pages of the login system.

    There are pages for the login, security settings, requests, and the work of staff.

    With --demo you can try everything with a simulated card beside the pages, and only the log is stored. Without --demo, the
    pages use your records, and visitors connect over https through a proxy. Add users with `dscplus user add`. Ctrl-C stops the
    server.

    \b
    Examples:
      dscplus portal --demo
      dscplus portal --public login.example.com --mail localhost:25 \\
        --mail-from desk@example.com --spool /var/spool/sms
    """
    with extras.needed("portal"):
        from dsc_host.api import processes
        from dsc_host.gateway.forward_auth.tickets import check_domain
        from dsc_host.gateway.openid.clients import check_issuer
        from dsc_host.portal.app import LOOPBACK
        from dsc_host.portal.security import check_hosts
    if demo:
        unused = {"issuer": issuer, "ticket-domain": ticket_domain, "mail": mail, "mail-from": mail_from, "spool": spool}
        _check_demo({**unused, "proxy": proxy != HOST, "workers": workers != 1})
    ports = _DEMO_PORTS if demo and port is None else 1
    address = processes.Address.checked(host, PORT if port is None else port, ports=ports)
    hosts = tuple(public or LOOPBACK)
    check_hosts(hosts)
    load_policy(policy)
    if ticket_domain:
        check_domain(ticket_domain)
    if issuer:
        check_issuer(issuer)
    if demo:
        log = _log_file(log or _demo_log(), empty=True)
        told = f"(Ctrl-C stops it; its log is {_shown(log)})"
        if not processes.run(
            _DemonstrationFactory(hosts, title, policy), address, 1, log=log, ready=lambda url: notice(f"Open {url}/ {told}")
        ):
            raise Failed(f"the pages could not be served; see {_shown(log)}")
        return
    make = _PortalFactory(
        records, policy, hosts, title, spool_folder(spool), mail_sender(mail, mail_from), ticket_domain, issuer
    )
    records.open().close()
    if not processes.run(make, address, workers, proxy=proxy, log=None if log is None else _log_file(log)):
        raise Failed("the pages could not be served, or a worker failed; see the lines above")


def _check_demo(given: Mapping[str, object]) -> None:
    """Raise `InputError` if one of these options has a value, because a demonstration would ignore it."""
    for option, value in given.items():
        if value:
            raise InputError(
                option, "has no effect in a demonstration, which is one process without a proxy, programs and messages"
            )


def spool_folder(spool: Path | None) -> Path | None:
    """Return the value of the option `--spool`. Raises `InputError` if it is not a folder."""
    if spool is not None and not spool.is_dir():
        raise InputError("spool", f"{spool} is not a folder; create it first, readable only by you")
    return spool


def mail_sender(server: str | None, sender: str | None) -> Mail | None:
    """Return the sender that `--mail` and `--mail-from` describe, or None without these options. Raises `InputError`."""
    if server is None and sender is None:
        return None
    host, _, port = (server or "").rpartition(":")
    host = host[1:-1] if re.fullmatch(r"\[.*:.*\]", host) else host  # An IPv6 address has brackets before a port.
    if not _is_host(host) or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise InputError("mail", "must be HOST:PORT, for example localhost:25")
    if not sender or "@" not in sender or not sender.isprintable():
        raise InputError("mail-from", "must be the sender's email address")
    return Mail(host, int(port), sender)


def _is_host(name: str) -> bool:
    """Return whether a name can be looked up. For any other name, Python raises an error that is no `OSError`."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False
