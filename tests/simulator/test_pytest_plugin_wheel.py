"""The wheel works for a new user: the first file of docs/how-to/testing.md passes in an environment with pytest alone.

There is no network: the installed hatchling builds the wheel, it is unpacked as pip does it, and its dependencies are linked
into the environment, one distribution after another.
"""

import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.simulator.plugin_runs import FLAGS, INSTALLED

pytestmark = pytest.mark.long
_SECONDS = 120
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def needed(names: list[str]) -> dict[str, list[str]]:
    """Return these distributions and all distributions that they need, without extras, each with its requirements."""
    found: dict[str, list[str]] = {}
    for name in names:
        try:
            requires = [line for line in distribution(name).requires or () if "extra ==" not in line]
        except PackageNotFoundError:  # This requirement is for another system, or another Python.
            continue
        found |= {name: requires}
        new = [match[0] for match in map(_NAME.match, requires) if match and match[0] not in found]
        found |= {key: value for key, value in needed(new).items() if key not in found}
    return found


def lend(names: list[str], site: Path) -> None:
    """Put installed distributions into another environment, by links."""
    files = {file for name in needed(names) for file in distribution(name).files or ()}
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        (site / top).symlink_to(Path(pytest.__file__).parents[1] / top)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("dscplus-*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment with the wheel, its dependencies and pytest."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, symlinks=sys.platform != "win32")
    site = next(folder.glob("[Ll]ib*/**/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    metadata = next(site.glob("dscplus-*.dist-info/METADATA")).read_text(encoding="utf-8")
    requires = re.findall(r"^Requires-Dist: ([A-Za-z0-9._-]+)(?!.*extra ==)", metadata, re.MULTILINE)
    lend(["pytest", *requires], site)
    return folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-I", "-W", "error", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)


def test_the_first_file_passes_in_a_fresh_environment(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_first.py").write_text(blocks(ROOT / "docs" / "how-to" / "testing.md", "python")[0], encoding="utf-8")
    done = run(python, tmp_path, "-m", "pytest", *FLAGS, "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("1 passed")


def test_nothing_there_comes_from_this_checkout(python: Path, tmp_path: Path) -> None:
    program = "import dsc_firmware, dsc_host, dsc_simulator as s; print(dsc_firmware.__file__, dsc_host.__file__, s.__file__)"
    done = run(python, tmp_path, "-c", program)
    assert done.stderr == ""
    assert all(Path(path).is_relative_to(python.parents[1]) for path in done.stdout.split())
    assert run(python, tmp_path, "-c", "import hypothesis").returncode == 1


@pytest.mark.skipif(not INSTALLED, reason="the plugin has no entry point here")
def test_the_wheel_brings_the_plugin_and_pytest_can_leave_it_out(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_card.py").write_text("def test_card(dsc_card): ...\n", encoding="utf-8")
    assert run(python, tmp_path, "-m", "pytest", "-q").returncode == 0
    assert run(python, tmp_path, "-m", "pytest", "-q", "-p", "no:dscplus").returncode == pytest.ExitCode.TESTS_FAILED
