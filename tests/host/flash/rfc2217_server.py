"""A serial port server (RFC 2217) in front of a board, with pyserial's own server side and an injured line behind it."""

import random
import select
import socket
import threading
from contextlib import suppress
from heapq import heappop, heappush
from time import monotonic
from types import SimpleNamespace

import serial
from serial.rfc2217 import PortManager
from tests.reliability.board_line import Injury

_READ = 4096


def _settings() -> SimpleNamespace:
    """Return a fake for the settings of a serial chip, which a pseudo terminal does not have."""
    return SimpleNamespace(
        baudrate=115200,
        bytesize=8,
        parity="N",
        stopbits=1,
        rtscts=False,
        xonxoff=False,
        dtr=True,
        rts=True,
        break_condition=False,
        cts=True,
        dsr=True,
        ri=False,
        cd=True,
        reset_input_buffer=lambda: None,
        reset_output_buffer=lambda: None,
    )


class Rfc2217Server:
    """Serves the port at `port_url` to one host at a time. `url` is its address. Use it as a context manager."""

    def __init__(self, port_url: str, injury: Injury, seed: int) -> None:
        self._serial = serial.Serial(port_url, timeout=0)
        self._injury = injury
        self._rng = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        self._last = [0.0, 0.0]
        self._count = 0
        self._stop, self._stopper = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="rfc2217")

    def __enter__(self) -> "Rfc2217Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopper.close()
        self._thread.join()
        for each in (self._listener, self._serial, self._stop):
            each.close()

    def write(self, data: bytes) -> None:
        """Take what the port manager answers to the host."""
        self._send(data, to_host=True, injured=False)

    def _serve(self) -> None:
        while self._stop not in select.select([self._listener, self._stop], [], [])[0]:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                self._carry(connection, PortManager(_settings(), self))

    def _carry(self, connection: socket.socket, manager: PortManager) -> None:
        while True:
            self._deliver(connection)
            wait = max(0.0, self._under_way[0][0] - monotonic()) if self._under_way else None
            ready = select.select([connection, self._serial.fileno(), self._stop], [], [], wait)[0]
            if self._stop in ready:
                return
            if connection in ready:
                came = connection.recv(_READ)
                if not came:
                    return
                self._send(b"".join(manager.filter(came)), to_host=False)
            if self._serial.fileno() in ready:
                self._send(self._injury.carry(self._serial.read(_READ), self._rng), to_host=True, manager=manager)

    def _send(self, data: bytes, *, to_host: bool, injured: bool = True, manager: PortManager | None = None) -> None:
        if injured and not to_host:
            data = self._injury.carry(data, self._rng)
        if manager is not None:
            data = b"".join(manager.escape(data))
        late = self._injury.delay + self._rng.random() * self._injury.jitter
        at = self._last[to_host] = max(self._last[to_host], monotonic() + late)
        self._count += 1
        heappush(self._under_way, (at, self._count, to_host, data))

    def _deliver(self, connection: socket.socket) -> None:
        while self._under_way and self._under_way[0][0] <= monotonic():
            _, _, to_host, data = heappop(self._under_way)
            if to_host:
                connection.sendall(data)
            else:
                self._serial.write(data)
