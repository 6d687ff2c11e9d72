"""A RADIUS server in a separate thread, beside another server of the same process."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from dsc_host.gateway.radius.responder import Responder
from dsc_host.gateway.radius.server import Address, Server


@contextmanager
def serving(responder: Responder, address: Address = ("127.0.0.1", 0)) -> Iterator[Address]:
    """Serve on an address during the block, and yield it with the port in use.

    At the end of the block, answer the requests that are still being judged.

    Raises `InputError`.
    """
    loop, bound, ended = asyncio.new_event_loop(), Future[Address](), asyncio.Event()

    async def serve() -> None:
        server = Server(responder)
        try:
            bound.set_result((await server.start([address]))[0])
        except Exception as error:
            bound.set_exception(error)
            return
        await ended.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    try:
        yield bound.result()
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
