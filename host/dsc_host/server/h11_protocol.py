"""A limited connection whose requests h11 parses. h11 is always installed, and parses every request that HTTP/1 allows."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dsc_host.server.connections import Limits


class LimitedProtocol(Limits, H11Protocol):
    """A connection with limits, whose requests h11 parses."""

    def data_received(self, data: bytes) -> None:
        """Process data from the client."""
        super().data_received(data)
        if self.has_request and not self.cycle.more_body and self.conn.trailing_data[0]:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Start to wait for the next request."""
        self.await_request()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Close the connection after a request that is not HTTP. First answer the request, unless an answer has begun."""
        if self.has_request:
            # Prevent the task that works on the request from sending a second answer.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
