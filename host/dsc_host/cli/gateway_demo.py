"""The command for trying logins to other programs: gateway-demo."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dsc_host.cli import extras
from dsc_host.cli.output import Failed, notice

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from dsc_host.portal.demo import Demonstration

PORT = 8443
_HERE = "127.0.0.1"
_DOMAIN = "card.localhost"
_LOGIN, _WIKI = f"login.{_DOMAIN}", f"wiki.{_DOMAIN}"
_SBIN = ":/usr/sbin:/sbin"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

_SITES = """
server {{
  listen {here}:{port} ssl;
  server_name {login};
  location / {{
    proxy_pass {portal};
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
  }}
}}
server {{
  listen {here}:{port} ssl;
  server_name {wiki};
  location / {{
    auth_request /auth;
    auth_request_set $auth_user $upstream_http_x_auth_user;
    auth_request_set $auth_scope $upstream_http_x_auth_scope;
    auth_request_set $auth_device $upstream_http_x_auth_device;
    error_page 401 = @login;
    proxy_set_header X-Auth-User $auth_user;
    proxy_set_header X-Auth-Scope $auth_scope;
    proxy_set_header X-Auth-Device $auth_device;
    proxy_pass {page};
  }}
  location = /auth {{
    internal;
    proxy_pass {portal}/auth?scope=full;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header Host {login};
    proxy_set_header X-Forwarded-For $remote_addr;
  }}
  location @login {{
    return 302 https://{login}:{port}/ticket?to=https://$http_host$request_uri;
  }}
}}
"""


class _Page(BaseHTTPRequestHandler):
    """A page that shows who its visitor is. It knows the visitor only from the headers of the web server."""

    def do_GET(self) -> None:
        """Show the name, the scope and the device that the web server states for the visitor."""
        told = {name: self.headers.get(f"X-Auth-{name}", "nobody") for name in ("User", "Scope", "Device")}
        text = "This page has no login of its own. The web server says:\n" + "".join(f"  {n}: {v}\n" for n, v in told.items())
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@dataclass
class _Demo:
    """The servers of the demonstration. Call `make` first, and `started` when the portal answers."""

    folder: Path
    port: int
    cleanup: ExitStack
    shown: "Demonstration | None" = field(default=None)

    def make(self) -> "Starlette":
        """Return the portal with the people of the demonstration."""
        from dsc_host.portal import application
        from dsc_host.portal.demo import begin, extension

        demo = self.shown = begin()
        return application(demo.system, hosts=(_LOGIN,), extension=extension(demo), ended=demo.close, ticket_domain=_DOMAIN)

    def started(self, portal: str) -> None:
        """Start the web server and, if PAM can be tried, the RADIUS server. Print what to try."""
        self._start_nginx(portal, self._start_page())
        lines = [
            "Your browser will warn of the certificate, because it was made for this demonstration.",
            f"  The login:         https://{_LOGIN}:{self.port}/demonstration   (people, cards and phones)",
            f"  A page behind it:  https://{_WIKI}:{self.port}/",
            f"  A shell login:     {self._shell()}",
            'Log in as anna with the password "open sesame, please". The login page shows her card and its PIN.',
            "Ctrl-C stops everything.",
        ]
        for line in lines:
            notice(line)

    def _start_page(self) -> str:
        server = ThreadingHTTPServer((_HERE, 0), _Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.cleanup.callback(server.shutdown)
        return f"http://{_HERE}:{server.server_port}"

    def _start_nginx(self, portal: str, page: str) -> None:
        certificate, key = _certificate(self.folder)
        own = "".join(f"{name}_temp_path {self.folder}/{name};\n" for name in _TEMPORARY)
        sites = _SITES.format(here=_HERE, port=self.port, login=_LOGIN, wiki=_WIKI, portal=portal, page=page)
        # If root starts nginx, its workers run as another user by default, who may not read this folder.
        user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
        conf = self.folder / "nginx.conf"
        conf.write_text(
            f"{user} pid {self.folder}/pid; error_log {self.folder}/log; events {{}}\n"
            f"http {{ access_log off; {own} ssl_certificate {certificate}; ssl_certificate_key {key};\n{sites} }}\n"
        )
        command = [_nginx(), "-c", str(conf), "-e", f"{self.folder}/log"]
        # The command returns as soon as nginx listens. nginx continues in the background.
        if subprocess.run(command, check=False).returncode:
            raise Failed("nginx did not start; see the lines above")
        self.cleanup.callback(subprocess.run, [*command, "-s", "stop"], check=False)

    def _shell(self) -> str:
        module = next(Path("/usr/lib").glob("*/security/pam_radius_auth.so"), None)
        wrapper, tester = next(Path("/usr/lib").glob("*/libpam_wrapper.so"), None), shutil.which("pamtester")
        if not (module and wrapper and tester):
            return "not available; install it: apt install libpam-radius-auth libpam-wrapper pamtester"
        services, servers, script = self.folder / "pam.d", self.folder / "radius.conf", self.folder / "shell-login"
        services.mkdir()
        host, port, secret = self._start_radius()
        servers.write_text(f"{host}:{port} {secret} 10\n")
        servers.chmod(0o600)
        for service in ("shell", "other"):
            (services / service).write_text(f"auth required {module} conf={servers} force_prompt prompt=Password retry=1\n")
        environment = f"LD_PRELOAD={wrapper} PAM_WRAPPER=1 PAM_WRAPPER_SERVICE_DIR={services}"
        script.write_text(f'#!/bin/sh\n{environment} exec {tester} shell "${{1:-anna}}" authenticate\n')
        return f"sh {script} anna   (in another terminal)"

    def _start_radius(self) -> tuple[str, int, str]:
        from dsc_host.gateway.radius import clients
        from dsc_host.gateway.radius.background import serving
        from dsc_host.gateway.radius.clients import Options
        from dsc_host.gateway.radius.logins import UserLogins
        from dsc_host.gateway.radius.responder import Responder

        assert self.shown
        system = self.shown.system
        client = system.change(lambda tx: clients.add(tx, "shell", _HERE, Options(signs=False)))
        host, port = self.cleanup.enter_context(serving(Responder(UserLogins(system), [client])))
        return host, port, client.secret.decode()


def gateway_demo(
    port: Annotated[
        int, typer.Option(metavar="N", help="The port of the web server. 0: any free port.", show_default=True)
    ] = PORT,
) -> None:
    """Try logins to other programs: a page behind nginx, and a shell.

    The command starts the login system with people and cards in memory, and nginx with a page behind the login. If the PAM
    modules for it are installed, the command also starts a RADIUS server for a shell login. All servers listen only on this
    machine, and stop with Ctrl-C. You need nginx.

    \b
    Examples:
      dscplus gateway-demo
      dscplus gateway-demo --port 9443
    """
    with extras.needed("portal"):
        from dsc_host.api import processes
    _nginx()
    with tempfile.TemporaryDirectory(prefix="dscplus-gateway-") as folder, ExitStack() as cleanup:
        demo = _Demo(Path(folder), _usable(port), cleanup)
        address = processes.Address.checked(_HERE, 0)
        log = Path(folder) / "portal.log"
        if not processes.run(demo.make, address, 1, proxy=_HERE, log=log, ready=demo.started):
            raise Failed("the pages could not be served")


def _nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}{_SBIN}")
    if found is None:
        raise Failed("needs nginx; install it, for example: apt install nginx-light")
    return found


def _usable(port: int) -> int:
    try:
        with socket.create_server((_HERE, port)) as tried:
            return int(tried.getsockname()[1])
    except (OSError, OverflowError):
        raise Failed(f"port {port} cannot be used; choose another port with --port") from None


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for both hosts, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _DOMAIN)])
    hosts = x509.SubjectAlternativeName([x509.DNSName(host) for host in (_LOGIN, _WIKI)])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    signed = made.not_valid_after(now + timedelta(days=1)).add_extension(hosts, critical=False).sign(key, hashes.SHA256())
    files = folder / "certificate.pem", folder / "certificate.key"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    files[0].write_bytes(signed.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return files
