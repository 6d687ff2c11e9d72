"""The VM is like a board: it repeats every instruction, contains a failure of the firmware, and stops when nobody needs it."""

import gc
import os
import signal
import threading
import weakref
from binascii import b2a_base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from tests.firmware.fakes import needs_micropython
from tests.host.flash.image_files import compiled, pico

from dsc_host import Suite
from dsc_simulator import FirmwareCrash, PowerCut, Profile, SimulatedCard

pytestmark = needs_micropython

BROKEN_APP = b"""
class App:
    def __init__(self, board):
        self.keypad = board.keypad

    def poll(self):
        key = self.keypad.get()
        if key == 0x31:
            raise ValueError("boom")
        while key == 0x32:
            pass
        if key == 0x33:
            bytearray(1000000)
        if key == 0x34:
            self.poll_again()
        return 1000

    def poll_again(self):
        self.poll_again()
"""


@pytest.fixture
def broken_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    from dsc_simulator.engines import image, vm

    files = image.firmware_files() | {"dsc_firmware/app.mpy": image.compile_module("dsc_firmware/app.py", BROKEN_APP)}
    monkeypatch.setattr(vm, "firmware_files", lambda: files)


def vm_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "micropython"}


def spent(profile: Profile, seed: int = 1) -> list[int | None]:
    with SimulatedCard(engine="micropython", profile=profile, seed=seed) as card:
        counts = [card.instructions]
        for key in ["PRESS", *"1234", "OK", *"482913", "OK"]:
            card.press(key)
            counts.append(card.instructions)
        card.send(b">1 info\n" + b"x" * 1000)
        card.advance(100)
        return [*counts, card.instructions]


def test_instructions_repeat_exactly_and_only_ever_grow(profile: Profile) -> None:
    first = spent(profile)
    assert first == spent(profile)
    assert first == sorted(set(first))


def test_cpython_counts_no_instructions(profile: Profile) -> None:
    with SimulatedCard(profile=profile) as card:
        assert card.instructions is None


def test_a_card_lives_through_more_logins_than_its_memory_could_hold(profile: Profile) -> None:
    # The interpreter's own garbage collection, in the middle of a call, took live objects and crashed after 40 to 80 logins.
    with SimulatedCard(engine="micropython", profile=profile) as card:
        seen = set()
        for _ in range(120):
            seen.add(card.press("PRESS", *"1234", "OK", *"482913", "OK"))
            card.press("OK")
        assert len(seen) == 120


@pytest.mark.usefixtures("broken_firmware")
@pytest.mark.parametrize(
    ("key", "words"), [("1", r"(?s)Traceback.*app\.py.*in poll.*ValueError: boom"), ("3", "MemoryError"), ("4", "recursion")]
)
def test_a_firmware_that_crashes_says_how_and_is_dead_until_restart(key: str, words: str) -> None:
    with SimulatedCard(engine="micropython") as card:
        for _ in range(2):
            with pytest.raises(FirmwareCrash, match=words):
                card.press(key)
        card.restart()
        card.press("0")


@pytest.mark.usefixtures("broken_firmware")
def test_a_crash_is_told_after_garbage_was_collected_too() -> None:
    with SimulatedCard(engine="micropython") as card:
        for _ in range(40):
            card.press("0")
        with pytest.raises(FirmwareCrash, match="ValueError: boom"):
            card.press("1")


def test_a_card_works_with_a_third_of_the_heap(profile: Profile) -> None:
    with SimulatedCard(engine="micropython", profile=profile, heap=64 * 1024) as card:
        assert len(card.press("PRESS", *"1234", "OK", *"482913", "OK")) == 8


@pytest.mark.usefixtures("broken_firmware")
def test_a_firmware_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with SimulatedCard(engine="micropython") as card:
        monkeypatch.setattr("dsc_simulator.engines.micropython.LIMIT", 1_000_000)
        for _ in range(2):
            with pytest.raises(FirmwareCrash, match="hangs"):
                card.press("2")


def test_a_firmware_that_hangs_at_boot_is_stopped_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = vm_threads()
    monkeypatch.setattr("dsc_simulator.engines.micropython.LIMIT", 1_000_000)
    with pytest.raises(FirmwareCrash, match="hangs"):
        SimulatedCard(engine="micropython")
    gc.collect()
    assert all_gone(vm_threads() - before)


