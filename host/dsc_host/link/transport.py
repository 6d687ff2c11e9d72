"""Finding a card's port and opening it.

Promises: an address that can't be opened raises CardNotFound, and its words name the port and what to do about it; any
pyserial address will do (`/dev/ttyACM0`, `COM3`, `socket://`, `rfc2217://`), and so will those that an installed
package adds through the entry-point group `dscplus.serial_handlers`. Nothing is opened to find out what is attached.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from urllib.parse import urlsplit

import serial
from serial.tools import list_ports

from dsc_host.errors import CardNotFound
from dsc_host.link.session import READ_SLICE

HANDLER_GROUP = "dscplus.serial_handlers"
CARD_VARIABLE = "DSCPLUS_CARD"
BAUD_RATE = 115200
"""For boards with a serial chip; one with USB of its own ignores it."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port that is attached. `url` is what `open_port` takes; `name` and `description` are for a person."""

    url: str
    name: str
    description: str


class NoSingleCard(CardNotFound):
    """There is no card attached, or there are several, and none was named. `candidates` lists them."""

    def __init__(self, candidates: tuple[Port, ...]) -> None:
        found = f"several ports are attached ({_names(candidates)})" if candidates else "no card is attached"
        super().__init__(f"{found}: name one with --card or {CARD_VARIABLE}")
        self.candidates = candidates


def discover(*, usb_only: bool = True) -> list[Port]:
    """The serial ports that are attached, sorted by address; by default those on USB, where boards are."""
    ports = (info for info in list_ports.comports() if info.vid is not None or not usb_only)
    return sorted((_port(info.device, info.name, info.description) for info in ports), key=lambda port: port.url)


def find_card(url: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """The address of the card to use: `url`, else DSCPLUS_CARD of `env` (os.environ), else the only one attached.

    Raises NoSingleCard, a CardNotFound with `candidates`, if none or several are attached.
    """
    named = url or (os.environ if env is None else env).get(CARD_VARIABLE)
    if named:
        return named
    ports = discover()
    if len(ports) != 1:
        raise NoSingleCard(tuple(ports))
    return ports[0].url


def open_port(url: str) -> serial.Serial:
    """The port at `url`, open, and where the system can do that, locked against other programs.

    DTR and RTS stay as pyserial sets them, both on: boards with USB of their own send nothing without DTR, and those
    with the usual two-transistor reset circuit stay out of reset only while both are the same.
    A network address may take pyserial's own 5 seconds to connect. Raises CardNotFound.
    """
    if "://" in url:
        _register_handlers()
    try:
        _check_url(url)
        port = serial.serial_for_url(
            url,
            do_not_open=True,
            baudrate=BAUD_RATE,
            timeout=READ_SLICE,
            exclusive=True if os.name == "posix" else None,  # Elsewhere ports are exclusive anyway.
        )
        port.open()
    except Exception as error:  # For a bad address, pyserial's handlers let out a KeyError, a re.error and others.
        raise CardNotFound(f"{url}: {_reason(url, error)}") from error
    return port


def _register_handlers() -> None:
    """Tells pyserial where the `protocol_*.py` modules of installed packages are."""
    for entry in entry_points(group=HANDLER_GROUP):
        if entry.module not in serial.protocol_handler_packages:
            serial.protocol_handler_packages.append(entry.module)


def _check_url(url: str) -> None:
    # Without this, pyserial's words for it are those of a TypeError.
    parts = urlsplit(url)
    if parts.scheme in ("socket", "rfc2217") and (not parts.hostname or parts.port is None):
        raise ValueError(f"an address of this kind looks like {parts.scheme}://host:port")


def _reason(url: str, error: Exception) -> str:
    """Why it can't be opened, and what to do. On Windows pyserial gives no number, only the words of an error."""
    number, words = getattr(error, "errno", None), str(error)
    if number == errno.ENOENT or "FileNotFoundError" in words:
        return f"there is no such port. Attached: {_names(discover()) or 'none'}"
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "PermissionError" in words:
        return "another program has it open: close that program (a terminal, mpremote, an editor's console)"
    if number in (errno.EACCES, errno.EPERM):
        return f"you may not open it: {_permission_fix(url)}"
    if "protocol" in words and "not known" in words:
        return "no such kind of address: use a port (/dev/ttyACM0, COM3), socket://host:port or rfc2217://host:port"
    return f"it can't be opened: {words}"


def _permission_fix(url: str) -> str:
    group = _group_of(url)
    if group in (None, "root", "wheel"):
        return 'a udev rule with TAG+="uaccess" for this board gives it to who is logged in'
    return f"join its group ({group}), with: sudo usermod -aG {group} $USER; then log in again"


def _group_of(path: str) -> str | None:
    try:
        import grp  # Not on Windows.

        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return None


def _port(device: str, name: str | None, description: str | None) -> Port:
    return Port(device, name or device, description if description and description != "n/a" else "")


def _names(ports: tuple[Port, ...] | list[Port]) -> str:
    return ", ".join(port.url for port in ports)
