"""The pace at which one client is answered: a request that comes too early waits, and costs nothing while it does.

Otherwise many connections, each asking again as soon as it is answered, would keep the process busy, at others' cost.
"""

import asyncio

from starlette.types import Scope

from dsc_host.client_address import client_network
from dsc_host.server.connections import WAITS

PER_SECOND = 20
BURST = 40
"""So many requests are answered at once after a while without any."""
MOST_SECONDS = 5.0
"""A request that would have to wait longer is refused."""
_MOST_CLIENTS = 10_000


class Pace:
    """When each client's next request is due, in this process."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    async def wait(self, scope: Scope) -> bool:
        """Wait until the request of this scope may be answered. Return False at once if that is too long."""
        client = client_network(scope["client"][0]) if scope.get("client") else ""
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = max(self._due.get(client, now), now)
        delay = due - now - BURST / PER_SECOND
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
