"""The steps from a packet to its reply: find the client, check the signature, detect repetitions, and judge.

Four promises:

1. A malformed or forged packet, a packet from an unknown client, and an unsigned packet of a client that must sign get no
   reply. Such a packet is counted, and causes no access to the records.
2. A repetition is a request with the source, identifier and authenticator of an earlier request. While the earlier request is
   being judged, the repetition gets no reply. While the reply to it is kept, the repetition gets this reply.
3. Memory is bounded: the number of requests that are judged at the same time and the number of kept replies have limits, and
   replies older than `KEPT_SECONDS` are removed when the next request arrives.
4. A request that could not be judged, for example because the database is busy, gets no reply. If the client repeats it, the
   server tries to judge it again.
"""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dsc_host.errors import DscError
from dsc_host.gateway.radius import clients
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.packets import Code, Malformed, Packet, Type, is_signed, parse, sign
from dsc_host.gateway.radius.replies import Judge

MOST_PENDING = 64
"""While this many requests are being judged, further requests over UDP are dropped. Their clients repeat them.

Clients of TLS repeat no request. `tls.MOST_JUDGED` limits the number of their requests.
"""
MOST_REPLIES = 8192
MOST_PROXY_BYTES = 2250
"""The maximum length of all attributes Proxy-State of a request together. The reply repeats them beside its own attributes."""
KEPT_SECONDS = 30.0
"""The most seconds for which a reply is a repetition's answer. Clients give up repeating a request before this time ends.

An older reply is removed when the next request arrives.
"""

_Key = tuple[str, int, int, bytes]
_log = logging.getLogger("dsc_host.gateway.radius")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that must be judged. Its signature is correct, or its client does not have to sign."""

    client: Client
    packet: Packet
    address: str
    key: _Key


class Observer(Protocol):
    """An object that counts replies and dropped packets, such as the metrics."""

    def replied(self, client: str, outcome: str, seconds: float) -> None:
        """Count a reply, with the seconds that its judgment took. Any thread may call this method."""

    def dropped(self, reason: str) -> None:
        """Count a packet or a connection that gets no reply."""


class _Dropped(Exception):
    """A packet gets no reply."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Responder:
    """The requests and replies of one server. Call `reply` in any thread, and all other methods in one thread."""

    def __init__(
        self,
        judge: Judge,
        known: Sequence[Client],
        *,
        clock: Callable[[], float] = time.monotonic,
        observer: Observer | None = None,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        """The numbers of packets and connections without a reply since the last report, by the reason."""
        self._judge, self._clients, self._clock, self._observer = judge, known, clock, observer
        self._pending: set[_Key] = set()
        self._replies: OrderedDict[_Key, tuple[float, bytes]] = OrderedDict()

    def use_clients(self, known: Sequence[Client]) -> None:
        """Use these clients from now on. Replies to requests that are being judged are signed with the old secrets."""
        self._clients = known

    def expects(self, address: str, fingerprint: bytes | None = None) -> bool:
        """Return whether a client may connect over TLS from this address, and with this certificate if one is given."""
        shown = [each.fingerprint for each in self._clients if each.fingerprint and fingerprint in (None, each.fingerprint)]
        return any(clients.find(self._clients, address, each) for each in shown)

    def take(self, data: bytes, source: tuple[str, int], fingerprint: bytes = b"") -> Request | bytes | None:
        """Return the request in a packet, or the reply if no judgment is needed, or None if the packet gets no reply.

        If the packet came over TLS, `fingerprint` is the hash of the client's certificate.
        """
        try:
            return self._taken(data, source, fingerprint)
        except _Dropped as dropped:
            self.drop(dropped.reason)
            return None

    def drop(self, reason: str) -> None:
        """Count a packet or a connection that gets no reply."""
        self.dropped[reason] += 1
        if self._observer:
            self._observer.dropped(reason)

    def reply(self, request: Request) -> bytes | None:
        """Judge a request. Return the signed reply, or None if the request could not be judged."""
        began = self._clock()
        try:
            reply = self._judge.judge(request.client, request.packet, request.address)
            echoed = [(int(Type.PROXY_STATE), value) for value in request.packet.all(Type.PROXY_STATE)]
            signed = sign(reply.code, request.packet, [*reply.attributes, *echoed], request.client.secret)
        except Exception as error:  # One request must not stop the server.
            # The message of an unexpected error may quote values from the request.
            known = str(error) if isinstance(error, DscError) else ""
            _write("failed", client=request.client.name, error=type(error).__name__, message=known)
            return None
        seconds = self._clock() - began
        _write(reply.outcome, client=request.client.name, seconds=round(seconds, 3))
        if self._observer:
            self._observer.replied(request.client.name, reply.outcome, seconds)
        return signed

    def finish(self, request: Request, reply: bytes | None) -> None:
        """Keep the reply for repetitions of the request. If `reply` is None, count the request as dropped."""
        self._pending.discard(request.key)
        if reply is None:
            self.drop("failed")
            return
        self._replies[request.key] = (self._clock() + KEPT_SECONDS, reply)
        while len(self._replies) > MOST_REPLIES:
            self._replies.popitem(last=False)

    def report(self) -> None:
        """Log the numbers of dropped packets and connections since the last report, if there were any."""
        if self.dropped:
            _write("dropped", **self.dropped)
            self.dropped.clear()

    def _taken(self, data: bytes, source: tuple[str, int], fingerprint: bytes) -> Request | bytes:
        client = clients.find(self._clients, source[0], fingerprint)
        if client is None:
            raise _Dropped("unknown client")
        packet = _parsed(data)
        _check_signature(client, packet)
        if packet.code == Code.STATUS_SERVER:
            # The client checks whether the server is running (RFC 5997).
            return sign(Code.ACCESS_ACCEPT, packet, (), client.secret)
        key = (*source, packet.identifier, packet.authenticator)
        self._forget_old()
        if key in self._replies:
            return self._replies[key][1]
        if key in self._pending:
            raise _Dropped("repeated")
        if not fingerprint and len(self._pending) >= MOST_PENDING:
            raise _Dropped("busy")
        self._pending.add(key)
        return Request(client, packet, source[0], key)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._replies and next(iter(self._replies.values()))[0] <= now:
            self._replies.popitem(last=False)


def _parsed(data: bytes) -> Packet:
    try:
        packet = parse(data)
    except Malformed:
        raise _Dropped("malformed") from None
    if packet.code not in (Code.ACCESS_REQUEST, Code.STATUS_SERVER):
        raise _Dropped("other code")
    # Check the length before the judgment, because a reply that does not fit into a packet would never reach the client.
    if sum(2 + len(value) for value in packet.all(Type.PROXY_STATE)) > MOST_PROXY_BYTES:
        raise _Dropped("too long")
    return packet


def _check_signature(client: Client, packet: Packet) -> None:
    if packet.all(Type.MESSAGE_AUTHENTICATOR):
        if not is_signed(packet, client.secret):
            raise _Dropped("forged")
    elif _must_sign(client, packet):
        raise _Dropped("unsigned")


def _must_sign(client: Client, packet: Packet) -> bool:
    if packet.code == Code.STATUS_SERVER:
        return True
    # TLS protects a packet better than its signature does. Over UDP, an attacker could forge the reply to an unsigned request
    # that has a Proxy-State (Blast-RADIUS).
    return not client.fingerprint and (client.options.signs or bool(packet.all(Type.PROXY_STATE)))


def _write(event: str, **fields: object) -> None:
    _log.info(event, extra={"fields": {name: value for name, value in fields.items() if value != ""}})
