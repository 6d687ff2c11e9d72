"""The health check of the database. It sends at most one query a second, however many clients call it."""

import asyncio
from collections.abc import Awaitable, Callable

from dsc_host.api.problems import Refusal, unavailable
from dsc_host.errors import DscError

HEALTH_SECONDS = 5.0
"""The seconds to wait for the database. After this time, the check fails."""
FRESH_SECONDS = 1.0
"""The time in seconds for which a result is reused."""


class Health:
    """The health check of one service."""

    def __init__(self, query: Callable[[], Awaitable[object]]) -> None:
        """Take `query`, which sends a small query to the database, and raises `DscError` if that fails."""
        self._query = query
        self._queried_at = 0.0
        self._result: asyncio.Task[DscError | Refusal | None] | None = None

    async def check(self) -> None:
        """Return if the database answers. Otherwise raise the error of the query, or `Refusal` 503 after a timeout.

        The result of a query that was sent less than `FRESH_SECONDS` ago is used again.
        """
        now = asyncio.get_running_loop().time()
        if self._result is None or (self._result.done() and now - self._queried_at >= FRESH_SECONDS):
            self._queried_at = now
            self._result = asyncio.create_task(self._run_query())
        # Shield the query, because a caller may disconnect while others wait for the same result.
        problem = await asyncio.shield(self._result)
        if problem is not None:
            raise problem.with_traceback(None)

    async def _run_query(self) -> DscError | Refusal | None:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._query()
        except TimeoutError:
            return unavailable()
        except DscError as error:
            return error
        return None
