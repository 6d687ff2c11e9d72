"""A server that offers a card's serial line to any program on this machine: on TCP, and on a pty if the system has ptys.

Promises:

- One host at a time can use TCP. A second host gets an error and cannot send to the card. On the pty, several programs look
  like one host.
- Hosts may connect and disconnect at any time.
- A host that does not read its data loses a part of the data, and does not delay other hosts.
- When `close` returns, no thread, socket or pty is left.
"""

import os
import re
import selectors
import socket
import sys
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
# The seconds between two checks whether a program has opened the pty, because the system does not report that event.
_PTY_CHECK_SECONDS = 0.1
_LINE_ENDS = (b"\n", b"\r")
_REQUEST = re.compile(rb"^>([0-9]{1,5}) ", re.MULTILINE)
# The beginning of an HTTP request, which a malicious web page could make a browser send. A line of the protocol never begins
# with a letter.
_BROWSER = re.compile(rb"[A-Z]+ ")


class Host(Protocol):
    """A program that is connected to an endpoint."""

    def fileno(self) -> int:
        """Return the file descriptor to wait on."""

    def read(self) -> bytes:
        """Return the bytes that the host has sent, or b"" if it has disconnected."""

    def write(self, data: bytes) -> int:
        """Send `data`. Return the number of bytes that were sent."""

    def close(self) -> None:
        """Close the connection."""


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
    """A host that may not use the card. It gets an error when it connects, and after each of its requests."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        # If the host has already disconnected, `answer` reports it.
        with suppress(OSError):
            self.write(BUSY)

    def answer(self) -> bool:
        """Answer the host's requests with the error. Return whether the host is still connected."""
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
    """The card's end of a pty. The program at the other end may open and close it at any time."""

    _master: int
    path: str

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise OSError("this system has no ptys")
        import tty

        self._master, slave = os.openpty()
        # Set raw mode before a program opens the pty. Otherwise the pty would echo the card's output back to the card.
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)

    def fileno(self) -> int:
        return self._master

    def is_open(self) -> bool:
        """Return whether a program has the other end open."""
        if sys.platform == "win32":
            return False
        import select

        look = select.poll()
        look.register(self._master, select.POLLIN)
        events = dict(look.poll(0)).get(self._master, 0)
        # If the program has closed the pty, its last data may still wait to be read.
        return bool(events & select.POLLIN) or not events & select.POLLHUP

    def read(self) -> bytes:
        return os.read(self._master, _CHUNK)

    def write(self, data: bytes) -> int:
        return os.write(self._master, data)

    def close(self) -> None:
        os.close(self._master)


def _open_pty() -> _PtyHost | None:
    """Return a pty, or None if the system has no ptys."""
    try:
        return _PtyHost()
    except OSError:
        return None


class LineServer:
    """The two endpoints of a card's line, a pty and a TCP port, open until `close`.

    `send` is called with the data of the hosts, in a thread of this object. Call `deliver` with the data of the card.
    `changed` is called when a host has connected or disconnected. With `tcp_port` 0, any free port is used. Raise OSError if
    the TCP port cannot be opened. If the system has no ptys, `pty` is None.
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
        self._thread = threading.Thread(target=self._run, name="card-server", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pty(self) -> str | None:
        """The path of the pty, or None if the system has no ptys."""
        return None if self._pty is None else self._pty.path

    @property
    def url(self) -> str:
        """The TCP address, for pyserial."""
        return f"socket://{LOOPBACK}:{self._port}"

    @property
    def hosts(self) -> int:
        """The number of endpoints that are in use: 0, 1 or 2. Several programs on the pty count as one."""
        return len(self._unsent)

    def deliver(self, data: bytes) -> None:
        """Send bytes from the card to every host that is connected now."""
        with self._guard:
            for unsent in self._unsent.values():
                if len(unsent) > _UNREAD_MAX:
                    unsent.clear()
                unsent += data
        self._wake_thread()

    def close(self) -> None:
        """Disconnect every host and close both endpoints. Closing twice does nothing."""
        if self._closing:
            return
        self._closing = True
        self._wake_thread()
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

    def _wake_thread(self) -> None:
        # If the socket is full, the thread wakes up anyway. If the socket is closed, the thread has ended.
        with suppress(OSError):
            self._wake.send(b"!")

    def _run(self) -> None:
        while not self._closing:
            self._check_pty()
            self._update_interest()
            waiting = self._pty is not None and self._pty not in self._unsent
            for key, events in self._selector.select(_PTY_CHECK_SECONDS if waiting else None):
                self._serve(key.fileobj, events)

    def _serve(self, source: object, events: int) -> None:
        if source is self._woken:
            self._woken.recv(_CHUNK)
        elif source is self._listener:
            self._accept()
        elif isinstance(source, _RefusedHost):
            if source in self._refused and not source.answer():
                self._drop_refused(source)
        elif isinstance(source, _SocketHost | _PtyHost) and source in self._unsent:
            self._exchange(source, events)

    def _check_pty(self) -> None:
        if self._pty and self._pty not in self._unsent and self._pty.is_open():
            self._connect(self._pty)

    def _update_interest(self) -> None:
        for host, unsent in self._unsent.items():
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
            if self._selector.get_key(host).events != wanted:
                self._selector.modify(host, wanted)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # The host has already disconnected.
        if any(isinstance(host, _SocketHost) for host in self._unsent):
            self._refuse(connection)
        else:
            self._connect(_SocketHost(connection))

    def _refuse(self, connection: socket.socket) -> None:
        # Keep the connection open: otherwise the program would report a lost line instead of a busy card.
        host = _RefusedHost(connection)
        self._refused.append(host)
        self._selector.register(host, selectors.EVENT_READ)
        if len(self._refused) > _REFUSED_MAX:
            self._drop_refused(self._refused[0])

    def _drop_refused(self, host: "_RefusedHost") -> None:
        self._refused.remove(host)
        self._selector.unregister(host)
        host.close()

    def _connect(self, host: Host) -> None:
        with self._guard:
            self._unsent[host] = bytearray()
        self._selector.register(host, selectors.EVENT_READ)
        self._changed()

    def _disconnect(self, host: Host) -> None:
        self._selector.unregister(host)
        with self._guard:
            del self._unsent[host]
        # Keep the pty open for the next program.
        if host is not self._pty:
            host.close()
        if host in self._unfinished:
            # End an unfinished line. Otherwise the first line of the next host would be joined to it.
            self._unfinished.remove(host)
            self._send(b"\n")
        self._changed()

    def _exchange(self, host: Host, events: int) -> None:
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
            self._disconnect(host)

    def _write(self, host: Host) -> None:
        with self._guard:
            unsent = self._unsent[host]
            del unsent[: host.write(bytes(unsent[:_CHUNK]))]
