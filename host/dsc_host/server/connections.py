"""Limits on connections: their number, for one client and in total, and the time for which each may keep the server waiting.

uvicorn limits the number of connections, and the time that a connection may stay without a request. It limits neither the time
for a request head, nor the time in which a client must read an answer, nor the connections of one client. At its limit on
connections, uvicorn refuses all new clients. So a client could shut the others out by opening enough connections and sending
nothing. With the limits of this module, a new connection replaces one that only keeps the server waiting.

Five promises, for each process:

1. A client has 10 seconds to send a head, and 20 seconds to read each part of an answer. `bodies` limits the time for a body.
2. One client has at most 128 connections, and all clients together have at most 512. If a new connection would exceed one of
   these limits, the server closes a connection that counts toward the same limit, and that waits for its client, for example to
   read an answer, or only waits for its turn (`WAITS`). If there are several, the server closes the one whose last answer is
   longest ago. If there is none, the server answers the new connection with 503.
3. A client is an IPv4 address or an IPv6 /64. The limit for one client does not apply to the trusted proxy.
4. Requests on one connection are answered one at a time. If a request arrives before the previous answer is complete, the
   request is not answered, and the connection ends after that answer.
5. Nothing that a client sends is logged as an error.

A protocol of uvicorn keeps these promises if `Limits` is its first base class: see `h11_protocol` and `fast_protocol`.
"""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.flow_control import FlowControl

from dsc_host.client_address import client_network
from dsc_host.errors import InputError

MOST_CONNECTIONS = 512
"""The maximum number of connections in one process."""
MOST_OF_ONE_CLIENT = 128
"""The maximum number of connections of one client in one process."""
MOST_HEAD_BYTES = 16 * 1024
"""The largest size in bytes of an incomplete head. A head that is larger and still incomplete is refused."""
HEAD_SECONDS = 10.0
"""The time in seconds in which a client must send the head of a request."""
WRITE_SECONDS = 20.0
"""The time in seconds in which a client must read a part of an answer. It begins again with each part."""
WAITS = "dsc_waits"
"""A key in a request's state. An application sets it while the request only waits: the connection may then be closed."""
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Limits(asyncio.Protocol):
    """The limits of one connection. They continue when another protocol takes over the connection."""

    # Attributes of uvicorn's protocols.
    config: Config
    connections: set[Any]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    flow: FlowControl
    client: tuple[str, int] | None
    cycle: Any

    waiting_since: float = 0.0
    """The time of the last complete answer, or else of the connection's opening, as the event loop's clock shows it."""
    client_name: str = ""
    """The name under which the client's connections are counted; empty for the proxy."""
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    @property
    def has_request(self) -> bool:
        """Return whether a request has arrived whose answer is not complete yet."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_waiting(self) -> bool:
        """Return whether the connection may be closed to make room, because it waits for its client, or `WAITS` is set."""
        if self.flow.write_paused or not self.has_request or self.cycle.more_body:
            return True
        return bool(self.cycle.scope["state"].get(WAITS))

    # ---- methods that asyncio calls ----

    def connection_made(self, transport: Any) -> None:
        """Accept the connection if the limits allow it, or if another connection can be closed."""
        super().connection_made(transport)
        # With this limit of 0, `pause_writing` is called as soon as the client reads too slowly for the system's buffer, and
        # `resume_writing` when the system has taken all data.
        transport.set_write_buffer_limits(high=0)
        self.waiting_since = self.loop.time()
        host = self.client[0] if self.client else ""
        proxy = self.config.forwarded_allow_ips if self.config.proxy_headers else ""
        self.client_name = "" if is_in(host, proxy) else client_network(host)
        if self._make_room():
            self._await_head()
        else:
            transport.write(_BUSY)
            self._drop()

    def data_received(self, data: bytes) -> None:
        """Process data from the client."""
        super().data_received(data)
        if self.has_request:
            self._stop_head_timer()
        elif self._head_timer is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after the end of the connection."""
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the time limit within which the client must read this part of the answer."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self._drop)

    def resume_writing(self) -> None:
        """End the time limit, because the system has taken all data."""
        super().resume_writing()
        self._stop_write_timer()

    # ---- methods that a protocol calls ----

    def await_request(self) -> None:
        """Record that an answer is complete, and that the server waits for the next request."""
        self.waiting_since = self.loop.time()

    def continue_from(self, other: "Limits") -> None:
        """Take over the connection of `other` between two requests. The time limits continue."""
        super().connection_made(other.transport)
        other.connections.discard(other)
        self.flow, self.waiting_since, self.client_name = other.flow, other.waiting_since, other.client_name
        if other._head_timer is not None:
            self._head_timer = self.loop.call_at(other._head_timer.when(), self._give_up)
        if other._write_timer is not None:
            self._write_timer = self.loop.call_at(other._write_timer.when(), self._drop)
        other._stop_head_timer()
        other._stop_write_timer()

    # ---- limits ----

    def _make_room(self) -> bool:
        others = [each for each in self.connections if each is not self and isinstance(each, Limits)]
        if self.client_name:
            same = [each for each in others if each.client_name == self.client_name]
            if len(same) >= MOST_OF_ONE_CLIENT:
                return _end_one(same)
        return len(others) < MOST_CONNECTIONS or _end_one(others)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.has_request:
            self.transport.close()

    def _drop(self) -> None:
        """Close the connection and discard unsent data."""
        # Remove this connection now, because further connections may arrive before asyncio calls `connection_lost`.
        self.connections.discard(self)
        self.transport.abort()


def _end_one(connections: Iterable[Limits]) -> bool:
    """Close the waiting connection whose last answer is longest ago. Return False if none waits for its client."""
    waiting = [each for each in connections if each.is_waiting]
    if not waiting:
        return False
    min(waiting, key=lambda each: each.waiting_since)._drop()
    return True


def check_proxy(text: str) -> str:
    """Return the text unchanged if it is an IP address, a network, or empty, which means no proxy.

    Raises `InputError` for any other text.
    """
    try:
        if text:
            ip_network(text)
    except ValueError:
        raise InputError("proxy", "must be an IP address, such as 127.0.0.1, or a network, such as 10.0.0.0/24") from None
    return text


def is_in(host: str, network: object) -> bool:
    """Return whether the address `host` belongs to a network. No address belongs to the empty network."""
    if not isinstance(network, str) or not network:
        return False
    try:
        return _unmapped(ip_address(host)) in ip_network(network)
    except ValueError:
        return False


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
