"""The code for Windows, on a system that imitates Windows: it uses nothing of POSIX. It was not tried on a real Windows."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dsc_host.api import Scope, Tokens, add_token, processes
from dsc_host.cli.checks.files import check_private
from dsc_host.cli.database import user_name
from dsc_host.errors import InputError
from dsc_host.exchange.files import new_file, old_file
from dsc_host.files import warn_if_exposed, write_new
from dsc_host.link import transport
from dsc_host.records.keys import Keyring, MasterKey
from dsc_simulator import line_server, profile_store
from dsc_simulator.desktop import terminal
from dsc_simulator.engines import image

if sys.platform == "win32":
    pytest.skip("this is the system itself", allow_module_level=True)

_MISSING = ("chown", "fchown", "fchmod", "geteuid", "getuid", "openpty", "ttyname", "O_NONBLOCK", "O_NOFOLLOW", "mkfifo")
_MODULES = ("fcntl", "grp", "pwd", "resource", "termios", "tty")
_EXCLUSIVE = -5
"""The value of SO_EXCLUSIVEADDRUSE on Windows."""


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let this process take the system for Windows, without the names that Windows does not have."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", _EXCLUSIVE, raising=False)
    for name in _MISSING:
        monkeypatch.delattr(os, name)
    for name in _MODULES:
        monkeypatch.setitem(sys.modules, name, None)


def keys(folder: Path) -> None:
    key = MasterKey.generate()
    key.write(folder / "master.key")
    text = (folder / "master.key").read_bytes()
    # The text layer writes the line ends of Windows. Everybody's rights are not in the mode.
    (folder / "master.key").write_bytes(text.replace(b"\n", b"\r\n"))
    (folder / "master.key").chmod(0o644)
    assert Keyring.from_file(folder / "master.key").current.id == key.id


def tokens(folder: Path) -> None:
    path = folder / "tokens"
    first = add_token(path, "web", [Scope.LOGIN])
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    add_token(path, "desk", [Scope.DESK])
    path.chmod(0o644)
    found = Tokens.from_file(path)
    assert [each.name for each in found.known] == ["web", "desk"]
    assert found.find(first) is not None


def files(folder: Path) -> None:
    with new_file(folder / "cards.xml") as file:
        file.write(b"<a/>")
    with old_file(folder / "cards.xml") as (file, size):
        assert (file.read(), size) == (b"<a/>", 4)
    write_new(folder / "key", "ab")
    (folder / "key").chmod(0o666)
    warn_if_exposed(folder / "key")
    assert list(check_private("key", folder / "key", is_secret=True)) == []


def cache(folder: Path) -> None:
    folder.chmod(0o777)
    os.environ["DSCPLUS_CACHE"] = str(folder)
    assert image.cache_folder() == folder


def lock(folder: Path) -> None:
    taken: list[int] = []

    def locking(*_: object) -> None:
        if taken:
            raise OSError
        taken.append(1)

    sys.modules["msvcrt"] = SimpleNamespace(LK_NBLCK=2, locking=locking)  # type: ignore[assignment]
    with (folder / "lock").open("wb") as file:
        assert [profile_store.lock_file(file) for _ in range(2)] == [True, False]


def system(_folder: Path) -> None:
    os.environ["LOGNAME"] = "anna"
    assert user_name() == "anna"
    assert line_server._open_pty() is None
    assert transport._group_of("COM3") is None
    terminal.leave_with_terminal()


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("use", [keys, tokens, files, cache, lock, system], ids=lambda use: use.__name__)
def test_what_only_posix_has_is_not_used(
    use: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DSCPLUS_CACHE", "LOGNAME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    use(tmp_path)
    assert caplog.messages == []


class _Socket(socket.socket):
    """A socket that keeps its options in place of setting them."""

    options: list[tuple[int, ...]]

    def setsockopt(self, *option: int) -> None:  # type: ignore[override]
        self.options = [*getattr(self, "options", []), option]


@pytest.mark.parametrize(("platform", "option"), [("win32", _EXCLUSIVE), ("linux", socket.SO_REUSEADDR)])
def test_no_other_program_takes_the_port(monkeypatch: pytest.MonkeyPatch, platform: str, option: int) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", _EXCLUSIVE, raising=False)
    monkeypatch.setattr(socket, "socket", _Socket)
    with processes.Address("127.0.0.1", 0).bind() as bound:
        assert isinstance(bound, _Socket)
        assert bound.options == [(socket.SOL_SOCKET, option, 1)]
        with pytest.raises(InputError, match="cannot listen on"):
            processes.Address("127.0.0.1", bound.getsockname()[1]).bind()


def test_the_limit_on_open_files_stays_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "resource", None)
    processes._allow_files()
