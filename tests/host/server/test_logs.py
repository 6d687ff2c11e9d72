"""The log of the HTTP servers quotes nothing that an exception quotes."""

import asyncio
import gc
import json

import pytest
from tests.host.event_loop import awaited

from dsc_host.server.logs import JsonLines


async def fail(value: str) -> None:
    raise ValueError(value)


def refuse(value: str) -> None:
    raise ValueError(value)


@awaited
async def test_what_asyncio_says_of_an_exception_leaves_out_its_message(caplog: pytest.LogCaptureFixture) -> None:
    task = asyncio.create_task(fail("PIN 1234"))
    asyncio.get_running_loop().call_soon(refuse, "PIN 1234")
    await asyncio.wait([task])
    del task
    gc.collect()
    lines = [JsonLines().format(record) for record in caplog.records]
    assert "1234" not in "".join(lines)
    events = {json.loads(line)["event"] for line in lines}
    assert events == {"Exception in callback refuse", "Task exception was never retrieved"}
    assert {json.loads(line)["error"] for line in lines} == {"ValueError"}
