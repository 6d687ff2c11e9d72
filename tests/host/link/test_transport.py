"""Ports: how they are found, chosen and opened, and the advice when they cannot be opened."""

import errno
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from dsc_host.errors import CardNotFound, InputError, LinkClosed, ProtocolError
from dsc_host.link import CardClient, NoSingleCard, Port, PortMissing, discover, find_card, open_port

posix_only = pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal is needed")


def attached(device: str, *, usb: bool = True, description: str = "Pico") -> ListPortInfo:
    info = ListPortInfo(device, skip_link_detection=True)
    info.vid = 0x2E8A if usb else None
    info.description = description
    return info


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[ListPortInfo]:
    """Return a fake list of the ports that are attached to the system."""
    found: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: list(found))
    return found


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return pyserial's list of handler packages, and restore it afterwards."""
    packages = list(serial.protocol_handler_packages)
    monkeypatch.setattr(serial, "protocol_handler_packages", packages)
    return packages


def test_ports_on_usb_are_listed_in_order(ports: list[ListPortInfo]) -> None:
    ports += [attached("/dev/ttyACM1"), attached("/dev/ttyS0", usb=False), attached("/dev/ttyACM0", description="n/a")]
    assert discover() == [Port("/dev/ttyACM0", "ttyACM0", ""), Port("/dev/ttyACM1", "ttyACM1", "Pico")]
    assert [port.url for port in discover(usb_only=False)] == ["/dev/ttyACM0", "/dev/ttyACM1", "/dev/ttyS0"]


def test_the_only_card_needs_no_name(ports: list[ListPortInfo]) -> None:
    ports += [attached("/dev/ttyACM0"), attached("/dev/ttyS0", usb=False)]
    assert find_card(env={}) == "/dev/ttyACM0"


def test_a_name_goes_before_the_variable_and_that_before_what_is_attached(
    ports: list[ListPortInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    ports.append(attached("/dev/ttyACM0"))
    monkeypatch.setenv("DSCPLUS_CARD", "COM3")
    assert find_card("COM4") == "COM4"
    assert find_card() == "COM3"
    assert find_card(env={"DSCPLUS_CARD": "COM5"}) == "COM5"
    assert find_card(env={"DSCPLUS_CARD": ""}) == "/dev/ttyACM0"


def test_without_a_card_or_with_several_none_is_chosen(ports: list[ListPortInfo]) -> None:
    with pytest.raises(NoSingleCard, match="no card is attached") as caught:
        find_card(env={})
    assert caught.value.candidates == ()
    ports += [attached("COM3"), attached("COM4")]
    with pytest.raises(CardNotFound, match="COM3, COM4") as several:
        find_card(env={})
    assert isinstance(several.value, NoSingleCard)
    assert several.value.candidates == tuple(discover())


def test_a_port_that_is_not_there_is_named_with_those_that_are(ports: list[ListPortInfo]) -> None:
    ports.append(attached("/dev/ttyACM7"))
    with pytest.raises(PortMissing, match=r"^/no/such/port: there is no such port\. Attached: /dev/ttyACM7$"):
        open_port("/no/such/port")
    ports.clear()
    with pytest.raises(CardNotFound, match="Attached: none"):
        open_port("/no/such/port")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nosuch://x", "unknown kind of address"),
        ("socket://localhost", "has the form socket://host:port"),
        ("rfc2217://:4000", "has the form rfc2217://host:port"),
        ("socket://localhost:99999", "range"),
        ("socket://127.0.0.1:1", "nobody listens"),
        ("loop://?nonsense=1", "can't be opened"),
        ("hwgrep://(", "can't be opened"),
        ("a\0b", "can't be opened"),
    ],
)
def test_an_address_that_cannot_be_opened_says_why(url: str, words: str, ports: list[ListPortInfo]) -> None:
    with pytest.raises(CardNotFound) as caught:
        open_port(url)
    assert str(caught.value).startswith(f"{url}: ")
    assert words in str(caught.value)


