"""The service as one or several processes that share a port. On SIGTERM or Ctrl-C, they finish the running calls and end.

`dsc_host.server` limits slow clients and the number of connections of each client. The service itself does not use TLS: put a
proxy with TLS in front of it.
"""

import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from dsc_host.api.metrics import FOLDER
from dsc_host.errors import InputError
from dsc_host.server.connections import MOST_HEAD_BYTES, check_proxy
from dsc_host.server.implementations import installed
from dsc_host.server.logs import configuration

MOST_WORKERS = 64
IDLE_SECONDS = 5
START_SECONDS = 60
"""The seconds that a worker has to start, and later to answer each check of the supervisor.

With uvicorn's default of 5 s, the workers of a busy machine would be ended again and again.
"""
GRACE_SECONDS = 30
"""The seconds for running calls to finish at shutdown."""
_BACKLOG = 512
"""The number of connections that may wait to be accepted."""
_MOST_FILES = 4096
"""The limit on open files, well above the number of possible connections."""
_log = logging.getLogger("dsc_host.api")

if sys.platform == "win32":
    resource = None
else:
    import resource


@dataclass(frozen=True, slots=True)
class Address:
    """The address to listen on. With port 0, the system chooses a port."""

    host: str
    port: int
    ports: int = 1
    """The number of ports to try, from `port` upwards, until one of them is free."""

    @classmethod
    def checked(cls, host: str, port: int, *, allow_remote: bool | None = None, ports: int = 1) -> "Address":
        """Return the address of this host, port and number of `ports`.

        `allow_remote` is the value of the option --allow-remote, or None for a command without this option. Raises `InputError`
        if the host or the port is not valid, or if other machines can reach the address and `allow_remote` is not true.
        """
        if not 0 <= port <= 65535:
            raise InputError("port", "must be 0 to 65535")
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            raise InputError("host", "must be an IP address, such as 127.0.0.1 or ::1") from None
        if not address.is_loopback and not allow_remote:
            option = "" if allow_remote is None else ", or give --allow-remote if you trust the network"
            raise InputError(
                "host",
                "other machines can reach this address, and the traffic is not encrypted; put a proxy with TLS in front "
                f"and listen on 127.0.0.1{option}",
            )
        return cls(str(address), port, ports)

    def bind(self) -> socket.socket:
        """Return a socket that listens on the address. Raises `InputError` if none of the ports can be used."""
        for port in range(self.port, self.port + self.ports - 1):
            with suppress(InputError):
                return self._bound(port)
        return self._bound(self.port + self.ports - 1)

    def _bound(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Name TCP as the protocol. Otherwise asyncio does not turn off Nagle's algorithm, which delays the second half of
        # each answer by 40 ms.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if sys.platform == "win32":
                # On Windows, another program could take the port without this option. SO_REUSEADDR would not prevent that.
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, port))
            # Listen now, so that clients that connect before a worker is ready wait instead of being refused.
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            raise InputError("port", f"cannot listen on {self.host} port {port}: {error.strerror}") from None
        bound.set_inheritable(True)
        return bound


def run(
    make: Callable[[], ASGIApp],
    address: Address,
    workers: int,
    *,
    proxy: str = "",
    log: Path | None = None,
    ready: Callable[[str], None] = lambda _: None,
) -> bool:
    """Serve until a signal arrives. Return True if a signal ended the service, False if it failed.

    `make` creates the application in each worker. With several workers, `make` is pickled. `proxy` is the address or network
    whose X-Forwarded-For header is trusted, or empty. The limit on the connections of one client does not apply to the proxy.
    `log` is the file for the log, by default stderr. A single worker calls `ready` with the URL as soon as it accepts requests.
    With several workers, nothing calls `ready`. Raises `InputError` if `workers` or `proxy` is not valid, or if the address
    cannot be used.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError("workers", f"must be 1 to {MOST_WORKERS}")
    config = configured(make, workers, proxy=check_proxy(proxy), log=log)
    _allow_files()
    with address.bind() as bound:
        host, port = bound.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        _log.info("listening", extra={"fields": {"url": url, "workers": workers, **asdict(installed())}})
        return _run_one(config, bound, lambda: ready(url)) if workers == 1 else _run_several(config, bound)


def configured(make: Callable[[], ASGIApp], workers: int = 1, *, proxy: str = "", log: Path | None = None) -> uvicorn.Config:
    """Return the configuration for uvicorn. The arguments are those of `run`."""
    used = installed()
    return uvicorn.Config(
        make,
        factory=True,
        workers=workers,
        http=used.protocol,
        ws="none",
        loop=used.loop,
        lifespan="on",
        log_config=configuration(log),
        access_log=False,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=START_SECONDS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )


def _allow_files() -> None:
    """Raise the limit on open files as far as needed and allowed. On many systems, the limit is 1,024 at first."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(_MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class _Server(uvicorn.Server):
    """A server that calls `ready` as soon as it accepts requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept requests, then call `ready`."""
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def _run_one(config: uvicorn.Config, bound: socket.socket, ready: Callable[[], None]) -> bool:
    # Before `server.run` returns, it raises the signal again for the earlier handler. So set a handler that ignores the signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore_signal)
    server = _Server(config, ready)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # uvicorn does not know this signal of a closed terminal.
        signal.signal(signal.SIGHUP, server.handle_exit)
    try:
        server.run(sockets=[bound])
    except SystemExit:
        return False  # The service could not start. The log has the reason.
    return server.started


def _ignore_signal(_number: int, _frame: FrameType | None) -> None:
    """Ignore the signal, because uvicorn has already acted on it."""


def _run_several(config: uvicorn.Config, bound: socket.socket) -> bool:
    with tempfile.TemporaryDirectory(prefix="dscplus-metrics-") as folder:
        # Set the folder before the workers load the module that reads it.
        os.environ[FOLDER] = folder
        try:
            several = _Supervisor(config, sockets=[bound])
            several.run()
        finally:
            del os.environ[FOLDER]
    # The exit code of a worker that our signal has ended is the negative of the signal. A worker that failed has another code.
    return all(process.exitcode in (0, -signal.SIGTERM, -signal.SIGINT) for process in several.processes)


class _Supervisor(Multiprocess):
    """A supervisor that stops listening when it ends its workers. Otherwise new clients would wait without an answer."""

    def terminate_all(self) -> None:
        """Close the sockets, then end the workers."""
        for bound in self.sockets:
            bound.close()
        super().terminate_all()
