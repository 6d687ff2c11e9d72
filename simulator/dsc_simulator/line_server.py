"""A card's serial line where any program can reach it: on a pty, where the system has them, and on TCP, on this machine only.

Promises: each of the two doors has one host at a time, and another is told so and not heard; hosts come and go as they like;
a host that does not read what it is sent holds nobody up; once `close` returns, no thread, socket or pty is left.
"""

import os
import re
import selectors
import socket
import threading
from binascii import crc32
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

LOOPBACK = "127.0.0.1"
BUSY = b"busy: another program is connected to this card\r\n"
_CHUNK = 4096
_UNREAD_MAX = 64 * 1024
_REFUSED_MAX = 4
# A pty does not tell when somebody opens it, so it is looked at this often, in seconds, while nobody has it.
_LOOK_EVERY = 0.1
_LINE_ENDS = (b"\n", b"\r")
_REQUEST = re.compile(rb"^>([0-9]{1,5}) ", re.MULTILINE)
# What a web page can make a browser send here; no line of the protocol begins like that.
_BROWSER = re.compile(rb"[A-Z]+ ")


class Host(Protocol):
    """Somebody who may come to a door. `read` gives b"" once it has gone; `write` says how many bytes went."""

    def fileno(self) -> int: ...
    def read(self) -> bytes: ...
    def write(self, data: bytes) -> int: ...
    def close(self) -> None: ...


class _SocketHost:
    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._first = True

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        data = self._socket.recv(_CHUNK)
        first, self._first = self._first, False
        return b"" if first and _BROWSER.match(data) else data

    def write(self, data: bytes) -> int:
        return self._socket.send(data)

    def close(self) -> None:
        self._socket.close()


class _RefusedHost(_SocketHost):
    """A host that may not talk to the card: it is told so, and again in answer to each of its requests."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        # One that has hung up already is found out by `answer`.
        with suppress(OSError):
            self.write(BUSY)

    def answer(self) -> bool:
        """Answer what it has sent. Returns whether it is still there."""
        try:
            data = self.read()
            for number in _REQUEST.findall(data):
                body = b"<%s err busy another program is connected to this card" % number
                self.write(b"%s*%08x\n" % (body, crc32(body)))
        except BlockingIOError:
            return True
        except OSError:
            return False
        return bool(data)


class _PtyHost:
    """The card's end of a pty; the program at the other end may come and go."""

    def __init__(self) -> None:
        import tty

        self._master, slave = os.openpty()
        # Raw from the beginning: an echo would send the card's own words back to it. It stays so when nobody has it open.
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)

    def fileno(self) -> int:
        return self._master

    def is_open(self) -> bool:
        """Whether a program has the other end open."""
        import select

        look = select.poll()
        look.register(self._master, select.POLLIN)
        events = dict(look.poll(0)).get(self._master, 0)
        # One that has gone again may have left something to read.
        return bool(events & select.POLLIN) or not events & select.POLLHUP

    def read(self) -> bytes:
        return os.read(self._master, _CHUNK)

    def write(self, data: bytes) -> int:
        return os.write(self._master, data)

    def close(self) -> None:
        os.close(self._master)


def _open_pty() -> _PtyHost | None:
    """A pty, where the system has one to give."""
    if not hasattr(os, "openpty"):
        return None
    try:
        return _PtyHost()
    except OSError:
        return None


