"""Access to the service: what the file of tokens holds, and what it refuses."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from dsc_host.api import Scope, Tokens, add_token
from dsc_host.errors import InputError

needs_posix = pytest.mark.skipif(os.name != "posix", reason="has no permissions for group and others")
DIGEST = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        Tokens.from_file(path)
    assert caught.value.field == "tokens"
    return str(caught.value)


def test_a_token_is_found_by_itself_alone(path: Path) -> None:
    website = add_token(path, "website", [Scope.LOGIN])
    desk = add_token(path, "desk", [Scope.DESK, Scope.LOGIN])
    tokens = Tokens.from_file(path)
    found = tokens.find(desk)
    assert found is not None
    assert (found.name, found.scopes) == ("desk", {Scope.LOGIN, Scope.DESK})
    for other in ("", website[:-1], website + "A", website.swapcase(), found.digest, "\ud800", "\0", "\u00e9"):
        assert tokens.find(other) is None
    assert len({website, desk}) == 2
    assert website.startswith("dsc_")
    assert len(website) == 4 + 43


def test_the_file_has_no_token_but_its_hash(path: Path) -> None:
    token = add_token(path, "website", [Scope.METRICS, Scope.LOGIN])
    text = path.read_text()
    assert text == f"website login,metrics {hashlib.sha256(token.encode()).hexdigest()}\n"
    assert token not in repr(Tokens.from_file(path))


@needs_posix
def test_the_file_is_its_owners_alone(path: Path) -> None:
    add_token(path, "website", [Scope.LOGIN])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o604, 0o640, 0o660, 0o601):
        path.chmod(mode)
        assert "chmod 600" in refused(path)
        with pytest.raises(InputError, match="chmod 600"):
            add_token(path, "other", [Scope.LOGIN])
    assert len(path.read_text().splitlines()) == 1


def test_what_was_there_stays(path: Path) -> None:
    written(path, f"# ours\n\nwebsite login {DIGEST}")
    add_token(path, "desk", [Scope.DESK])
    assert path.read_text().startswith(f"# ours\n\nwebsite login {DIGEST}\ndesk desk ")
    assert [path.name] == os.listdir(path.parent)


def test_a_link_stays_one(path: Path) -> None:
    real = written(path.with_name("real"), f"website login {DIGEST}\n")
    path.symlink_to(real)
    add_token(path, "desk", [Scope.DESK])
    assert path.is_symlink()
    assert len(real.read_text().splitlines()) == 2


def test_a_name_that_is_none_and_a_token_for_nothing_are_refused(path: Path) -> None:
    for name in ("", "a b", "a\n", "x" * 33, "Ána", "#a", "a\0", "a,b", "\u0661", "../a", "a ", "a\t", " a"):
        with pytest.raises(InputError, match="token's name: must be 1 to 32"):
            add_token(path, name, [Scope.LOGIN])
    with pytest.raises(InputError, match="name at least one: login, desk, metrics"):
        add_token(path, "website", [])
    assert os.listdir(path.parent) == []


def test_a_name_that_is_taken_is_refused(path: Path) -> None:
    add_token(path, "website", [Scope.LOGIN])
    before = path.read_bytes()
    with pytest.raises(InputError, match="website is already in"):
        add_token(path, "website", [Scope.DESK])
    assert (path.read_bytes(), os.listdir(path.parent)) == (before, [path.name])


def test_two_are_not_made_at_once(path: Path) -> None:
    draft = path.with_name("tokens.new")
    draft.touch()
    with pytest.raises(InputError, match=r"tokens\.new exists"):
        add_token(path, "website", [Scope.LOGIN])
    assert draft.exists()
    assert not path.exists()


def test_a_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, f"website login {DIGEST}\n")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        add_token(path, "desk", [Scope.DESK])
    assert path.read_text() == f"website login {DIGEST}\n"
    assert os.listdir(path.parent) == [path.name]


LINES = [
    "website login",
    f"website {DIGEST}",
    f"website admin {DIGEST}",
    f"website login, {DIGEST}",
    f"website login,admin {DIGEST}",
    f"website LOGIN {DIGEST}",
    f"website login {DIGEST.upper()}",
    f"website login {DIGEST}0",
    f"website login {DIGEST[:-1]}",
    f"website login {DIGEST} more",
    f"web site login {DIGEST}",
    "dsc_" + "A" * 43,
]


def test_a_line_that_is_none_is_named_by_its_number(path: Path) -> None:
    for line in LINES:
        told = refused(written(path, f"other login {DIGEST}\n{line}\n"))
        assert "line 2" in told
        assert line not in told


def test_a_file_of_something_else_is_refused(path: Path) -> None:
    for text, told in {
        f"a login {DIGEST}\nb desk {DIGEST}\na desk {DIGEST}\n": "line 3: has the name",
        "": "no token in",
        "# none\n": "no token in",
        "\u0661": "other than ASCII",
        "#" * (1 << 21): "too large",
    }.items():
        assert told in refused(written(path, text))


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    assert "cannot be read: No such file" in refused(path)
    assert "cannot be read" in refused(path.parent)
