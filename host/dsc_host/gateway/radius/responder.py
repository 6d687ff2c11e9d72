"""The way of a datagram to its reply: the client, the signature, repetitions, and the judgment.

Four promises:

1. A datagram that is malformed, unsigned, forged or from an unknown address gets no reply and reaches no record. It is counted.
2. A repeated request (the same source, identifier and authenticator) gets the same reply. Nothing is judged twice.
3. Memory is bounded: so many requests are judged at once, and so many replies are kept, for so long.
4. A request that could not be judged, for example because the database is busy, gets no reply. Its repetition is judged.
"""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsc_host.errors import DscError
from dsc_host.gateway.radius import clients
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.packets import Code, Malformed, Packet, Type, is_signed, parse, sign
from dsc_host.gateway.radius.replies import Judge

MOST_PENDING = 64
"""The maximum number of requests that are judged at once. Further ones are dropped, and the client repeats them."""
MOST_REPLIES = 8192
MOST_PROXY_BYTES = 2250
"""The maximum length of all values of Proxy-State, which the reply repeats. Its other attributes then fit in the packet."""
KEPT_SECONDS = 30.0
"""The time for which a reply is kept. Clients give up a request earlier."""

_Key = tuple[str, int, int, bytes]
_log = logging.getLogger("dsc_host.gateway.radius")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that must be judged. Its signature is correct, or its client need not sign."""

    client: Client
    packet: Packet
    address: str
    key: _Key


class _Dropped(Exception):
    """A datagram gets no reply."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Responder:
    """The requests and replies of one server. Call `take` and `finish` in one thread, and `reply` in any."""

    def __init__(self, judge: Judge, known: Sequence[Client], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.dropped: Counter[str] = Counter()
        """The number of datagrams without a reply, by the reason."""
        self._judge, self._clients, self._clock = judge, known, clock
        self._pending: set[_Key] = set()
        self._replies: OrderedDict[_Key, tuple[float, bytes]] = OrderedDict()

    def know(self, known: Sequence[Client]) -> None:
        """Use these clients from now on. Requests that are being judged are answered under their old secret."""
        self._clients = known

    def take(self, data: bytes, source: tuple[str, int]) -> Request | bytes | None:
        """Return the request in a datagram, the reply if it is a repetition, or None if it gets no reply."""
        try:
            return self._taken(data, source)
        except _Dropped as dropped:
            self.dropped[dropped.reason] += 1
            return None

    def reply(self, request: Request) -> bytes | None:
        """Judge a request and return the signed reply; None if it could not be judged. Raises nothing."""
        began = self._clock()
        try:
            reply = self._judge.judge(request.client, request.packet, request.address)
            echoed = [(int(Type.PROXY_STATE), value) for value in request.packet.all(Type.PROXY_STATE)]
            signed = sign(reply.code, request.packet, [*reply.attributes, *echoed], request.client.secret)
        except Exception as error:  # A server must go on, whatever one request does.
            # The message of an unexpected error may quote what was sent.
            known = str(error) if isinstance(error, DscError) else ""
            _write("failed", client=request.client.name, error=type(error).__name__, message=known)
            return None
        _write(reply.outcome, client=request.client.name, seconds=round(self._clock() - began, 3))
        return signed

    def finish(self, request: Request, reply: bytes | None) -> None:
        """Keep the reply for repetitions of the request."""
        self._pending.discard(request.key)
        if reply is None:
            self.dropped["failed"] += 1
            return
        self._replies[request.key] = (self._clock() + KEPT_SECONDS, reply)
        while len(self._replies) > MOST_REPLIES:
            self._replies.popitem(last=False)

    def report(self) -> None:
        """Log the numbers of dropped datagrams since the last report, if there were any."""
        if self.dropped:
            _write("dropped", **self.dropped)
            self.dropped.clear()

    def _taken(self, data: bytes, source: tuple[str, int]) -> Request | bytes:
        client = clients.find(self._clients, source[0])
        if client is None:
            raise _Dropped("unknown client")
        packet = _parsed(data)
        _check_signature(client, packet)
        key = (*source, packet.identifier, packet.authenticator)
        self._forget_old()
        if key in self._replies:
            return self._replies[key][1]
        if key in self._pending:
            raise _Dropped("repeated")
        if len(self._pending) >= MOST_PENDING:
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
    if packet.code != Code.ACCESS_REQUEST:
        raise _Dropped("other code")
    # Check it before the judgment: a reply that does not fit would never reach the client.
    if sum(2 + len(value) for value in packet.all(Type.PROXY_STATE)) > MOST_PROXY_BYTES:
        raise _Dropped("too long")
    return packet


def _check_signature(client: Client, packet: Packet) -> None:
    if packet.all(Type.MESSAGE_AUTHENTICATOR):
        if not is_signed(packet, client.secret):
            raise _Dropped("forged")
    elif client.options.signs or packet.all(Type.PROXY_STATE):
        # With the Proxy-State of an unsigned request, an attacker could forge the reply (Blast-RADIUS).
        raise _Dropped("unsigned")


def _write(event: str, **fields: object) -> None:
    _log.info(event, extra={"fields": {name: value for name, value in fields.items() if value != ""}})