class Doors:
    """The line's two doors, open until `close`.

    `send` is called, in a thread of its own, with what a host sends; give `deliver` what the card sends. `changed` is called
    when a host has come or gone. `tcp_port` 0 takes any that is free. Raises OSError if a door can't be opened.
    """

    def __init__(self, send: Callable[[bytes], None], *, tcp_port: int = 0, changed: Callable[[], None] = lambda: None) -> None:
        self._send = send
        self._changed = changed
        self._guard = threading.Lock()
        self._unsent: dict[Host, bytearray] = {}
        self._unfinished: set[Host] = set()
        self._refused: list[_RefusedHost] = []
        self._closing = False
        self._listener = socket.create_server((LOOPBACK, tcp_port), backlog=4)
        self._listener.setblocking(False)
        self._port = int(self._listener.getsockname()[1])
        self._pty = _open_pty()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="card-doors", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pty(self) -> str | None:
        """The path of the pty; None where the system has none."""
        return None if self._pty is None else self._pty.path

    @property
    def url(self) -> str:
        """The address on TCP, for pyserial."""
        return f"socket://{LOOPBACK}:{self._port}"

    @property
    def hosts(self) -> int:
        """How many programs are connected: 0, 1 or 2."""
        return len(self._unsent)

    def deliver(self, data: bytes) -> None:
        """Bytes that the card has sent, for every host that is there now."""
        with self._guard:
            for unsent in self._unsent.values():
                if len(unsent) > _UNREAD_MAX:
                    unsent.clear()
                unsent += data
        self._nudge()

    def close(self) -> None:
        """Send everybody away. Twice does no harm."""
        if self._closing:
            return
        self._closing = True
        self._nudge()
        self._thread.join()
        for host in tuple(self._unsent):
            host.close()
        if self._pty and self._pty not in self._unsent:
            self._pty.close()
        self._unsent.clear()
        self._selector.close()
        for refused in self._refused:
            refused.close()
        for end in (self._listener, self._wake, self._woken):
            end.close()

    def _nudge(self) -> None:
        # Full means that it will wake up anyway; closed, that there is nobody to wake.
        with suppress(OSError):
            self._wake.send(b"!")

    def _run(self) -> None:
        while not self._closing:
            self._look_at_pty()
            self._want_to_write()
            waiting = self._pty is not None and self._pty not in self._unsent
            for key, events in self._selector.select(_LOOK_EVERY if waiting else None):
                self._serve(key.fileobj, events)

    def _serve(self, door: object, events: int) -> None:
        if door is self._woken:
            self._woken.recv(_CHUNK)
        elif door is self._listener:
            self._accept()
        elif isinstance(door, _RefusedHost):
            if door in self._refused and not door.answer():
                self._send_off(door)
        elif isinstance(door, _SocketHost | _PtyHost) and door in self._unsent:
            self._talk(door, events)

    def _look_at_pty(self) -> None:
        if self._pty and self._pty not in self._unsent and self._pty.is_open():
            self._come(self._pty)

    def _want_to_write(self) -> None:
        for host, unsent in self._unsent.items():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
            if self._selector.get_key(host).events != wanted:
                self._selector.modify(host, wanted)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # It has gone again.
        if any(isinstance(host, _SocketHost) for host in self._unsent):
            self._refuse(connection)
        else:
            self._come(_SocketHost(connection))

    def _refuse(self, connection: socket.socket) -> None:
        # Not closed at once: it would be told only that the line is lost, whatever was said before.
        host = _RefusedHost(connection)
        self._refused.append(host)
        self._selector.register(host, selectors.EVENT_READ)
        if len(self._refused) > _REFUSED_MAX:
            self._send_off(self._refused[0])

    def _send_off(self, host: "_RefusedHost") -> None:
        self._refused.remove(host)
        self._selector.unregister(host)
        host.close()

    def _come(self, host: Host) -> None:
        with self._guard:
            self._unsent[host] = bytearray()
        self._selector.register(host, selectors.EVENT_READ)
        self._changed()

    def _go(self, host: Host) -> None:
        self._selector.unregister(host)
        with self._guard:
            del self._unsent[host]
        # The pty stays for the next program.
        if host is not self._pty:
            host.close()
        if host in self._unfinished:
            # Else whatever comes next would be the rest of its line.
            self._unfinished.remove(host)
            self._send(b"\n")
        self._changed()

    def _talk(self, host: Host, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._write(host)
            data = host.read() if events & selectors.EVENT_READ else None
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            (self._unfinished.discard if data.endswith(_LINE_ENDS) else self._unfinished.add)(host)
            self._send(data)
        elif data is not None:
            self._go(host)

    def _write(self, host: Host) -> None:
        with self._guard:
            unsent = self._unsent[host]
            del unsent[: host.write(bytes(unsent[:_CHUNK]))]
