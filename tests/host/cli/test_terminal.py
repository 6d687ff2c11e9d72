"""The command in a terminal and in a pipe: Ctrl-C, prompts that show no secret, and output that cannot be written."""

import os
import re
import select
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from io import StringIO
from pathlib import Path

import pytest
from tests.host.command_runner import KEY, PIN, Command, needs_pty, stop

from dsc_host import MasterKey
from dsc_host.cli import prompts
from dsc_host.cli.main import run

_DEFAULT = "import signal; signal.signal(signal.{0}, signal.SIG_DFL)"
PATIENCE = 60
"""The seconds to wait on a busy machine. Nothing normally takes that long."""


def _read(file: int) -> bytes:
    assert select.select([file], [], [], PATIENCE)[0], "nothing came"
    return os.read(file, 100)


class CtrlC(StringIO):
    def readline(self, *_: object) -> str:
        raise KeyboardInterrupt


def test_ctrl_c_while_it_asks(dscplus: Command) -> None:
    path = dscplus.with_records()
    assert dscplus.refused("enroll", "IB1", stdin=CtrlC(), code=130) == "stopped"
    assert not path.exists()


def test_ctrl_c_before_there_is_a_command(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["dsc_host.cli.main"], "command", stop)
    assert dscplus("list").code == 130


@needs_pty
def test_ctrl_c_while_it_waits_for_a_card() -> None:
    ours, theirs = os.openpty()
    # The parent of the test run may have disabled SIGINT for its children.
    program = (
        "import signal, dsc_host as d, dsc_host.cli.main as c; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"d.CardClient.open.__func__.__kwdefaults__['timeout'] = {PATIENCE}; c.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "info", "--card", os.ttyname(theirs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert _read(ours), "it has asked the card"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out, err) == (130, b"", b"Error: stopped\n")


@needs_pty
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_at_a_secret_prompt_leaves_a_terminal_that_shows_input(dscplus: Command, name: str) -> None:
    import termios

    path = dscplus.with_records()
    ours, theirs = os.openpty()
    with subprocess.Popen(
        # The parent of the test run may have disabled SIGHUP for its children.
        [sys.executable, "-c", f"{_DEFAULT.format(name)}; from dsc_host.cli.main import main; main()", "enroll", "IB1"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stderr
        asked = b""
        while not asked.endswith(b": "):
            asked += _read(process.stderr.fileno())
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=PATIENCE)
    shows_input = termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out, err.splitlines()[-1], bool(shows_input)) == (
        -getattr(signal, name),
        b"",
        b"Error: stopped",
        True,
    )
    assert not path.exists()


@needs_pty
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_in_the_middle_of_a_change_leaves_no_lock(dscplus: Command, name: str) -> None:
    path = dscplus.folder / "master.key"
    MasterKey.generate().write(path)
    # The second signal, as a closed terminal sends it, comes while the first one is obeyed.
    program = (
        f"{_DEFAULT.format(name)}; import dsc_host.cli.key as key, dsc_host.cli.main as main\n"
        "class Keyring(key.Keyring):\n"
        f"    def write(self, path): signal.raise_signal(signal.{name})\n"
        "end = key.Path.unlink\n"
        f"key.Path.unlink = lambda *a, **k: (signal.raise_signal(signal.{name}), end(*a, **k))\n"
        "key.Keyring = Keyring\n"
        "main.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "key", "add", "--master-key", path], capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (-getattr(signal, name), b"Error: stopped\n")
    assert sorted(each.name for each in dscplus.folder.iterdir()) == ["master.key"]


@needs_pty
def test_a_signal_that_the_parent_process_ignores(dscplus: Command) -> None:
    dscplus.with_records()
    program = (
        "import signal, dsc_host.cli.main as main; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "main.run = lambda _: signal.raise_signal(signal.SIGHUP) or 7; main.main()"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=PATIENCE, check=False).returncode == 7


@needs_pty
def test_a_terminal_is_asked_and_shows_no_secret(dscplus: Command) -> None:
    dscplus.with_records()
    ours, theirs = os.openpty()
    with (
        subprocess.Popen(
            [sys.executable, "-c", "from dsc_host.cli.main import main; main()", "enroll", "IB1"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Otherwise the command would ask at the terminal of the test run.
        ) as process,
        ExitStack() as stack,
    ):
        assert process.stdout
        assert process.stderr
        stack.callback(process.kill)
        asked = b""
        for answer in (KEY.hex(), PIN, PIN):
            # The space after the colon appears once the terminal no longer shows the input.
            while not asked.endswith(b": "):
                asked += _read(process.stderr.fileno())
            os.write(ours, f"{answer}\n".encode())
            asked += b"\n"
        out, err = process.communicate(timeout=PATIENCE)
    os.set_blocking(ours, False)
    with suppress(BlockingIOError, OSError):
        assert os.read(ours, 1000).strip() == b""
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out.split()[:2]) == (0, [b"serial", b"IB1"])
    assert re.findall(rb"[A-Z][\w ]+(?=: )", asked) == [b"Key", b"PIN", b"Repeat for confirmation"]
    assert dscplus.enrolled() == ["IB1"]
    dscplus.printed += [asked.decode(), out.decode(), err.decode()]


def test_bytes_that_are_no_text_at_a_secret_prompt(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    monkeypatch.setattr(prompts, "_at_terminal", lambda: True)
    # The terminal's own reading of a secret decodes what was pasted.
    monkeypatch.setattr("typer.prompt", lambda *_, **__: b"\xff\xfe".decode())
    assert dscplus.refused("enroll", "IB1") == "key: must be text in the encoding of the terminal"


def test_an_error_cannot_change_the_terminal(dscplus: Command) -> None:
    error = dscplus.refused("import", "\x1b]0;title\x07.xml")
    assert r"\x1b]0;title\x07.xml cannot be read" in error


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
@pytest.mark.parametrize(("command", "code"), [
    (["card", "list", "--db", "sqlite:///{}"], 1), (["phone", "users", "--app", "{}"], 2),
])  # fmt: skip
def test_a_pipe_in_place_of_a_file_is_refused_at_once(dscplus: Command, command: list[str], code: int) -> None:
    dscplus.with_records()
    pipe = dscplus.folder / "pipe"
    os.mkfifo(pipe)
    assert f"{pipe} is a pipe; name a file" in dscplus.refused(*(each.format(pipe) for each in command), code=code)


def test_a_reader_that_has_seen_enough() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from dsc_host.cli.main import main; main()", "--version"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_full_disk_under_the_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run(["--version"]) == 1
    assert capsys.readouterr().err == "Error: No space left on device\n"
