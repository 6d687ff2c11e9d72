"""A limit on the request rate of each client. A request that arrives too early waits, which costs the server no work.

Without this limit, a client that sends requests over many connections without a pause would slow down all other clients.
"""

import asyncio

from starlette.types import Scope

from dsc_host.client_address import client_network
from dsc_host.server.connections import WAITS

PER_SECOND = 20
"""The number of requests that a client may send in each second after a burst."""
BURST = 40
"""The number of requests that a client may send at once, before any of them waits."""
MOST_SECONDS = 5.0
"""The longest wait in seconds. A request that would have to wait longer is refused."""
_MOST_CLIENTS = 10_000
"""As soon as this many clients are stored, those whose next request is already due are removed."""


class RequestRate:
    """The time at which each client's next request is due, in this process."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    async def wait(self, scope: Scope) -> bool:
        """Wait until the request of this scope may be answered, then return True.

        If the wait would be longer than `MOST_SECONDS`, return False immediately.
        """
        client = client_network(scope["client"][0]) if scope.get("client") else ""
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = max(self._due.get(client, now), now)
        delay = due - now - (BURST - 1) / PER_SECOND
        if delay > MOST_SECONDS:
            return False
        if client not in self._due and len(self._due) >= _MOST_CLIENTS:
            self._due = {name: time for name, time in self._due.items() if time > now}
        self._due[client] = due + 1 / PER_SECOND
        if delay > 0:
            state = scope.setdefault("state", {})
            state[WAITS] = True
            await asyncio.sleep(delay)
            state[WAITS] = False
        return True
