"""What boards get runs on MicroPython itself: the ROMFS of `dsc_host.flash`; its compiled files are the simulator's."""

from binascii import b2a_base64

from tests.firmware.fakes import needs_micropython
from tests.host.image_files import compiled, pico

from dsc_host import Suite

pytestmark = needs_micropython

# Modules that reach for a board's pins when they are imported; the VM has none.
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
