"""`sim://` as any pyserial program sees it."""

import gc
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import serial
from tests.firmware.fakes import frame

from dsc_host import CardClient, CardNotFound, LinkClosed
from dsc_simulator import Profile, SimulatedCard

BRIEF = 0.03


def test_importing_the_package_is_enough() -> None:
    program = "import serial, dsc_simulator; port = serial.serial_for_url('sim://', timeout=0); print(port.read(1000)[:8])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("b'!0 boot '\n", "")


def test_a_card_that_is_open_is_found_by_its_name(engine: str, profile: Profile) -> None:
    with SimulatedCard(engine=engine, profile=profile) as card, serial.serial_for_url(card.url, timeout=BRIEF) as port:
        port.reset_input_buffer()
        assert port.write(b">1 display\n") == 11
        assert port.in_waiting > 0
        assert port.read_until(b"\n").startswith(b"<1 ok text=*")
        assert port.in_waiting == 0


def test_closing_a_port_leaves_a_card_of_ones_own_open(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card:
        serial.serial_for_url(card.url).close()
        assert card.press("PRESS") == "PIN>"
        with serial.serial_for_url(card.url, timeout=0) as port:
            assert b"text=PIN>" in port.read(1000)


def test_sim_alone_makes_a_blank_card_that_lives_as_long_as_the_port(engine: str) -> None:
    with serial.serial_for_url(f"sim://?engine={engine}", timeout=0) as port:
        card = port.card
        assert card.engine == engine
        assert port.read(1000).startswith(b"!0 boot state=off*")
    assert card.closed


def test_the_seed_makes_it_repeatable(engine: str) -> None:
    def entropy() -> bytes:
        with serial.serial_for_url(f"sim://?engine={engine}&seed=7", timeout=0) as port:
            port.write(frame(">1 entropy"))
            return bytes(port.read(1000))

    assert entropy() == entropy()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sim://nobody", "no simulated card of that name"),
        ("sim://?color=red", "color: unknown option; the options are engine, seed"),
        ("sim://?engine=jython", "cpython, micropython, not 'jython'"),
        ("sim://?seed=x", "seed: must be a whole number"),
        ("sim://?seed=", "seed: must be a whole number"),
        ("sim://?seed=-1", "seed: must be a whole number"),
        ("sim:///card-1", "write sim://NAME"),
    ],
)
def test_an_address_that_leads_nowhere_says_why(url: str, words: str) -> None:
    with pytest.raises(serial.SerialException, match=words):
        serial.serial_for_url(url)
    with pytest.raises(CardNotFound, match=words):
        CardClient.open(url)


def test_a_card_that_is_open_takes_no_options(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card, pytest.raises(serial.SerialException, match="takes no options"):
        serial.serial_for_url(card.url + "?engine=micropython")


@pytest.mark.parametrize("closed", [True, False])
def test_a_card_that_is_closed_or_that_nobody_holds_has_no_address(profile: Profile, closed: bool) -> None:
    card = SimulatedCard(profile=profile)
    url = card.url
    if closed:
        card.close()
        assert card.url == url
    del card
    gc.collect()
    with pytest.raises(serial.SerialException, match="no simulated card of that name"):
        serial.serial_for_url(url)


def test_every_use_after_close_is_an_error(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card:
        port = serial.serial_for_url(card.url)
        port.close()
        port.close()
        for use in uses(port):
            with pytest.raises(serial.PortNotOpenError):
                use()
        port.open()
        with pytest.raises(serial.SerialException, match="already open"):
            port.open()
    for use in uses(port):
        with pytest.raises(serial.SerialException, match="card was closed"):
            use()


def uses(port: serial.Serial) -> list[Callable[[], object]]:
    return [port.read, lambda: port.write(b"x"), lambda: port.in_waiting, port.reset_input_buffer]


def test_a_client_notices_that_its_card_was_closed(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card, CardClient.open(card.url) as client:
        card.close()
        with pytest.raises(LinkClosed):
            client.info()


def test_a_crash_of_the_firmware_is_an_error_of_the_port(engine: str, profile: Profile) -> None:
    def fail(cells: object) -> None:
        raise KeyError("loose wire")

    with SimulatedCard(engine=engine, profile=profile) as card, serial.serial_for_url(card.url) as port:
        card.board.display.show = fail  # type: ignore[method-assign]
        with pytest.raises(serial.SerialException, match="loose wire"):
            port.write(frame(">1 key k=PRESS"))


def test_a_read_ends_when_its_time_is_up_with_what_has_come(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card, serial.serial_for_url(card.url, timeout=BRIEF) as port:
        waiting = port.in_waiting
        assert len(port.read(waiting + 1)) == waiting
        assert port.read(1) == b""
        port.timeout = 0
        assert port.read(1) == b""


def test_text_is_refused_and_any_bytes_are_taken(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card, serial.serial_for_url(card.url) as port:
        with pytest.raises(TypeError):
            port.write(">1 display\n")
        for data in (b"\n", bytearray(b"\n"), memoryview(b"\n")):
            assert port.write(data) == 1


def test_lines_and_speed_have_no_effect(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card, serial.serial_for_url(card.url, baudrate=9600, timeout=0) as port:
        port.baudrate, port.dtr, port.rts, port.break_condition = 115200, False, True, True
        port.flush()
        port.reset_output_buffer()
        assert (port.cts, port.dsr, port.ri, port.cd) == (True, True, False, True)
        assert port.read(1) == b"!"


class Reader(threading.Thread):
    """Reads one byte, however long it takes."""

    def __init__(self, port: serial.Serial) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.result: object = None
        self.start()
        # Wait until the thread is in the wait that the test is about.
        while "wait_for" not in self._calls():
            assert self.is_alive()

    def _calls(self) -> set[str]:
        frame, names = sys._current_frames().get(self.ident or 0), set()
        while frame:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        return names

    def run(self) -> None:
        try:
            self.result = self._port.read(1)
        except serial.SerialException as error:
            self.result = error

    def outcome(self) -> object:
        self.join(10)
        assert not self.is_alive(), "the read does not end"
        return self.result


def test_a_thread_that_reads_is_woken_by_a_key(engine: str, profile: Profile) -> None:
    with SimulatedCard(engine=engine, profile=profile) as card, serial.serial_for_url(card.url, timeout=None) as port:
        port.reset_input_buffer()
        reader = Reader(port)
        card.press("PRESS")
        assert reader.outcome() == b"!"


@pytest.mark.parametrize("how", ["card", "port", "cancel_read", "restart"])
def test_a_thread_that_reads_is_woken_by_the_end(profile: Profile, how: str) -> None:
    with SimulatedCard(profile=profile) as card, serial.serial_for_url(card.url, timeout=None) as port:
        port.reset_input_buffer()
        reader = Reader(port)
        {"card": card.close, "port": port.close, "cancel_read": port.cancel_read, "restart": card.restart}[how]()
        assert reader.outcome() == (b"!" if how == "restart" else b"")
        if how == "cancel_read":
            reader = Reader(port)
            card.press("PRESS")
            assert reader.outcome() == b"!"
