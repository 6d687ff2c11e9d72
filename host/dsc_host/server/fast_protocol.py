"""A limited connection whose requests httptools parses. This takes a fraction of the time of h11.

The extra `fast` installs httptools. httptools does not limit the size of a head, and parses some unusual requests differently
from h11. So httptools gets only plain requests. The head of a plain request arrives in one piece, and both parsers understand
this head in the same way. If the request has a body, the head states the body's length. For any other request, h11 takes over
the connection, from the first byte of the head. So every request gets the same answer, with the same limits, as without
httptools.
"""

import asyncio
import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dsc_host.server.connections import MOST_HEAD_BYTES, Limits
from dsc_host.server.h11_protocol import LimitedProtocol

# The target has no `#`. The values have no tabs, are not empty, and do not end with a space.
_HEAD = re.compile(
    rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /[!\"$-~]*+ HTTP/1\.1\r\n"
    rb"(?:[-!#$%&'*+.^_`|~0-9A-Za-z]++: ?[!-~\x80-\xff]++(?: ++[!-~\x80-\xff]++)*+\r\n)++\r\n"
)
# The headers that decide where a request ends, and what happens to the connection afterwards.
_FRAMING = re.compile(
    rb"\n(connection|content-length|expect|host|proxy-connection|transfer-encoding|upgrade): ?([^\r]*)", re.IGNORECASE
)
_LENGTH = re.compile(rb"[0-9]{1,10}")


class _Answer:
    """The transport of one answer. It sends the head together with the first part of the body, in one system call."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._is_begun = False

    def write(self, data: bytes) -> None:
        """Send a part of the answer. The first part, the head, is sent together with the second part."""
        if not self._is_begun:
            self._is_begun, self._head = True, data
        elif self._head is not None:
            data, self._head = self._head + data, None
            self._transport.write(data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send the head if no body has followed it."""
        if self._head is not None:
            self.write(b"")

    def close(self) -> None:
        """Close the connection as soon as everything is sent."""
        self.flush()
        self._transport.close()


class FastProtocol(Limits, HttpToolsProtocol):
    """A connection with limits, whose plain requests httptools parses."""

    _missing = 0
    """The number of bytes of the current request that have not arrived yet."""

    def data_received(self, data: bytes) -> None:
        """Process data from the client."""
        while data and not self.transport.is_closing():
            if not self._missing:
                if self.has_request:
                    self.cycle.keep_alive = False
                    self.flow.pause_reading()
                    return
                size = plain_size(data)
                if size is None:
                    self._hand_over(data)
                    return
                self._missing = size
            part, data = data[: self._missing], data[self._missing :]
            self._missing -= len(part)
            super().data_received(part)

    def on_headers_complete(self) -> None:
        """Note that a head is complete, so that its request is answered."""
        super().on_headers_complete()
        self.cycle.transport = _Answer(self.transport)

    def on_response_complete(self) -> None:
        """Start to wait for the next request."""
        self.cycle.transport.flush()
        self.await_request()
        super().on_response_complete()

    def _hand_over(self, data: bytes) -> None:
        """Hand the connection to h11, which reads `data` first."""
        self._unset_keepalive_if_required()
        successor = LimitedProtocol(self.config, self.server_state, self.app_state)
        successor.continue_from(self)
        if self.cycle is not None:
            # If h11 cannot parse the next head, it then answers in HTTP/1.1, the version of the previous request.
            successor.conn.their_http_version = b"1.1"
        self.transport.set_protocol(successor)
        successor.data_received(data)


def plain_size(data: bytes) -> int | None:
    """Return the size of the request that begins with this data, including its body, or None if the request is not plain."""
    head = _HEAD.match(data, 0, MOST_HEAD_BYTES)
    if head is None:
        return None
    framing = _FRAMING.findall(data, 0, head.end())
    fields = {name.lower(): value.lower() for name, value in framing}
    length, connection = fields.get(b"content-length", b"0"), fields.get(b"connection", b"keep-alive")
    is_plain = (
        len(fields) == len(framing)
        and b"host" in fields
        and fields.keys() <= {b"connection", b"content-length", b"host"}
        and connection in (b"close", b"keep-alive")
        and _LENGTH.fullmatch(length)
    )
    return head.end() + int(length) if is_plain else None
