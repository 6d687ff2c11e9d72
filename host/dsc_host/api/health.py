"""Whether the database answers: looked at once a second at the most, however many ask, and in no place where calls are done."""

import asyncio
from collections.abc import Awaitable, Callable

from dsc_host.api.problems import Refusal, unavailable
from dsc_host.errors import DscError

HEALTH_SECONDS = 5.0
"""A database that takes longer does not answer."""
FRESH_SECONDS = 1.0
"""So long a result is told again."""


class Health:
    """One service's."""

    def __init__(self, look: Callable[[], Awaitable[object]]) -> None:
        """`look` asks the database for something, and raises `DscError` if it does not answer."""
        self._look = look
        self._looked_at = 0.0
        self._result: asyncio.Task[DscError | Refusal | None] | None = None

    async def check(self) -> None:
        """Raises what the last look has raised, or `Refusal` 503 if the database did not answer in time."""
        now = asyncio.get_running_loop().time()
        if self._result is None or (self._result.done() and now - self._looked_at >= FRESH_SECONDS):
            self._looked_at = now
            self._result = asyncio.create_task(self._looked())
        # Whoever asks may go away; the others still wait for the same look.
        problem = await asyncio.shield(self._result)
        if problem is not None:
            raise problem.with_traceback(None)

    async def _looked(self) -> DscError | Refusal | None:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._look()
        except TimeoutError:
            return unavailable()
        except DscError as error:
            return error
        return None
