"""An engine that runs the firmware, compiled as for a board, on MicroPython in a WebAssembly VM."""

import weakref
from collections.abc import Callable
from typing import ClassVar

from dsc_simulator.board import SimulatedBoard
from dsc_simulator.engines import mailbox
from dsc_simulator.engines.vm import LIMIT, VM
from dsc_simulator.errors import FirmwareCrash, PowerCut, SimulatorError

_PROGRAM = "import simulated_board\nsimulated_board.run()"


class _PortBridge:
    """The connection between the ports inside the VM and the simulated board outside.

    The bridge must not refer to the engine. Otherwise the engine would never be garbage-collected, which stops the VM.
    """

    def __init__(self, board: SimulatedBoard) -> None:
        self._board = board
        self._at = 0
        self.version = "MicroPython"
        self.vm = VM(_PROGRAM, self._answer, heap=board.heap)

    def get(self, field: int, size: int) -> int:
        """Return the number at an offset of the mailbox."""
        return int.from_bytes(self.vm.read(self._at + field, size), "little")

    def put(self, field: int, size: int, value: int) -> None:
        self.vm.write(value.to_bytes(size, "little"), self._at + field)

    def _read_buffer(self) -> bytes:
        return self.vm.read(self.get(mailbox.ADDRESS, 4), self.get(mailbox.LENGTH, 2))

    def _answer(self, name: str, text: str) -> None:
        if name == "boot":
            self._boot(*text.split(" ", 1))
        elif name in self._PORTS:
            self._serve(name)
        else:
            raise SimulatorError(f"the VM asks for {name!r}, which no board has")

    def _boot(self, at: str, version: str) -> None:
        self._at = int(at)
        self.version = version
        self.put(mailbox.CAPS, 1, "keys" in self._board.caps)
        self.put(mailbox.NOW, 4, self._board.clock.ticks_ms())

    def _serve(self, port: str) -> None:
        failed = False
        try:
            self._PORTS[port](self)
        except OSError:
            failed = True
        self.put(mailbox.FAILED, 1, failed)

    def _show(self) -> None:
        self._board.display.show(self._read_buffer())

    def _send(self) -> None:
        self._board.line.write(self._read_buffer())

    def _save(self) -> None:
        self._board.flash.write(self.get(mailbox.SLOT, 1), self._read_buffer())

    def _load(self) -> None:
        data = self._board.flash.read(self.get(mailbox.SLOT, 1))
        self.put(mailbox.ABSENT, 1, data is None)
        self._put_data(data or b"")

    def _random(self) -> None:
        self._put_data(self._board.entropy.read(self.get(mailbox.LENGTH, 2)))

    def _put_data(self, data: bytes) -> None:
        data = data[: mailbox.DATA_SIZE]
        self.vm.write(data, self._at + mailbox.DATA)
        self.put(mailbox.LENGTH, 2, len(data))

    _PORTS: ClassVar[dict[str, Callable[["_PortBridge"], None]]] = {
        "show": _show,
        "send": _send,
        "save": _save,
        "load": _load,
        "random": _random,
    }

    def fill_in(self) -> None:
        """Write the time, a key and bytes from the line into the mailbox."""
        board = self._board
        self.put(mailbox.NOW, 4, board.clock.ticks_ms())
        self.put(mailbox.KEY, 1, board.keypad.get() or 0)
        self.put(mailbox.FLAT, 1, board.battery.low())
        waiting = bytes(board.line.inbox[: mailbox.LINE_SIZE])
        del board.line.inbox[: mailbox.LINE_SIZE]
        self.put(mailbox.LINE_LENGTH, 2, len(waiting))
        self.vm.write(waiting, self._at + mailbox.LINE)

    def clear_line(self) -> None:
        """Overwrite the received bytes in the mailbox, because a real board does not keep received bytes in memory either."""
        self.vm.write(bytes(mailbox.LINE_SIZE), self._at + mailbox.LINE)


class MicroPythonEngine:
    """The firmware in a VM. It starts in a few milliseconds once the VM and the firmware are compiled and cached."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._heap = board.heap
        self._bridge = _PortBridge(board)
        self._stop = weakref.finalize(self, self._bridge.vm.stop)
        self._board = board
        # The first pass only boots. Later passes get the keys and the bytes of the line.
        self._let_run()

    @property
    def interpreter(self) -> str:
        """The interpreter with its version and its heap, as text for a person."""
        return f"{self._bridge.version} in a WebAssembly VM, {self._heap // 1024} KB of heap"

    @property
    def instructions(self) -> int:
        """The number of WebAssembly instructions executed so far. The same inputs give the same number on every machine."""
        return self._bridge.vm.spent

    def memory(self) -> bytes:
        """Return all of the VM's memory. Raise FirmwareCrash if the VM has ended."""
        self._settle()
        return self._bridge.vm.memory()

    def poll(self) -> int:
        """Run one pass. Return the milliseconds until the next pass is due. Raise FirmwareCrash or PowerCut."""
        self._settle()
        bridge = self._bridge
        bridge.fill_in()
        self._let_run()
        bridge.clear_line()
        return bridge.get(mailbox.DUE, 4)

    def _settle(self) -> None:
        """Wait until the VM waits for its turn. Raise FirmwareCrash if the VM has ended."""
        if not self._stop.alive:
            raise FirmwareCrash("the power is off")
        self._bridge.vm.settle()

    def _let_run(self) -> None:
        """Run one pass. Raise PowerCut if the planned power failure comes before the end of the pass."""
        vm, board = self._bridge.vm, self._board
        if board.fuel is None:
            vm.resume(LIMIT)
            return
        limit, before = min(LIMIT, board.fuel), vm.spent
        try:
            vm.resume(limit)
        except FirmwareCrash:
            if not vm.exhausted or limit == LIMIT:
                raise
            self.close()
            raise PowerCut(f"the power failed after {limit:,} instructions") from None
        finally:
            board.fuel = board.fuel - (vm.spent - before)

    def close(self) -> None:
        """Cut the power. The contents of the flash remain."""
        self._stop()
