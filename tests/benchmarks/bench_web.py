"""The time from the request of the card's page in a browser to its first frame. The browser's own time does not count."""

import asyncio
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from aiohttp import ClientSession
from tests.benchmarks.measure import Figure
from tests.simulator.desktop_terminal import FIRST_FRAME, command, environment

PAGES = 4
MOST_SECONDS = 0.5
SETTLE_SECONDS = 6.0
"""The time in seconds until the next page's program is loaded."""


async def _first_frame(session: ClientSession, here: str) -> float:
    """Return the seconds from the request of a page to its first frame."""
    began = time.perf_counter()
    async with session.get(here) as page:
        await page.read()
    async with session.ws_connect(f"{here}ws?width=80&height=25", origin=here.rstrip("/")) as line:
        seen = b""
        while FIRST_FRAME not in seen:
            data = (await line.receive()).data
            assert isinstance(data, bytes | str), data
            seen += data if isinstance(data, bytes) else b""
        return time.perf_counter() - began


async def _pages(here: str) -> list[float]:
    times = []
    async with ClientSession() as session:
        for _ in range(PAGES):
            await asyncio.sleep(SETTLE_SECONDS)
            times.append(await _first_frame(session, here))
    return times


def measure() -> list[Figure]:
    """Return the best time of several pages, in half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        program = command("--web", "--temporary", "--web-port", str(port))
        serving = subprocess.Popen(program, env=environment(Path(folder)), stderr=subprocess.PIPE)
        try:
            assert serving.stderr is not None
            serving.stderr.readline()
            times = asyncio.run(_pages(f"http://127.0.0.1:{port}/"))
        finally:
            serving.terminate()
            serving.communicate()
    return [Figure("dscplus sim --web, first frame", min(times), "s", at_most=MOST_SECONDS)]
