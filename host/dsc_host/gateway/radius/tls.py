"""RADIUS over TLS (RadSec, RFC 6614): connections of clients that authenticate with a certificate.

Four promises:

1. A request is accepted only with the certificate of a known client, and only from an address of this client.
2. A connection is closed when its bytes are not a packet, or when it is silent or slow for too long.
3. Memory is bounded: there are limits for the connections and for the requests that are judged at the same time. Further
   connections are closed. Each connection keeps at most one further request, which waits.
4. When the server stops, it answers the requests that are being judged.
"""

import asyncio
import hashlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from dsc_host.errors import InputError
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.packets import MOST_BYTES, Code
from dsc_host.gateway.radius.responder import Request, Responder

PORT = 2083
MOST_CONNECTIONS = 128
MOST_OF_ADDRESS = 16
"""The maximum number of connections from one address. A further connection is closed."""
MOST_JUDGED = 32
"""The maximum number of requests, over all connections, that are judged at the same time."""
HANDSHAKE_SECONDS = 5.0
PACKET_SECONDS = 5.0
IDLE_SECONDS = 600.0
_HEAD = 4
_HEADER = 20

Judging = Callable[[Request], Awaitable[bytes | None]]
"""A function that judges a request and returns the reply."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the TLS settings of a server with this certificate and key, as PEM. Raises `InputError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    # Trust the certificate of each client itself, whichever authority has issued it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Turn off session tickets, so that each connection must present its certificate.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        # Give an empty password, so that a key with a password is refused. Otherwise OpenSSL would prompt for the password.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or "they cannot be used"
        raise InputError(
            "certificate", f"{certificate} and {key}: {reason}; give two PEM files, the key without a password"
        ) from None
    return context


def trust(context: ssl.SSLContext, known: Sequence[Client]) -> None:
    """Trust the certificates of these clients too.

    A removed client can still complete a handshake, but its connection is then closed.
    """
    for client in known:
        if client.options.certificate:
            # OpenSSL refuses text before or after the certificate that is not ASCII. So give it only the certificate.
            context.load_verify_locations(cadata=client.der)


class TlsConnections:
    """The connections of one server. Use it in one event loop: `start`, then `stop`."""

    def __init__(self, responder: Responder, context: ssl.SSLContext, judge: Judging) -> None:
        self._responder, self._context, self._judge = responder, context, judge
        self._open: dict[asyncio.Task[None], str] = {}
        self._servers: list[asyncio.Server] = []
        self._room = asyncio.Semaphore(MOST_JUDGED)

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen on an address, and return it with the port in use. Raises `OSError`."""
        server = await asyncio.start_server(self._connected, host, port, limit=MOST_BYTES)
        self._servers.append(server)
        found = server.sockets[0].getsockname()
        return str(found[0]), int(found[1])

    async def stop(self) -> None:
        """Stop accepting connections, answer the requests that are being judged, and close all connections."""
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task, source = asyncio.current_task(), writer.get_extra_info("peername")
        if source is None:
            # The client has already disconnected.
            writer.close()
            return
        address = source[0]
        of_address = Counter(self._open.values())[address]
        if task is None or len(self._open) >= MOST_CONNECTIONS or of_address >= MOST_OF_ADDRESS:
            self._responder.drop("too many connections")
            writer.close()
            return
        self._open[task] = address
        try:
            await self._converse(reader, writer, (address, source[1]))
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            # The client has disconnected, is too slow or has no certificate, or this server stops.
            pass
        finally:
            del self._open[task]
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: tuple[str, int]) -> None:
        if not self._responder.expects(source[0]):
            self._responder.drop("unknown client")
            return
        await writer.start_tls(self._context, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        fingerprint = hashlib.sha256(shown or b"").digest()
        if not self._responder.expects(source[0], fingerprint):
            self._responder.drop("unknown client")
            return
        judging: set[asyncio.Task[None]] = set()
        try:
            while (data := await _packet(reader)) is not None:
                # Wait before the request is taken: a waiting request must not count as a request that is being judged. A check
                # whether the server runs does not wait.
                waits = data[0] != Code.STATUS_SERVER
                if waits:
                    await self._room.acquire()
                taken = self._responder.take(data, source, fingerprint)
                if isinstance(taken, Request):
                    task = asyncio.create_task(self._reply(taken, writer))
                    judging.add(task)
                    task.add_done_callback(judging.discard)
                    continue
                if waits:
                    self._room.release()
                if taken is not None:
                    await _send(writer, taken)
            self._responder.drop("malformed")
        finally:
            await _ended(judging)

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._judge(request)
        finally:
            self._room.release()
        if reply is not None:
            try:
                await _send(writer, reply)
            except (OSError, TimeoutError):
                # The client does not read its replies. Close the connection, so that replies do not fill the memory.
                writer.transport.abort()


async def _ended(judging: set[asyncio.Task[None]]) -> None:
    """Wait until all requests of a connection are answered, even if the server stops meanwhile.

    `stop` cancels the waiting task, but not the tasks that answer the requests.
    """
    while unfinished := [task for task in judging if not task.done()]:
        with suppress(asyncio.CancelledError):
            await asyncio.wait(unfinished)


async def _packet(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next packet, or None if its length is wrong. Raises `EOFError` at the end, and `TimeoutError`."""
    async with asyncio.timeout(IDLE_SECONDS):
        head = await reader.readexactly(_HEAD)
    length = int.from_bytes(head[2:], "big")
    if not _HEADER <= length <= MOST_BYTES:
        return None
    async with asyncio.timeout(PACKET_SECONDS):
        return head + await reader.readexactly(length - _HEAD)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    async with asyncio.timeout(PACKET_SECONDS):
        await writer.drain()