class Refusing(serial.SerialBase):
    """A port that the system refuses to open, as pyserial reports it."""

    error: Exception

    def open(self) -> None:
        raise self.error

    def _reconfigure_port(self) -> None:
        pass


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, handlers: list[str]) -> Callable[..., Any]:
    """Return a function that makes `made://` addresses open a new class of port: `base` with these attributes."""

    def make(base: type = Scripted, **attributes: object) -> Any:
        module = types.ModuleType("made.protocol_made")
        port_class = module.__dict__["Serial"] = type("Port", (base,), attributes)
        monkeypatch.setitem(sys.modules, "made", types.ModuleType("made"))
        monkeypatch.setitem(sys.modules, "made.protocol_made", module)
        handlers.append("made")
        return port_class

    return make


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (serial.SerialException(errno.EBUSY, "could not open port"), "another program"),
        (serial.SerialException(errno.EAGAIN, "Could not exclusively lock port"), "another program"),
        (serial.SerialException("could not open port 'COM3': PermissionError(13, 'Access is denied.')"), "another program"),
        (serial.SerialException("could not open port 'COM3': FileNotFoundError(2, 'No file')"), "no such port"),
        (serial.SerialException(errno.EACCES, "could not open port"), "udev rule"),
        (PermissionError(errno.EPERM, "no"), "udev rule"),
        (FileNotFoundError(errno.ENOENT, "no"), "no such port"),
        (ConnectionError("broken"), "broken"),
    ],
)
def test_what_the_system_says_becomes_what_to_do(
    made: Callable[..., Any], ports: list[ListPortInfo], error: Exception, words: str
) -> None:
    made(Refusing, error=error)
    with pytest.raises(CardNotFound, match=words) as caught:
        open_port("made://card")
    assert str(caught.value).startswith("made://card: ")
    assert caught.value.__cause__ is error
    assert isinstance(caught.value, PortMissing) == (words == "no such port")


@posix_only
def test_the_group_that_may_open_a_port_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import grp

    port = tmp_path / "port"
    port.touch()
    monkeypatch.setattr(grp, "getgrgid", lambda number: types.SimpleNamespace(gr_name=f"group{number}"))
    refused = PermissionError(errno.EACCES, "no")
    monkeypatch.setattr(os, "open", lambda *args: (_ for _ in ()).throw(refused))
    with pytest.raises(CardNotFound, match=rf"usermod -aG group{port.stat().st_gid} \$USER"):
        open_port(str(port))


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A real port of the system: its far end and its address."""
    far, near = os.openpty()
    yield far, os.ttyname(near)
    os.close(far)
    os.close(near)


@posix_only
def test_a_port_carries_bytes_both_ways_and_is_never_read_without_end(terminal: tuple[int, str]) -> None:
    far, url = terminal
    with open_port(url) as port:
        port.write(b"to the card\n")
        assert os.read(far, 100) == b"to the card\n"
        os.write(far, b"to the host\n")
        assert port.read(12) == b"to the host\n"
        assert port.read(1) == b""


@posix_only
def test_a_port_that_is_open_is_busy_for_others(terminal: tuple[int, str]) -> None:
    _, url = terminal
    with open_port(url), pytest.raises(CardNotFound, match="another program"):
        open_port(url)
    open_port(url).close()


@posix_only
def test_the_timeouts_of_a_real_port_end_a_call(terminal: tuple[int, str]) -> None:
    with pytest.raises(CardNotFound, match="nothing came back"):
        CardClient.open(terminal[1], timeout=0.1)
    open_port(terminal[1]).close()


TOY = """\
from serial.urlhandler import protocol_loop

class Serial(protocol_loop.Serial):
    def from_url(self, url):
        pass
