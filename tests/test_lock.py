"""The lock files pin what is declared, with hashes, and name no package index."""

import pytest
from packaging.requirements import Requirement
from tests.checkout import ROOT
from tests.lock import LOCKS, REMEDY, Lock, declared, differences, pins

PINNED = """\
alembic==1.20.1 \\
    --hash=sha256:83490d
    # via dscplus (pyproject.toml)
cffi==2.1.1 ; platform_python_implementation != 'PyPy' \\
    --hash=sha256:11
    # via cryptography
"""


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.path)
def test_the_lock_fits_what_is_declared(lock: Lock) -> None:
    text = (ROOT / lock.path).read_text(encoding="utf-8")
    found = list(differences(declared(lock.source), pins(text, lock.source)))
    assert found == [], f"{lock.path}: {'; '.join(found)}. {REMEDY}"
    assert "://" not in text, f"{lock.path} names a package index. {REMEDY}"


@pytest.mark.parametrize(
    ("wanted", "text", "difference"),
    [
        (["alembic>=1.16"], PINNED, []),
        (["alembic>=1.21"], PINNED, ["alembic is pinned to 1.20.1, but alembic>=1.21 is declared"]),
        (["alembic", "PyYAML"], PINNED, ["pyyaml is not pinned"]),
        ([], PINNED, ["alembic is pinned, but no longer declared"]),
        (["alembic"], PINNED.replace("    --hash=sha256:11\n", ""), ["cffi has no hash"]),
    ],
)
def test_a_difference_is_found(wanted: list[str], text: str, difference: list[str]) -> None:
    assert list(differences(map(Requirement, wanted), pins(text, "pyproject.toml"))) == difference


def test_the_extras_and_the_build_are_declared() -> None:
    names = {each.name for each in declared("pyproject.toml")}
    assert {"alembic", "hatchling", "pytest", "jinja2", "httpx"} <= names
    assert "dscplus" not in names
