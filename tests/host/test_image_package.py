"""What `image` makes for other tools: `package.json` for mip, read by mpremote itself, and `manifest.py` for your own build."""

import json
import runpy
from pathlib import Path

import pytest
from mpremote import mip
from tests.checkout import FIRMWARE
from tests.host.image_files import contents, library, pico

from dsc_host.flash import write_image


class _Board:
    """As much of mpremote's transport as `mip install` uses."""

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
    """What a manifest freezes and the version it gives, run in its folder as MicroPython's build does."""
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
