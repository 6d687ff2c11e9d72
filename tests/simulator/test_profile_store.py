"""Cards on disk: what they write is stored, a broken file is not touched, and one program at a time has a profile."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.errors import PowerCut, SimulatorError
from dsc_simulator.profile_store import BadName, ProfileBroken, ProfileBusy, ProfileFile, Profiles

HOLD = """
import sys
from pathlib import Path
from dsc_simulator.profile_store import Profiles
with Profiles(Path(sys.argv[1])).open("work"):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "cards")


def personalized(file: ProfileFile, profile: Profile) -> None:
    for slot, data in enumerate(profile.flash().slots):
        assert data is not None
        file.flash.write(slot, data)


def log_in(card: SimulatedCard) -> str:
    return card.press("PRESS", *"1234", "OK", *"482913", "OK")


def test_the_counter_outlives_the_program(profiles: Profiles, profile: Profile, engine: str) -> None:
    responses = []
    for run in range(3):
        with profiles.open("work", engine) as file:
            if run == 0:
                personalized(file, profile)
            with SimulatedCard(engine=file.engine, flash=file.flash) as card:
                responses.append(log_in(card))
    with SimulatedCard(profile=profile) as one:
        for response in responses:
            assert response == log_in(one)
            one.press("OK")


def test_a_counter_is_on_disk_before_its_response_is_shown(profiles: Profiles, profile: Profile) -> None:
    with profiles.open("work") as file:
        personalized(file, profile)
        with SimulatedCard(flash=file.flash) as card:
            log_in(card)
            kept = json.loads(file.path.read_text())
            assert [bytes.fromhex(slot) for slot in kept["flash"]] == card.flash.slots


def test_a_torn_write_is_kept_as_it_is(profiles: Profiles) -> None:
    with profiles.open("work") as file:
        file.flash.write(0, b"old.")
        file.flash.cut_after = 2
        with pytest.raises(PowerCut):
            file.flash.write(0, b"NEW!")
        torn = file.flash.slots[0]
    assert torn not in (b"old.", b"NEW!")
    with profiles.open("work") as file:
        assert file.flash.slots[0] == torn


def test_a_disk_that_refuses_is_a_flash_that_fails(
    profiles: Profiles, profile: Profile, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with profiles.open("work", engine) as file:
        personalized(file, profile)
        before = file.path.read_bytes()
        with SimulatedCard(engine=engine, flash=file.flash) as card:
            monkeypatch.setattr(os, "fsync", full)
            assert log_in(card) == "ERROR", "no response without its counter on disk"
        assert file.path.read_bytes() == before
        assert sorted(path.name for path in profiles.folder.iterdir()) == ["work.json", "work.lock"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_only_its_owner_may_read_it(profiles: Profiles, profile: Profile) -> None:
    before = os.umask(0)
    try:
        with profiles.open("work") as file:
            personalized(file, profile)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in profiles.folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"work.json": 0o600, "work.lock": 0o600}
    assert stat.S_IMODE(profiles.folder.stat().st_mode) == 0o700


def test_nothing_is_written_before_the_card_writes(profiles: Profiles) -> None:
    with profiles.open("work") as file:
        assert file.is_new
    assert profiles.names() == []
    with profiles.open("work") as file:
        file.flash.write(0, b"x")
    with profiles.open("work") as file:
        assert not file.is_new
    assert profiles.names() == ["work"]


def test_the_engine_is_kept_until_another_is_asked_for(profiles: Profiles) -> None:
    asked = [(None, "cpython"), ("micropython", "micropython"), (None, "micropython"), ("cpython", "cpython")]
    for engine, expected in asked:
        with profiles.open("work", engine) as file:
            assert file.engine == expected
            file.flash.write(0, b"x")


CARD = b'{"format": "dscplus simulated card 1", "engine": "%s", "flash": %s}'
BROKEN = [
    *(b"", b"{", b"\xff\xfe", b"[]", b'{"format": "something else"}', b"[" * 100_000, CARD % (b"steam", b"[null, null]")),
    *(CARD % (b"cpython", flash) for flash in (b"[null]", b"[null, 7]", b'[null, "xy"]')),
]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_profile_is_kept_aside_and_left_alone(profiles: Profiles, content: bytes) -> None:
    profiles.folder.mkdir()
    path = profiles.folder / "work.json"
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(ProfileBroken) as broken, profiles.open("work"):
            pass
        assert (broken.value.path, broken.value.aside) == (path, profiles.folder / "work.broken-1")
        assert str(path) in str(broken.value)
        assert str(broken.value.aside) in str(broken.value)
    assert path.read_bytes() == broken.value.aside.read_bytes() == content


def test_a_file_that_is_too_large_for_a_card_is_left_alone_and_not_copied(profiles: Profiles) -> None:
    profiles.folder.mkdir()
    path = profiles.folder / "work.json"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    with pytest.raises(SimulatorError, match="too large"), profiles.open("work"):
        pass
    assert path.stat().st_size == 1 << 34
    assert profiles.names() == ["work"]
    assert not list(profiles.folder.glob("*.broken-*"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(profiles: Profiles) -> None:
    profiles.folder.mkdir()
    os.mkfifo(profiles.folder / "work.json")
    with pytest.raises(SimulatorError, match="not a regular file"), profiles.open("work"):
        pass


def test_what_was_kept_aside_is_never_written_over(profiles: Profiles) -> None:
    profiles.folder.mkdir()
    for number, content in enumerate((b"one", b"two", b"three"), 1):
        (profiles.folder / "work.json").write_bytes(content)
        with pytest.raises(ProfileBroken) as broken, profiles.open("work"):
            pass
        assert broken.value.aside.name == f"work.broken-{number}"
    assert [(profiles.folder / f"work.broken-{n}").read_bytes() for n in (1, 2, 3)] == [b"one", b"two", b"three"]


def test_a_second_program_is_refused_and_told_who_has_it(profiles: Profiles) -> None:
    command = [sys.executable, "-c", HOLD, str(profiles.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        refusal = rf"^profile work: another program has it open \(process {other.pid}\)$"
        with pytest.raises(ProfileBusy, match=refusal), profiles.open("work"):
            pass
        with profiles.open("home"):
            pass
        other.kill()
        assert other.wait() == -signal.SIGKILL
        with profiles.open("work"):
            pass


def test_what_a_killed_program_left_half_written_goes(profiles: Profiles) -> None:
    profiles.folder.mkdir()
    (profiles.folder / ".work.json-abc").write_text("half")
    (profiles.folder / ".home.json-abc").write_text("somebody else's")
    with profiles.open("work"):
        pass
    assert sorted(path.name for path in profiles.folder.iterdir()) == [".home.json-abc", "work.lock"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "-a", "a b", "a.json", "é", "x" * 33, "a\n"])
def test_a_name_that_is_none(profiles: Profiles, name: str) -> None:
    with pytest.raises(BadName, match=r"^profile: a name has 1 to 32 of"), profiles.open(name):
        pass
    assert not profiles.folder.exists()


def test_a_name_that_is_free(profiles: Profiles) -> None:
    assert profiles.free_name("work") == "work"
    for name in ("work", "work-2"):
        with profiles.open(name) as file:
            file.flash.write(0, b"x")
    assert profiles.free_name("work") == "work-3"
    assert len(profiles.free_name("x" * 32)) == 32
