"""Discovery and opening of a card's port.

Promises:

- An address that cannot be opened raises CardNotFound, whose message names the address, the reason and a remedy.
- Every kind of address of pyserial works: `/dev/ttyACM0`, `COM3`, `socket://`, `rfc2217://` and others. An installed package
  can add further kinds through the entry-point group `dscplus.serial_handlers`.
- Discovery opens no port.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from urllib.parse import urlsplit

import serial
from serial.tools import list_ports

from dsc_host.errors import CardNotFound
from dsc_host.link.session import READ_SLICE
from dsc_host.urls import without_password

HANDLER_GROUP = "dscplus.serial_handlers"
PORT_GROUP = "dscplus.ports"
CARD_VARIABLE = "DSCPLUS_CARD"
BAUD_RATE = 115200
"""The speed in bits per second for boards with a serial chip. A board with its own USB ignores the speed."""


@dataclass(frozen=True, slots=True)
class Port:
    """An attached port. `url` is the argument for `open_port`. `name` and `description` are for a person to read."""

    url: str
    name: str
    description: str


class NoSingleCard(CardNotFound):
    """No address was given, and no port or more than one port is attached. `candidates` are the attached ports."""

    def __init__(self, candidates: tuple[Port, ...]) -> None:
        found = f"several ports are attached ({_names(candidates)})" if candidates else "no card is attached"
        super().__init__(f"{found}: name one with --card or {CARD_VARIABLE}")
        self.candidates = candidates


class PortMissing(CardNotFound):
    """No port with this address is attached."""


def discover(*, usb_only: bool = True) -> list[Port]:
    """Return the attached serial ports, sorted by address. With `usb_only`, return the USB ports only: boards use USB."""
    ports = (info for info in list_ports.comports() if info.vid is not None or not usb_only)
    return sorted((_port(info.device, info.name, info.description) for info in ports), key=lambda port: port.url)


def discover_programs() -> list[Port]:
    """Return the ports of simulated cards that run as programs on this machine.

    Installed packages report these ports through the entry-point group `dscplus.ports`. `find_card` never chooses such a port.
    """
    found = (line for entry in entry_points(group=PORT_GROUP) for line in entry.load()())
    return [_port(url, url, description) for url, description in found]


def find_card(url: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Return the address of the card: `url` if given, else DSCPLUS_CARD in `env` if set, else the only attached USB port.

    `env` is by default `os.environ`. Raises NoSingleCard if no address is given, and no port or more than one port is attached.
    """
    named = url or (os.environ if env is None else env).get(CARD_VARIABLE)
    if named:
        return named
    ports = discover()
    if len(ports) != 1:
        raise NoSingleCard(tuple(ports))
    return ports[0].url


def open_port(url: str) -> serial.Serial:
    """Open the port at `url`, locked against other programs where the system supports that.

    DTR and RTS are both on, which is pyserial's default. A board with its own USB sends nothing while DTR is off. A board with
    the usual reset circuit of two transistors stops while the two lines differ. pyserial waits up to 5 seconds for a connection
    to a network address. Raises PortMissing if there is no such port, and its base class CardNotFound for any other reason.
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
            exclusive=True if os.name == "posix" else None,  # Other systems always open ports exclusively.
        )
        port.open()
    except Exception as error:  # For a wrong address, pyserial raises errors of many classes, such as KeyError or re.error.
        kind = PortMissing if _is_missing(error) else CardNotFound
        shown = without_password(url)
        # pyserial's messages may quote the URL.
        raise kind(f"{shown}: {_reason(url, error).replace(url, shown)}") from error
    return port


def _register_handlers() -> None:
    """Tell pyserial in which packages it finds further modules `protocol_*.py`, one for each kind of address."""
    for entry in entry_points(group=HANDLER_GROUP):
        if entry.module not in serial.protocol_handler_packages:
            serial.protocol_handler_packages.append(entry.module)


def _check_url(url: str) -> None:
    # Without this check, pyserial reports a TypeError.
    parts = urlsplit(url)
    if parts.scheme in ("socket", "rfc2217") and (not parts.hostname or parts.port is None):
        raise ValueError(f"an address of this kind has the form {parts.scheme}://host:port")


def _is_missing(error: Exception) -> bool:
    return getattr(error, "errno", None) == errno.ENOENT or "FileNotFoundError" in str(error)


def _reason(url: str, error: Exception) -> str:
    """Return why the port cannot be opened, and a remedy."""
    # Search the text of the error too: on Windows, pyserial's errors have no number.
    number, words = getattr(error, "errno", None), str(error)
    if _is_missing(error):
        return f"there is no such port. Attached: {_names(discover()) or 'none'}"
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "PermissionError" in words:
        return "another program has it open: close that program (a terminal, mpremote, an editor's console)"
    if number in (errno.EACCES, errno.EPERM):
        return f"you do not have permission to open it: {_permission_fix(url)}"
    if "protocol" in words and "not known" in words:
        return "unknown kind of address: use a port (/dev/ttyACM0, COM3), socket://host:port or rfc2217://host:port"
    if "refused" in words:
        return "nobody listens at this address: start the program or the server behind it, or correct the address"
    if "Could not configure port" in words or number in (errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG):
        return "it is not a serial port: name a port such as /dev/ttyACM0 or COM3"
    return f"it can't be opened: {words}: check the address, and the cable"


def _permission_fix(url: str) -> str:
    group = _group_of(url)
    if group in (None, "root", "wheel"):
        return 'add a udev rule for this board with TAG+="uaccess": it grants access to the user who is logged in'
    return f"join its group ({group}), with: sudo usermod -aG {group} $USER; then log in again"


def _group_of(path: str) -> str | None:
    if sys.platform == "win32":
        return None
    # Windows does not have this module.
    import grp

    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return None


def _port(device: str, name: str | None, description: str | None) -> Port:
    return Port(device, name or device, description if description and description != "n/a" else "")


def _names(ports: tuple[Port, ...] | list[Port]) -> str:
    return ", ".join(port.url for port in ports)
