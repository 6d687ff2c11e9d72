"""Recordings: what they contain, their two formats, and their files."""

import errno
import gc
import json
import os
import re
import weakref
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dsc_simulator import PowerCut, Profile, SimulatedCard
from dsc_simulator.drawings.card import text
from dsc_simulator.scripting import recording
from dsc_simulator.scripting.recording import Moment, Recorder, Recording, RecordingError, asciicast, strip, write_file

SVG = "{http://www.w3.org/2000/svg}"
PROFILE = Profile(serial="A-1", key=bytes(range(32)))
LOGIN = ["", "PIN>", *(f"PIN>{'*' * n}" for n in range(1, 5)), "CHALLNG>", *("482913"[:n] for n in range(1, 7)), "#", ""]


def session(card: SimulatedCard) -> Recording:
    """Do a login, and wait the minute after which the card switches itself off."""
    with Recorder(card) as recorder:
        card.press("PRESS", *"1234", "OK")
        card.advance(10)
        card.enter("482913")
        card.advance(75.5)
    return recorder.recording()


def recorded(engine: str = "cpython") -> Recording:
    with SimulatedCard(engine=engine, profile=PROFILE, seed=1) as card:
        return session(card)


def shown(record: Recording) -> list[str]:
    return [re.sub("[0-9]{8}", "#", moment.shown) for moment in record.moments]


def keys(record: Recording) -> list[str]:
    return [key for moment in record.moments for key in moment.keys] + list(record.pending)


def test_every_display_every_key_and_the_cards_own_time(engine: str) -> None:
    record = recorded(engine)
    assert shown(record) == LOGIN
    assert keys(record) == ["PRESS", *"1234", "OK", *"482913", "OK"]
    assert [moment.ms for moment in record.moments] == [0] * 7 + [10_000] * 7 + [70_000]
    assert [moment.keys_so_far for moment in record.moments] == [*range(14), 13]
    assert (record.ms, record.complete) == (85_500, True)


def test_a_card_works_the_same_while_it_is_recorded_and_afterwards() -> None:
    with SimulatedCard(profile=PROFILE, seed=1) as plain, SimulatedCard(profile=PROFILE, seed=1) as card:
        plain.press("PRESS", *"1234", "OK")
        session(card)
        assert card.press("PRESS", *"1234", "OK") == "CHALLNG>"
        plain.enter("482913")
        assert card.enter("000000") == (plain.press("OK", "PRESS"), plain.enter("1234"), plain.enter("000000"))[-1]


def test_a_recording_begins_with_what_is_shown_and_ends_when_it_is_stopped() -> None:
    with SimulatedCard(profile=PROFILE) as card:
        card.advance(5)
        card.press("PRESS")
        recorder = Recorder(card)
        card.press("1")
        recorder.stop()
        recorder.stop()
        card.press("2")
        card.restart()
        card.advance(5)
        assert recorder.recording() == Recording((Moment(0, "PIN>"), Moment(0, "PIN>*", ("1",), 1)), 0)


def test_keys_that_change_nothing_are_kept_too() -> None:
    with SimulatedCard(profile=PROFILE) as card, Recorder(card) as recorder:
        card.press("OK", "5")
    record = recorder.recording()
    assert record == Recording((Moment(0, ""),), 0, pending=("OK", "5"))
    assert (pictures(strip(record)), captions(strip(record))) == ([""], [])


def test_a_restart_and_a_power_cut_do_not_end_it(engine: str) -> None:
    with SimulatedCard(engine=engine, profile=PROFILE) as card, Recorder(card) as recorder:
        card.press("PRESS")
        card.restart()
        card.press("PRESS", *"1234", "OK")
        card.cut_power(0)
        with pytest.raises(PowerCut):
            card.enter("482913")
        card.restart()
        card.press("PRESS", "1")
    record = recorder.recording()
    assert shown(record)[:4] == ["", "PIN>", "", "PIN>"]
    assert shown(record)[-3:] == ["", "PIN>", "PIN>*"]
    assert keys(record).count("restart") == 2
    assert record.moments[2].keys == ("restart",)
    assert record.moments[-2].keys == ("restart", "PRESS")


def test_two_recorders_of_one_card() -> None:
    with SimulatedCard(profile=PROFILE) as card, Recorder(card) as outer:
        card.press("PRESS")
        with Recorder(card) as inner:
            card.press("1")
        card.press("2")
    assert shown(inner.recording()) == ["PIN>", "PIN>*"]
    assert shown(outer.recording()) == ["", "PIN>", "PIN>*", "PIN>**"]
    assert keys(outer.recording()) == ["PRESS", "1", "2"]


