"""The RADIUS server: its sockets and connections, the threads that judge requests, the reload of clients, and the shutdown."""

import asyncio
import logging
import re
import signal
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import cast

from dsc_host.errors import DscError, InputError
from dsc_host.gateway.radius import metrics_page
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.responder import Request, Responder
from dsc_host.gateway.radius.tls import TlsConnections, trust

PORT = 1812
_THREADS = 4
_REPORT_SECONDS = 60
_RELOAD_SECONDS = 5
"""The seconds between two readings of the clients. A running server uses a changed client after this time."""
Load = Callable[[], Sequence[Client]]
"""A function that reads the clients from the records."""
Address = tuple[str, int]
_log = logging.getLogger("dsc_host.gateway.radius")


def listening_address(text: str, option: str = "listen", default: int = PORT) -> Address:
    """Parse an address with a port, such as `127.0.0.1:1812` or `[::1]:1812`. The port may be missing: then it is `default`.

    Raises `InputError`, whose field is `option`.
    """
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")) or text.endswith("]"):
        host, port = text, str(default)
    if not (re.fullmatch("[0-9]{1,5}", port) and int(port) < 65536):
        raise InputError(option, "the port must be 0 to 65535")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        parsed = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise InputError(
            option, f"must be an IP address, with a port or without, for example 127.0.0.1:{default} or [::1]"
        ) from None
    if bracketed and not isinstance(parsed, IPv6Address):
        raise InputError(option, "only an IPv6 address may be in brackets")
    return str(parsed), int(port)


class _Datagrams(asyncio.DatagramProtocol):
    """The asyncio protocol of one UDP socket."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12, the class of the transport does not derive from DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._server.receive(data, addr, self._transport)


class Server:
    """A server. Use it in one event loop: `start`, `start_tls` and `start_metrics` in any order, and `stop` at the end."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._threads = ThreadPoolExecutor(_THREADS, "radius")
        self._transports: list[asyncio.BaseTransport] = []
        self._connections: list[TlsConnections] = []
        self._judging: set[asyncio.Task[None]] = set()
        self._metrics: asyncio.Server | None = None
        self._open = True

    async def start(self, addresses: Sequence[Address]) -> list[Address]:
        """Listen on the addresses, and return them with the ports in use. Raises `InputError` if an address cannot be used."""
        loop, bound = asyncio.get_running_loop(), []
        for address in addresses:
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=address)
            except OSError as error:
                await self.stop()
                raise _unusable("listen", address, error) from None
            self._transports.append(transport)
            host, port = transport.get_extra_info("sockname")[:2]
            bound.append((host, port))
        return bound

    async def start_tls(self, addresses: Sequence[Address], context: ssl.SSLContext) -> list[Address]:
        """Listen on the addresses for TLS, as `start` does for UDP."""
        connections, bound = TlsConnections(self._responder, context, self.judged), []
        self._connections.append(connections)
        for address in addresses:
            try:
                bound.append(await connections.start(*address))
            except OSError as error:
                await self.stop()
                raise _unusable("tls", address, error) from None
        return bound

    async def start_metrics(self, address: Address, text: Callable[[], bytes]) -> Address:
        """Serve the metrics on an address, and return it with the port in use. Raises `InputError`."""
        try:
            self._metrics = await asyncio.start_server(metrics_page.page(text), *address)
        except OSError as error:
            raise _unusable("metrics", address, error) from None
        host, port = self._metrics.sockets[0].getsockname()[:2]
        return host, port

    def receive(self, data: bytes, source: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """Answer a datagram now or after its judgment. Ignore it if the server is stopping."""
        taken = self._responder.take(data, source[:2]) if self._open else None
        if isinstance(taken, bytes):
            transport.sendto(taken, source)
        elif taken is not None:
            task = asyncio.get_running_loop().create_task(self._judge(taken, source, transport))
            self._judging.add(task)
            task.add_done_callback(self._judging.discard)

    async def judged(self, request: Request) -> bytes | None:
        """Judge a request in a thread, and return the reply."""
        reply = await asyncio.get_running_loop().run_in_executor(self._threads, self._responder.reply, request)
        self._responder.finish(request, reply)
        return reply

    async def stop(self) -> None:
        """Answer the requests that are being judged, and close the sockets."""
        self._open = False
        for connections in self._connections:
            await connections.stop()
        await asyncio.gather(*self._judging)
        for transport in self._transports:
            transport.close()
        if self._metrics:
            self._metrics.close()
        self._threads.shutdown()
        self._responder.report()

    async def _judge(self, request: Request, source: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        reply = await self.judged(request)
        if reply is not None:
            transport.sendto(reply, source)


def _unusable(option: str, address: Address, error: OSError) -> InputError:
    reason = error.strerror or "it cannot be used"
    return InputError(option, f"{address[0]} port {address[1]}: {reason}; choose another address or port")


@dataclass(frozen=True, slots=True)
class Listening:
    """The addresses of a server: for UDP, for TLS with its settings, and for the metrics."""

    udp: Sequence[Address] = ()
    tls: Sequence[Address] = ()
    context: ssl.SSLContext | None = None
    metrics: Address | None = None


def run(responder: Responder, listening: Listening, load: Load, text: Callable[[], bytes] = bytes) -> None:
    """Serve until SIGTERM or Ctrl-C. `load` returns the clients, and `text` returns the page of the metrics.

    The log names the addresses in use. Raises `InputError`.
    """
    asyncio.run(_run(responder, listening, load, text))


async def _run(responder: Responder, listening: Listening, load: Load, text: Callable[[], bytes]) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    signals, server = (signal.SIGINT, signal.SIGTERM), Server(responder)
    # The loop's own handlers do not exist on Windows.
    before = [signal.signal(each, lambda *_: loop.call_soon_threadsafe(ended.set)) for each in signals]
    try:
        await _start(server, listening, text)
        rounds = [asyncio.create_task(each) for each in (_reload(responder, load, listening.context), _report(responder))]
        await ended.wait()
        for task in rounds:
            task.cancel()
        await server.stop()
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


async def _start(server: Server, listening: Listening, text: Callable[[], bytes]) -> None:
    bound = [("metrics", await server.start_metrics(listening.metrics, text))] if listening.metrics else []
    bound += [("udp", each) for each in await server.start(listening.udp)]
    if listening.context:
        bound += [("tls", each) for each in await server.start_tls(listening.tls, listening.context)]
    for protocol, (host, port) in bound:
        _log.info("listening", extra={"fields": {"protocol": protocol, "address": host, "port": port}})


async def _reload(responder: Responder, load: Load, context: ssl.SSLContext | None) -> None:
    while True:
        await asyncio.sleep(_RELOAD_SECONDS)
        await reload(responder, load, context)


async def reload(responder: Responder, load: Load, context: ssl.SSLContext | None = None) -> None:
    """Read the clients again. If that fails, log the error and keep the old clients."""
    try:
        known = await asyncio.to_thread(load)
        if context:
            trust(context, known)
        responder.use_clients(known)
    except DscError as error:
        _log.info("clients not read", extra={"fields": {"error": type(error).__name__, "message": str(error)}})


async def _report(responder: Responder) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        responder.report()
