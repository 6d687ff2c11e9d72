"""Flashing over a line that damages and delays bytes takes longer, or ends with an error about the line, not the board."""

import itertools

import pytest
from tests.host.flash import flash_boards
from tests.host.flash.board_disk import Disk
from tests.reliability import board_line
from tests.reliability.board_line import INJURIES, Injury
from tests.reliability.report import Scale

from dsc_host.errors import LinkTimeout, ProtocolError
from dsc_host.flash import BoardSession, board_session, raw_repl


@pytest.mark.parametrize("injury", INJURIES, ids=lambda injury: injury.name)
def test_an_injured_line_costs_time_and_no_more(old: Disk, injury: Injury) -> None:
    row = board_line.summarize(old, injury, 2)
    assert row.good, row


@pytest.mark.long
def test_no_promise_is_broken() -> None:
    rows = list(board_line.run(Scale.TEST))
    assert [str(row) for row in rows if not row.good] == []
    assert len(rows) == len(INJURIES)


def test_a_client_that_trusts_the_line_is_found_out(old: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_repl, "crc32", lambda data: 0)
    monkeypatch.setattr(raw_repl, "_OUTER", "import binascii\n_c = {inner!r}\nexec(_c)  # {check}\n")
    monkeypatch.setattr(raw_repl, "_INNER", raw_repl._INNER.replace("binascii.crc32(_a.encode())", "0"))
    worse = Injury("a byte in 500 flipped", flipped=1 / 500)
    assert not board_line.summarize(old, worse, 10).good


@pytest.mark.parametrize("seed", range(3))
def test_a_program_of_many_files_has_long_commands_and_answers(old: Disk, seed: int) -> None:
    large = flash_boards.program("large", parts=30)
    end = board_line.wire(old, Injury("a byte in 1,000 lost", lost=1 / 1000), seed)
    board_line.flash_over(end, large)
    assert flash_boards.start(end.disk) == "large"


def test_a_reset_in_the_middle_of_a_command_is_recovered_from(old: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    end = board_line.wire(old, Injury("none"), 1)
    monkeypatch.setattr(board_session, "_CHUNK", 64)
    with BoardSession(end, "board", clock=lambda: end.now) as session:  # type: ignore[arg-type]
        upload, resets = session._upload_piece, iter([True])

        def upload_after_reset(at: int, code: str) -> int:
            if at and next(resets, False):
                # A doubled Ctrl-D does that.
                session._line.write(b"\x04")
                session._line.read_until(b"CTRL-B to exit\r\n>", 1)
            return upload(at, code)

        monkeypatch.setattr(session, "_upload_piece", upload_after_reset)
        assert session.evaluate("x = 1\n" * 50 + "result = x") == 1
    assert next(resets, None) is None


def test_a_prompt_that_arrives_damaged_is_asked_for_again(old: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    end = board_line.wire(old, Injury("none"), 1)
    damaged, read = iter(range(3)), end.read

    def read_damaged(size: int) -> bytes:
        data = read(size)
        return data.replace(b"exit", b"xit") if b"REPL" in data and next(damaged, None) is not None else data

    monkeypatch.setattr(end, "read", read_damaged)
    board_line.flash_over(end)
    assert next(damaged, None) is None
    assert flash_boards.start(end.disk) == "new"


def test_a_worse_line_is_named(old: Disk) -> None:
    (worst,) = (injury for injury in INJURIES if injury.name == "a byte in 50 lost")
    with pytest.raises(ProtocolError, match=r"arrived damaged .* The line loses or changes bytes: use another cable"):
        board_line.flash_over(board_line.wire(old, worst, 1))


def test_a_silent_line_and_a_wrong_device_are_told_apart(old: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_session, "ENTER_SECONDS", 1.0)
    with pytest.raises(board_session.BoardStuck, match="nothing came back"):
        board_line.flash_over(board_line.wire(old, Injury("nothing arrives", lost=1.0), 1))
    modem = board_line.wire(old, Injury("none"), 1)
    monkeypatch.setattr(modem, "read", lambda size: b"C"[:size])
    monkeypatch.setattr(board_line.Wire, "in_waiting", property(lambda wire: 0))
    modem_clock = itertools.count()
    with (
        pytest.raises(board_session.BoardStuck, match="the answer is not a MicroPython prompt: C"),
        BoardSession(modem, "board", clock=lambda: next(modem_clock) / 100),  # type: ignore[arg-type]
    ):
        pass


def test_a_slow_line_may_take_longer_than_a_silent_one(old: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_session, "TOTAL_SECONDS", 15.0)
    slow = board_line.wire(old, Injury("1 s late", delay=1.0), 1)
    board_line.flash_over(slow)
    assert slow.now > 30
    stopped = board_line.wire(old, Injury("none"), 1)
    with BoardSession(stopped, "board", clock=lambda: stopped.now) as session:  # type: ignore[arg-type]
        stopped.now += 16
        with pytest.raises(LinkTimeout, match="took too long: no command was completed within 15 s"):
            session.evaluate("result = 1")
