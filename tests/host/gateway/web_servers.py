"""nginx and Caddy in front of a program that shows the visitor's name, as the web server reports it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import DEVNULL
from threading import Thread

import httpx

CADDY = shutil.which("caddy")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Wiki(BaseHTTPRequestHandler):
    """A program that shows the visitor's name, as the web server reports it."""

    def do_GET(self) -> None:
        told = [self.path, *(self.headers.get(f"X-Auth-{name}", "") for name in ("User", "Scope", "Device"))]
        self.send_response(200)
        self.end_headers()
        self.wfile.write("\n".join(told).encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def wiki() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Wiki) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def nginx(folder: Path, locations: str) -> AbstractContextManager[httpx.Client]:
    """Run nginx on a socket in this folder, with a server that has these locations."""
    return nginx_with(folder, f"server {{ listen unix:{folder}/socket; server_name wiki.example.com; {locations} }}")


@contextmanager
def nginx_with(folder: Path, servers: str) -> Iterator[httpx.Client]:
    """Run nginx with servers that listen on the socket in this folder."""
    assert NGINX
    own = "".join(f"{name}_temp_path {folder}/{name};\n" for name in _TEMPORARY)
    conf = folder / "nginx.conf"
    conf.write_text(f"pid {folder}/pid; error_log {folder}/log; events {{}}\nhttp {{ access_log off; {own} {servers} }}\n")
    # It returns when it listens, and goes on in the background.
    subprocess.run([NGINX, "-c", conf, "-e", f"{folder}/log"], check=True, timeout=30)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=f"{folder}/socket")) as client:
            yield client
    finally:
        subprocess.run([NGINX, "-c", conf, "-e", f"{folder}/log", "-s", "stop"], check=True, timeout=30)


class To(httpx.HTTPTransport):
    """A transport that sends every request to a port of this machine, whatever host it names."""

    def __init__(self, port: int, *, verify: bool = True) -> None:
        super().__init__(verify=verify)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return super().handle_request(request)


@contextmanager
def caddy(folder: Path, site: str) -> Iterator[httpx.Client]:
    """Run Caddy on a port, because it names no visitor and no host to the portal for what comes from a file's socket."""
    assert CADDY
    with socket.create_server(("127.0.0.1", 0)) as tried:
        port = tried.getsockname()[1]
    conf, admin = folder / "Caddyfile", f"unix/{folder}/admin"
    begin, inside = site.split("{", 1)
    listen = f"http://{begin.strip()}:{port} {{\n bind 127.0.0.1\n{inside}"
    conf.write_text(f"{{\n admin {admin}\n auto_https off\n}}\n{listen}")
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    # It returns when it listens, and goes on in the background.
    options = ("--config", str(conf), "--adapter", "caddyfile")
    subprocess.run([CADDY, "start", *options], check=True, timeout=30, env=own, stdout=DEVNULL, stderr=DEVNULL)
    try:
        with httpx.Client(transport=To(port)) as client:
            yield client
    finally:
        subprocess.run([CADDY, "stop", "--address", admin], check=True, timeout=30, env=own, stdout=DEVNULL, stderr=DEVNULL)
