"""Fixtures: the town of the login system's tests, its pages, and browsers."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from tests.host.verifying import Clock
from tests.login import town as towns
from tests.login.town import Town
from tests.portal.browsing import ORIGIN, Browser

from dsc_host.portal import application

clock = towns.clock


@pytest.fixture
def town(clock: Clock) -> Iterator[Town]:
    """In memory: both databases have the login system's own tests."""
    yield from towns.new_town("sqlite://", clock)


class _InProcess(httpx.BaseTransport):
    """Requests go to the application without any socket."""

    def __init__(self, app: Any, address: str, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = httpx.ASGITransport(app, client=(address, 40000))
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._loop.run_until_complete(self._answered(request))

    async def _answered(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._inner.handle_async_request(asked)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


@pytest.fixture
def browser(town: Town, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Browser]]:
    """Makes browsers, each with cookies of its own."""
    app = application(town.system, secure=False, hosts=("portal.example",))
    with ExitStack() as stack:

        def made(address: str = "192.0.2.7", **headers: str) -> Browser:
            client = httpx.Client(
                transport=_InProcess(app, address, loop), base_url=ORIGIN, headers=headers, follow_redirects=True
            )  # fmt: skip
            return Browser(stack.enter_context(client))

        yield made
