"""The desktop program in a browser: the card's own page can use it, and no other page can."""

import asyncio
import os
import re
import select
import shlex
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual_serve")
if os.name != "posix":
    pytest.skip("the programs that it starts are worked as on POSIX", allow_module_level=True)

from aiohttp import ClientSession, ClientWebSocketResponse, web
from aiohttp.test_utils import make_mocked_request
from tests.simulator.desktop_terminal import command, environment
from textual_serve.download_manager import DownloadManager

from dsc_simulator.desktop import page_programs
from dsc_simulator.desktop import web as desktop_web
from dsc_simulator.desktop.page_programs import PageProgram, Programs
from dsc_simulator.desktop.web import server
from dsc_simulator.drawings.card import svg
from dsc_simulator.profile_store import Profiles

PATIENCE = 30
Visit = Callable[[ClientSession, str], Awaitable[None]]


def visit(story: Visit, *arguments: str) -> list[int]:
    """Serve, and let a browser do `story` at the page's address. Return how the programs of its pages have ended."""
    # Bound from now on, so that no other server gets this port in between.
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    port = bound.getsockname()[1]
    serving = server(arguments, port)
    if not arguments:
        # The story needs no program, and loading one takes long.
        serving.command = "cat"
    started: list[asyncio.subprocess.Process] = []
    codes: list[int] = []
    start = asyncio.create_subprocess_shell

    async def remember(*arguments: Any, **named: Any) -> asyncio.subprocess.Process:
        started.append(await start(*arguments, **named))
        return started[-1]

    async def run() -> None:
        runner = web.AppRunner(await serving._make_app())
        await runner.setup()
        await web.SockSite(runner, bound).start()
        try:
            async with ClientSession() as session:
                await asyncio.wait_for(story(session, f"127.0.0.1:{port}"), PATIENCE)
            await serving.wait(PATIENCE)
        finally:
            await runner.cleanup()
        codes.extend([await asyncio.wait_for(program.wait(), PATIENCE) for program in started])

    with bound, pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_shell", remember)
        patch.setattr(page_programs, "_NEXT_SECONDS", 3600.0)
        asyncio.run(run())
    return codes


async def screen(session: ClientSession, here: str) -> bytes:
    """Return what a new page receives until it has the display."""
    async with session.ws_connect(f"http://{here}/ws?width=80&height=24", origin=f"http://{here}") as page:
        return await received(page)


async def received(page: ClientWebSocketResponse) -> bytes:
    seen = b""
    while b"Display:" not in seen and b"another program" not in seen:
        message = await page.receive()
        assert isinstance(message.data, bytes | str), message
        seen += message.data if isinstance(message.data, bytes) else b""
    return seen


def test_the_page_shows_the_card_and_one_page_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desktop_web, "MOST_PAGES", 1)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    async def story(session: ClientSession, here: str) -> None:
        async with session.get(f"http://{here}/") as answer:
            assert answer.status == 200
        async with session.ws_connect(f"http://{here}/ws?width=80&height=24", origin=f"http://{here}") as page:
            assert b"(off)" in await received(page)
            for path in ("/", "/ws"):
                async with session.get(f"http://{here}{path}") as answer:
                    assert answer.status == 503
                    assert "Close a card's page" in await answer.text()

    assert visit(story, "--temporary") == [0], "the program ends with its page"


def waiting(command: str) -> PageProgram:
    return PageProgram(command, DownloadManager())


def test_the_next_program_is_ready_before_its_page_and_ends_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_programs, "_NEXT_SECONDS", 0.0)

    async def story() -> None:
        programs = Programs(lambda: waiting("cat"))
        programs.prepare()
        pages = [await programs.take() for _ in range(2)]
        assert all(page.is_alive for page in pages)
        assert pages[0]._process is not pages[1]._process
        for page in pages:
            await page.discard()
        assert programs._loading is not None
        await programs._loading
        last = programs._ready
        await programs.close()
        assert last is not None
        assert not last.is_alive

    asyncio.run(story())


def test_a_program_that_has_ended_before_its_page_came_is_replaced() -> None:
    commands = iter(["exit 7", "cat"])

    async def story() -> None:
        programs = Programs(lambda: waiting(next(commands)))
        programs.prepare()
        assert programs._loading is not None
        await programs._loading
        assert programs._ready is not None
        assert programs._ready._process is not None
        assert await programs._ready._process.wait() == 7
        page = await programs.take()
        assert page.is_alive
        await page.discard()
        await programs.close()

    asyncio.run(story())


def test_a_second_page_of_one_card_is_told_why_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)

    async def story(session: ClientSession, here: str) -> None:
        with Profiles(tmp_path / "data" / "dscplus" / "cards").open("work"):
            assert b"another program has it open" in await screen(session, here)

    assert visit(story, "--profile=work") == [1]


def test_another_page_is_refused() -> None:
    elsewhere = "http://evil.example"
    others = [{"Origin": elsewhere}, {"Host": "evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}]

    async def story(session: ClientSession, here: str) -> None:
        for path, headers in product(["/", "/ws"], others):
            async with session.get(f"http://{here}{path}", headers=headers) as answer:
                assert answer.status == 403, (path, headers)

    visit(story)


@pytest.mark.parametrize(("port", "host"), [(80, "127.0.0.1"), (443, "127.0.0.1:443"), (8000, "127.0.0.1:8000")])
def test_a_page_is_at_the_address_that_browsers_send(port: int, host: str) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response()

    served = server([], port)
    own = {"Host": host, "Origin": f"http://{host}"}
    assert asyncio.run(served._refuse_others(make_mocked_request("GET", "/", headers=own), page)).status == 200
    assert served.public_url == f"http://{host}"


@pytest.mark.skipif(not hasattr(select, "poll"), reason="this system does not tell of a pipe that is closed")
def test_a_page_whose_server_was_killed_frees_its_card(tmp_path: Path) -> None:
    driver = {"TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}
    page = subprocess.Popen(
        command("--profile=work"), env=environment(tmp_path) | driver, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert page.stdin is not None
        assert page.stdout is not None
        assert page.stdout.readline()
        page.stdin.close()
        assert page.wait(PATIENCE) == 129
    finally:
        page.kill()
        page.wait()
        page.stdout.close()


def test_each_page_starts_the_same_command_without_its_web_options() -> None:
    parts = shlex.split(server(["--temporary", "--seed=1"], 8000).command)
    assert parts[0] == sys.executable
    assert parts[-3:] == ["sim", "--temporary", "--seed=1"]
    assert server([], 8000).host == "127.0.0.1"


def test_the_page_fetches_nothing_from_elsewhere_and_stands_in_no_other_page() -> None:
    async def story(session: ClientSession, here: str) -> None:
        async with session.get(f"http://{here}/") as answer:
            page = await answer.text()
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        fetched = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(fetched) >= 4
        for url in fetched:
            if url not in ("/", "data:,", "/card.svg"):
                assert url.startswith(f"http://{here}/static/")
                async with session.get(url) as answer:
                    assert answer.status == 200

    visit(story)


def test_the_page_shows_the_drawing_of_the_card_until_the_program_has_drawn() -> None:
    async def story(session: ClientSession, here: str) -> None:
        async with session.get(f"http://{here}/") as answer:
            assert '<h1><img src="/card.svg" alt="Digital Security Card+" /></h1>' in await answer.text()
        async with session.get(f"http://{here}/card.svg") as answer:
            assert (answer.content_type, await answer.text()) == ("image/svg+xml", svg(""))

    visit(story)