def test_a_recorder_behind_another_stops_too() -> None:
    with SimulatedCard(profile=PROFILE) as card:
        behind, before = Recorder(card), Recorder(card)
        behind.stop()
        card.press("PRESS", "1")
    assert (shown(behind.recording()), keys(behind.recording())) == ([""], [])
    assert shown(before.recording()) == ["", "PIN>", "PIN>*"]


def test_nothing_stands_before_the_board_once_a_recorder_has_stopped() -> None:
    with SimulatedCard(profile=PROFILE) as card:
        display, keypad = card.board.display, card.board.keypad
        first, second = Recorder(card), Recorder(card)
        second.stop()
        first.stop()
        card.press("PRESS")
        assert (card.board.display, card.board.keypad) == (display, keypad)


def test_a_recorder_that_has_stopped_is_not_kept_by_the_card() -> None:
    card = SimulatedCard()
    recorder = Recorder(card)
    kept = weakref.ref(recorder)
    recorder.stop()
    del recorder
    gc.collect()
    assert kept() is None
    card.press("PRESS")


def test_what_no_recording_could_hold_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_EVENTS", 4)
    record = recorded()
    assert (shown(record), keys(record), record.complete) == (["", "PIN>"], ["PRESS", "1"], False)


@pytest.mark.parametrize("cells", [b"\x1b[31m\0<&", b"\xff" * 8])
def test_a_display_that_no_firmware_should_show(cells: bytes) -> None:
    with SimulatedCard() as card, Recorder(card) as recorder:
        card.board.display.show(cells)
    record = recorder.recording()
    assert record.moments[-1].shown.isprintable()
    assert ElementTree.fromstring(strip(record)).tag == f"{SVG}svg"
    assert all(json.loads(line) for line in asciicast(record).splitlines())


def test_an_asciicast_is_lines_of_json_for_a_terminal_of_its_size() -> None:
    record = recorded()
    head, *events = (json.loads(line) for line in asciicast(record, title="A login").splitlines())
    assert (head["version"], head["title"]) == (2, "A login")
    assert "timestamp" not in head
    assert len(events) == len(record.moments) + 1
    for at, kind, data in events[:-1]:
        assert (type(at), kind) == (float, "o")
        lines = data.removeprefix("\x1b[2J\x1b[H").split("\r\n")
        assert "\x1b" not in "".join(lines)
        assert len(lines) <= head["height"]
        assert max(map(len, lines)) <= head["width"]
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(events))


def test_an_asciicast_draws_each_display_with_its_keys_and_gives_every_key_time() -> None:
    record = recorded()
    events = [json.loads(line) for line in asciicast(record, key_seconds=0.5).splitlines()[1:]]
    for moment, (at, _, data) in zip(record.moments, events, strict=False):
        assert at == moment.ms / 1000 + moment.keys_so_far * 0.5
        assert "\r\n".join(text(moment.shown).splitlines()) in data
    assert [events[i][2].split("\r\n")[-1].strip() for i in (0, 1, 2, 6, 13, 14)] == ["", "press", "1", "OK", "OK", ""]
    assert events[-1] == [85.5 + 13 * 0.5, "o", ""]


def test_an_asciicast_lets_its_last_display_be_seen() -> None:
    with SimulatedCard(profile=PROFILE) as card, Recorder(card) as recorder:
        card.press("PRESS")
    times = [json.loads(line)[0] for line in asciicast(recorder.recording()).splitlines()[1:]]
    assert times == [0.0, 0.3, 1.3]


def test_many_keys_fit_into_the_terminal() -> None:
    record = Recording((Moment(0, ""), Moment(0, "PIN>", ("OK",) * 99, 99)), 0)
    caption = json.loads(asciicast(record).splitlines()[2])[2].split("\r\n")[-1]
    assert caption.endswith("…")
    assert len(caption) <= recording.CAST_WIDTH


def pictures(document: str) -> list[str]:
    """Return what the cards of a strip show, from left to right."""
    root = ElementTree.fromstring(document)
    titles = [(group.get("transform", ""), group.findtext(f"{SVG}svg/{SVG}title", "")) for group in root.findall(f"{SVG}g")]
    places = [float(re.findall(r"[0-9.]+", place)[0]) for place, _ in titles]
    assert places == sorted(set(places))
    return [re.sub("[0-9]{8}", "#", title.partition("display: ")[2].replace("off", "")) for _, title in titles]


def captions(document: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(document).findall(f"{SVG}text")]


def test_a_strip_is_a_row_of_all_displays_with_the_keys_between() -> None:
    document = strip(recorded())
    assert pictures(document) == LOGIN
    assert captions(document) == ["press", *"1234", "OK", *"482913", "OK", "60 s"]


