"""The service as processes: one, or several that share a port; ended by SIGTERM or Ctrl-C, after what is in hand is done.

Slow clients are cut off: a request's head must be there within 10 seconds, its body within 10 more, and a connection that
is not used is closed after 5. TLS, and limits for each address, are for the proxy in front.
"""

import asyncio
import ipaddress
import logging
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from dsc_host.api.logs import configuration
from dsc_host.api.metrics import FOLDER
from dsc_host.errors import InputError

MOST_WORKERS = 64
MOST_CONNECTIONS = 512
"""In one process. Whoever comes beyond them is told 503 at once."""
HEAD_SECONDS = 10.0
IDLE_SECONDS = 5
GRACE_SECONDS = 30
"""How long what is in hand may take at the end."""
_BACKLOG = 256
_MOST_HEAD_BYTES = 16 * 1024
_log = logging.getLogger("dsc_host.api")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0: the system chooses one."""

    host: str
    port: int

    @classmethod
    def checked(cls, host: str, port: int, *, allow_remote: bool) -> "Address":
        """Raises `InputError`, also for an address that others can reach, unless that is allowed."""
        if not 0 <= port <= 65535:
            raise InputError("port", "must be 0 to 65535")
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            raise InputError("host", "must be an IP address, such as 127.0.0.1 or ::1") from None
        if not address.is_loopback and not allow_remote:
            raise InputError(
                "host",
                "others can reach this address, and what is sent to it is not encrypted; put a proxy with TLS in front and "
                "listen on 127.0.0.1, or give --allow-remote where the network between is your own",
            )
        return cls(str(address), port)

    def bind(self) -> socket.socket:
        """Raises `InputError` if it cannot be."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Named as TCP, or asyncio does not turn off Nagle's algorithm: each answer would wait 40 ms for its second half.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if os.name == "posix":
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self.host, self.port))
            # From here on, whoever connects waits for a worker to come up, and is not refused.
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            raise InputError("port", f"cannot listen on {self.host} port {self.port}: {error.strerror}") from None
        bound.set_inheritable(True)
        return bound


def run(make: Callable[[], ASGIApp], address: Address, workers: int, *, proxy: str = "") -> bool:
    """Serve until a signal comes. `make` makes the application, in each worker anew: with several, it is pickled.
    `proxy`: the address from which it is believed who the visitor is; empty, nobody is.

    False if it failed rather than was ended. Raises `InputError`.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError("workers", f"must be 1 to {MOST_WORKERS}")
    with address.bind() as bound:
        config = _config(make, workers, proxy)
        host, port = bound.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        _log.info("listening", extra={"fields": {"url": url, "workers": workers}})
        return _run_one(config, bound) if workers == 1 else _run_several(config, bound)


def _config(make: Callable[[], ASGIApp], workers: int, proxy: str) -> uvicorn.Config:
    return uvicorn.Config(
        make,
        factory=True,
        workers=workers,
        http=_Impatient,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=configuration(),
        access_log=False,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        server_header=False,
        backlog=_BACKLOG,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
    )


def _run_one(config: uvicorn.Config, bound: socket.socket) -> bool:
    # Once done, uvicorn raises the signal that ended it again, for whoever handled it before: for us.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _done)
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[bound])
    except SystemExit:
        return False  # It could not start; why is in the log.
    return server.started


def _done(_number: int, _frame: FrameType | None) -> None:
    """The signal has had its effect."""


def _run_several(config: uvicorn.Config, bound: socket.socket) -> bool:
    with tempfile.TemporaryDirectory(prefix="dscplus-metrics-") as folder:
        # Before the workers load what reads it.
        os.environ[FOLDER] = folder
        try:
            several = _Several(config, sockets=[bound])
            several.run()
        finally:
            del os.environ[FOLDER]
    # A worker that was ended by our signal says so in its exit code; one that could not start has another.
    return all(process.exitcode in (0, -signal.SIGTERM, -signal.SIGINT) for process in several.processes)


class _Several(Multiprocess):
    """Stops listening with its workers: else whoever connects while these finish would wait for nobody."""

    def terminate_all(self) -> None:
        for bound in self.sockets:
            bound.close()
        super().terminate_all()


class _Impatient(H11Protocol):
    """Closes a connection whose request does not come: uvicorn itself waits for a head for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._has_request():
            self._stop_waiting()
        elif self._deadline is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._has_request():
            self.transport.close()