"""


def test_handlers_of_installed_packages_are_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handlers: list[str]
) -> None:
    metadata = tmp_path / "toy-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[dscplus.serial_handlers]\ntoy = toy_handlers\n")
    (tmp_path / "toy_handlers").mkdir()
    (tmp_path / "toy_handlers" / "__init__.py").touch()
    (tmp_path / "toy_handlers" / "protocol_toy.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        open_port("loop://").close()
    assert handlers.count("toy_handlers") == 1
    with open_port("toy://anything") as port:
        port.write(b"x")
        assert port.read(1) == b"x"


class Scripted(serial.SerialBase):
    """A port where `answer` computes the reply to what was written. Its clock moves only while somebody reads."""

    now = 0.0
    closes = 0
    kept: tuple["Scripted", ...] = ()

    def open(self) -> None:
        type(self).kept += (self,)  # Keep it, or the garbage collector would close it too.
        self.is_open, self.waiting = True, b""

    def close(self) -> None:
        type(self).closes += 1
        self.is_open = False

    def _reconfigure_port(self) -> None:
        pass

    @property
    def in_waiting(self) -> int:
        return len(self.waiting)

    def read(self, size: int = 1) -> bytes:
        if not self.waiting:
            type(self).now += self.timeout or 0
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.waiting += self.answer(data)
        return len(data)

    def answer(self, data: bytes) -> bytes:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda port, data: b"", "nothing came back"),
        (lambda port, data: b"\r\n>>> ", "a MicroPython prompt answered"),
        (lambda port, data: b"raw REPL; CTRL-B to exit\r\n>", "a MicroPython prompt answered"),
        (lambda port, data: data, "an echo"),
        (lambda port, data: b"\x1b[2JLinux login: ", r"another device answered: .*\.\[2JLinux login: $"),
    ],
)
def test_what_is_there_instead_of_a_card_is_told(made: Callable[..., Any], answer: object, words: str) -> None:
    port = made(answer=answer)
    with pytest.raises(CardNotFound, match=f"^made://card: no card answers: .*{words}"):
        CardClient.open("made://card", clock=lambda: port.now)
    assert port.closes == 1
    assert 1.9 < port.now <= 2.0


def reply(data: bytes, protocol: int) -> bytes:
    from binascii import crc32

    number, _, nonce = data.strip()[1:].partition(b"*")[0].split(b" ")
    body = b"<%s ok %s protocol=%d firmware=1 serial= board=b state=off caps=" % (number, nonce, protocol)
    return b"%s*%08x\r\n" % (body, crc32(body))


def test_a_card_is_opened_greeted_and_closed(made: Callable[..., Any]) -> None:
    port = made(answer=lambda port, data: reply(data, 1))
    with CardClient.open("made://card", clock=lambda: port.now) as client:
        assert client.hello().caps == frozenset()
        assert port.closes == 0
    assert port.closes == 1


def test_another_version_of_the_protocol_is_refused_and_the_port_closed(made: Callable[..., Any]) -> None:
    port = made(answer=lambda port, data: reply(data, 2))
    with pytest.raises(ProtocolError, match=r"version 2 .* version 1"):
        CardClient.open("made://card", clock=lambda: port.now)
    assert port.closes == 1


def test_a_port_is_not_left_open_by_a_wrong_timeout_or_a_lost_line(made: Callable[..., Any]) -> None:
    def lost(port: Scripted, data: bytes) -> bytes:
        raise serial.SerialException("gone")

    port = made(answer=lost)
    with pytest.raises(InputError, match="timeout"):
        CardClient.open("made://card", timeout=0)
    assert port.closes == 1
    with pytest.raises(LinkClosed, match="gone"):
        CardClient.open("made://card", clock=lambda: port.now)
    assert port.closes == 2


def test_the_line_is_opened_with_the_settings_that_boards_need(made: Callable[..., Any]) -> None:
    made(answer=lambda port, data: b"")
    port = open_port("made://card")
    assert (port.baudrate, port.dtr, port.rts) == (115200, True, True)
    assert port.timeout is not None
    assert port.timeout < 0.1
    assert port.exclusive is (True if os.name == "posix" else None)