def test_a_strip_without_typing() -> None:
    document = strip(recorded(), typing=False)
    assert pictures(document) == ["", "PIN>", "CHALLNG>", "#", ""]
    assert captions(document) == ["press", "1234 OK", "482913 OK", "60 s"]


def test_the_story_of_a_strip_names_the_keys_after_its_last_display() -> None:
    with SimulatedCard(profile=PROFILE) as card, Recorder(card) as recorder:
        card.press("PRESS", *"12", "C", "OK")
        card.press("3")
    for typing in (True, False):
        story = ElementTree.fromstring(strip(recorder.recording(), typing=typing)).findtext(f"{SVG}desc", "")
        assert "".join(re.findall(r"(?<=[:;] )(?:press|[0-9 COK]+)(?=:|$)", story)).replace(" ", "") == "press12COK3", story


def test_a_strip_tells_its_story_and_is_as_wide_as_what_is_on_it() -> None:
    root = ElementTree.fromstring(strip(recorded(), typing=False))
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title")
    story = re.sub("[0-9]{8}", "#", root.findtext(f"{SVG}desc", ""))
    assert story == "display: off; press: PIN>; 1234 OK: CHALLNG>; 482913 OK: #; 60 s: off"
    width, height = (float(root.get(name, "")) for name in ("width", "height"))
    assert root.get("viewBox") == f"0 0 {width} {height}"
    last = root.findall(f"{SVG}g")[-1]
    card = last.find(f"{SVG}svg")
    assert card is not None
    x, _, scale = (float(number) for number in re.findall(r"[0-9.]+", last.get("transform", "")))
    ends = (x + float(card.get("width", "")) * scale, float(card.get("height", "")) * scale)
    assert ends == pytest.approx((width, height))


def test_keys_that_changed_nothing_stand_before_the_next_display() -> None:
    with SimulatedCard(profile=PROFILE) as card, Recorder(card) as recorder:
        card.press("OK", "C", "PRESS")
        card.press(*["OK"] * 9, "PRESS")
    first, second = captions(strip(recorder.recording()))
    assert first == "OK C press"
    assert second == "OK OK OK OK OK …"


def test_the_same_session_gives_the_same_bytes() -> None:
    first, second = recorded(), recorded()
    assert strip(first) == strip(second)
    assert asciicast(first) == asciicast(second)


def test_a_file_is_written_as_it_is_and_only_replaced_if_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    write_file(path, "ä\nb\n")
    assert path.read_bytes() == "ä\nb\n".encode()
    with pytest.raises(RecordingError, match=rf"^{re.escape(str(path))}: already exists$"):
        write_file(path, "new")
    assert path.read_bytes() == "ä\nb\n".encode()
    write_file(path, "new", overwrite=True)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.svg"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions, and not everybody may make a link there")
def test_a_file_that_is_replaced_keeps_its_permissions_and_a_link_is_refused(tmp_path: Path) -> None:
    path, link = tmp_path / "a.svg", tmp_path / "link.svg"
    path.write_text("old")
    path.chmod(0o600)
    write_file(path, "new", overwrite=True)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    link.symlink_to(path)
    with pytest.raises(RecordingError, match="is not a regular file"):
        write_file(link, "newer", overwrite=True)
    assert (path.read_text(), link.is_symlink()) == ("new", True)


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("raced", [True, False])
def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, links: bool, raced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.svg"
    link = os.link

    def race(scratch: Path, target: Path) -> None:
        if raced:
            target.write_text("theirs")
        if not links:  # A file system without hard links.
            raise PermissionError(errno.EPERM, "no links here")
        link(scratch, target)

    monkeypatch.setattr(os, "link", race)
    with pytest.raises(RecordingError, match="already exists") if raced else nullcontext():
        write_file(path, "mine")
    assert path.read_text() == ("theirs" if raced else "mine")
    assert os.listdir(tmp_path) == ["a.svg"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, overwrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.svg"
    if overwrite:
        path.write_text("mine")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordingError, match=r"a\.svg: No space left on device"):
        write_file(path, "new", overwrite=overwrite)
    assert [entry.read_text() for entry in tmp_path.iterdir()] == (["mine"] if overwrite else [])


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "d.svg").mkdir()
    for path, words in ((tmp_path / "d.svg", "is not a regular file"), (Path(os.devnull), "is not a regular file")):
        with pytest.raises(RecordingError, match=words):
            write_file(path, "", overwrite=True)
    (tmp_path / "d.svg").rmdir()
    with pytest.raises(RecordingError, match="No such file or directory"):
        write_file(tmp_path / "no" / "a.svg", "")
    for name in ("a\0b", "", "/"):
        with pytest.raises(RecordingError):
            write_file(Path(name), "")
    assert os.listdir(tmp_path) == []