def all_gone(threads: set[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(10)
    return not any(thread.is_alive() for thread in threads)


def test_restart_ends_the_old_thread(profile: Profile) -> None:
    before = vm_threads()
    with SimulatedCard(engine="micropython", profile=profile) as card:
        first = vm_threads() - before
        card.restart()
        assert all_gone(first)
        assert len(vm_threads() - before) == 1


def test_a_card_without_power_has_no_memory(profile: Profile) -> None:
    with SimulatedCard(engine="micropython", profile=profile) as card:
        assert card.memory()
        card.cut_power(0)
        with pytest.raises(PowerCut):
            card.press("PRESS")
        with pytest.raises(FirmwareCrash, match="the power is off"):
            card.memory()
        card.restart()
        assert card.memory()


@pytest.mark.parametrize("closed", [True, False])
def test_nothing_of_a_card_stays_in_memory(profile: Profile, closed: bool) -> None:
    card = SimulatedCard(engine="micropython", profile=profile)
    board = weakref.ref(card.board)
    threads = vm_threads()
    if closed:
        card.close()
    del card
    gc.collect()
    assert all_gone(threads)
    gc.collect()
    assert board() is None


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="this system does not list a process's open files")
def test_no_open_files_are_left(profile: Profile) -> None:
    SimulatedCard(engine="micropython", profile=profile).close()
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        SimulatedCard(engine="micropython", profile=profile).close()
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system does not tell how many addresses are used")
def test_a_card_for_which_no_addresses_are_left_is_refused_and_the_others_go_on(profile: Profile) -> None:
    import resource

    with SimulatedCard(engine="micropython", profile=profile) as card:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (1 << 30), hard))
        try:
            with pytest.raises(MemoryError, match="close a card first"):
                SimulatedCard(engine="micropython", profile=profile)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        assert card.press("PRESS") == "PIN>"


class Interrupt(BaseException):
    """Replaces KeyboardInterrupt, which pytest would handle itself."""


@contextmanager
def interruptible() -> Iterator[None]:
    raised = []

    def raise_interrupt(number: int, frame: FrameType | None) -> None:
        if not raised:
            raised.append(True)
            raise Interrupt

    before = signal.signal(signal.SIGINT, raise_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="this system has no signals for threads")
@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread only")
def test_ctrl_c_while_the_vm_runs_leaves_the_card_usable(profile: Profile) -> None:
    caught = threading.Event()
    shown: list[bytes] = []

    def interrupt(cells: memoryview) -> None:
        """Replace the display's port, which runs in the VM's thread. Return only when the main thread was interrupted."""
        shown.append(bytes(cells))
        main = threading.main_thread().ident
        assert main is not None
        # More than once, if needed: a signal that comes just before the wait does not end the wait.
        while not caught.wait(0.01):
            signal.pthread_kill(main, signal.SIGINT)

    with SimulatedCard(engine="micropython", profile=profile) as card:
        before = card.instructions
        card.board.display.show = interrupt  # type: ignore[method-assign, assignment]
        with interruptible():
            with pytest.raises(Interrupt):
                card.press("PRESS")
            caught.set()
        card.press("1")
        assert shown == [b"PIN>    ", b"PIN>*   "]
        assert before is not None
        assert card.instructions is not None
        assert card.instructions > before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_card_in_a_forked_process_says_that_it_is_dead(profile: Profile) -> None:
    with SimulatedCard(engine="micropython", profile=profile) as card:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                card.press("PRESS")
            except FirmwareCrash as crash:
                os._exit(7 if "forked" in str(crash) else 8)
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert card.press("PRESS") == "PIN>"


# Modules that use a board's pins when they are imported. The VM has none.
RESPONSE = """
import host
{setup}
from dsc_firmware.ocra import Ocra
import dsc_firmware.app
out = bytearray(8)
Ocra("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256").respond(out, bytes(range(32)), b"482913", 5, b"1234", b"", 0)
host.call("say", out.decode() + " " + dsc_firmware.app.__file__)
"""

MOUNTED = """
import sys, vfs
from binascii import a2b_base64
vfs.mount(vfs.VfsRom(a2b_base64({data!r})), "/rom")
sys.path[:] = ["/rom/lib"]
"""


def test_a_program_has_no_clock() -> None:
    from dsc_simulator.engines import vm

    assert vm.run('import host, time\nhost.call("say", f"{time.time():.0f} {time.time_ns()}")') == "0 0"


def test_a_program_that_waits_for_a_turn_has_not_ended() -> None:
    from dsc_simulator.engines import vm

    with pytest.raises(FirmwareCrash, match="waits for another turn"):
        vm.run('import host\nhost.call("wait", "")')


def run(setup: str) -> str:
    from dsc_simulator.engines.vm import LIMIT, VM

    said: list[str] = []
    vm = VM(RESPONSE.format(setup=setup), lambda _, text: said.append(text), files={}, heap=1 << 20)
    try:
        vm.finish(LIMIT)
    finally:
        vm.stop()
    return "".join(said)


def test_the_romfs_mounts_and_runs() -> None:
    data = b2a_base64(pico()["dscplus.romfs"], newline=False)
    suite = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
    response, where = run(MOUNTED.format(data=data)).split()
    assert response == suite.response(bytes(range(32)), "482913", counter=5, pin="1234")
    assert where == "/rom/lib/dsc_firmware/app.mpy"


def test_the_simulator_runs_the_very_files_that_boards_get() -> None:
    from dsc_simulator.engines.image import firmware_files as simulated

    boards = {path.removeprefix("lib/"): data for path, data in compiled().items()}
    shared = {path: data for path, data in simulated().items() if path.startswith("dsc_firmware/")}
    assert shared
    assert {path: boards[path] for path in shared} == shared
