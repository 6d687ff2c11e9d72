"""The RADIUS server: UDP sockets, threads that judge, the clients read anew every few seconds, and a graceful end."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import cast

from dsc_host.errors import DscError, InputError
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.responder import Request, Responder

PORT = 1812
_THREADS = 4
_REPORT_SECONDS = 60
_RELOAD_SECONDS = 5
"""The time after which a change of the clients takes effect."""
Load = Callable[[], Sequence[Client]]
"""A function that reads the clients from the records."""
Address = tuple[str, int]
_log = logging.getLogger("dsc_host.gateway.radius")


def listening_address(text: str) -> Address:
    """Return the address and port in `127.0.0.1:1812`, `[::1]:1812`, or an address without a port. Raises `InputError`."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")) or text.endswith("]"):
        host, port = text, str(PORT)
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise InputError("listen", "the port must be 0 to 65535")
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        parsed = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise InputError("listen", "must be an IP address and a port, for example 127.0.0.1:1812 or [::1]:1812") from None
    if bracketed and not isinstance(parsed, IPv6Address):
        raise InputError("listen", "only an IPv6 address stands in brackets")
    return str(parsed), int(port)


class _Datagrams(asyncio.DatagramProtocol):
    """The protocol of one socket."""

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
    """A server on some addresses. Use it in one event loop: `start`, then `stop`."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._threads = ThreadPoolExecutor(_THREADS, "radius")
        self._transports: list[asyncio.BaseTransport] = []
        self._judging: set[asyncio.Task[None]] = set()
        self._open = True

    async def start(self, addresses: Sequence[Address]) -> list[Address]:
        """Listen on the addresses, and return them with the ports in use. Raises `InputError` if one cannot be used."""
        loop, bound = asyncio.get_running_loop(), []
        for address in addresses:
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=address)
            except OSError as error:
                await self.stop()
                reason = error.strerror or "it cannot be used"
                raise InputError(
                    "listen", f"{address[0]} port {address[1]}: {reason}; choose another address or port"
                ) from None
            self._transports.append(transport)
            host, port = transport.get_extra_info("sockname")[:2]
            bound.append((host, port))
        return bound

    def receive(self, data: bytes, source: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """Answer a datagram, now or after its judgment. While the server stops, drop it."""
        taken = self._responder.take(data, source[:2]) if self._open else None
        if isinstance(taken, bytes):
            transport.sendto(taken, source)
        elif taken is not None:
            task = asyncio.get_running_loop().create_task(self._judge(taken, source, transport))
            self._judging.add(task)
            task.add_done_callback(self._judging.discard)

    async def stop(self) -> None:
        """Answer the requests that are being judged, and close the sockets."""
        self._open = False
        await asyncio.gather(*self._judging)
        for transport in self._transports:
            transport.close()
        self._threads.shutdown()
        self._responder.report()

    async def _judge(self, request: Request, source: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        reply = await asyncio.get_running_loop().run_in_executor(self._threads, self._responder.reply, request)
        self._responder.finish(request, reply)
        if reply is not None:
            transport.sendto(reply, source)


def run(responder: Responder, addresses: Sequence[Address], load: Load) -> None:
    """Serve until SIGTERM or Ctrl-C, with the clients that `load` returns. The log has the addresses. Raises `InputError`."""
    asyncio.run(_run(responder, addresses, load))


async def _run(responder: Responder, addresses: Sequence[Address], load: Load) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    signals, server = (signal.SIGINT, signal.SIGTERM), Server(responder)
    # The loop's own handlers do not exist on Windows.
    before = [signal.signal(each, lambda *_: loop.call_soon_threadsafe(ended.set)) for each in signals]
    try:
        for host, port in await server.start(addresses):
            _log.info("listening", extra={"fields": {"address": host, "port": port}})
        rounds = [asyncio.create_task(each) for each in (_reload(responder, load), _report(responder))]
        await ended.wait()
        for each_round in rounds:
            each_round.cancel()
        await server.stop()
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


async def _reload(responder: Responder, load: Load) -> None:
    while True:
        await asyncio.sleep(_RELOAD_SECONDS)
        await reload(responder, load)


async def reload(responder: Responder, load: Load) -> None:
    """Read the clients anew. If they cannot be read, log it and keep the old ones."""
    try:
        responder.know(await asyncio.to_thread(load))
    except DscError as error:
        _log.info("clients not read", extra={"fields": {"error": type(error).__name__, "message": str(error)}})


async def _report(responder: Responder) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        responder.report()
