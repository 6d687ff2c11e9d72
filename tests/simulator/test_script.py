"""Scripts: what runs, and which message a failure gives."""

import io
import json
import re
import sys
import time
from pathlib import Path

import pytest
from tests.firmware.fakes import frame
from tests.simulator.script_runs import CARD_PIN, DOCS, KEY, LOGIN, play, refused

from dsc_host import Suite
from dsc_simulator import FirmwareCrash, SimulatedCard
from dsc_simulator.scripting.script import STEPS, UNMET, ScriptError, parse_script, read_script, run_script


def test_the_example_in_docs_runs_and_passes(engine: str) -> None:
    script = read_script(DOCS / "examples" / "login.yaml")
    with script.open_card(engine=engine) as card:
        result = run_script(script, card)
    suite = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
    assert (result.exit_code, result.message(), result.failure) == (0, "", None)
    assert result.saved == {"first": suite.response(KEY, "482913", counter=0, pin="1234")}
    assert (result.steps, result.seconds, result.display) == (len(script.steps), 60, "")


def test_the_docs_show_the_example_and_list_every_step() -> None:
    text = (DOCS / "how-to" / "scripts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert (DOCS / "examples" / "login.yaml").read_text(encoding="utf-8") in blocks
    table = text.partition("| step |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z-]+)", table, re.MULTILINE)
    assert set(rows) == set(STEPS)


def test_the_programs_in_docs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = re.findall(r"```python\n(.*?)```", (DOCS / "how-to" / "scripts.md").read_text(encoding="utf-8"), re.DOTALL)
    copy = tmp_path / "docs" / "examples" / "login.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((DOCS / "examples" / "login.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    for program in programs:
        exec(compile(program, "scripts.md", "exec"), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.cast", "card.svg", "docs"]


def test_a_result_is_json() -> None:
    result = play(LOGIN + "- save-response: r\n- expect-display: NO\n")
    told = json.loads(json.dumps(result.result()))
    assert told["exit_code"] == UNMET == 42
    assert told["saved"] == {"r": result.display}
    assert (told["failure"]["line"], told["failure"]["step"], told["failure"]["shown"]) == (7, 5, result.display)


def test_steps_without_a_value_and_keys_in_every_way_of_writing_them() -> None:
    text = "- press: [PRESS, 1, '2', \"3\"]\n- expect-display: PIN>***\n- press: C\n- expect-display: 'PIN>**'\n"
    end = "- restart:\n- expect-display: ''\n- press: PRESS\n- restart\n- expect-display: \"\"\n"
    assert play(LOGIN.partition("- ")[0] + text + end).exit_code == 0


def test_saved_responses_are_filled_in_everywhere() -> None:
    twice = "- press: [OK, PRESS]\n- enter: 1234\n- send: challenge q=482913\n- press: OK\n"
    text = LOGIN + "- save-response: a\n- expect-display: ${a}\n" + twice + "- expect-display: ${a}\n"
    result = play(text)
    assert result.failure is not None
    assert result.failure.line == 12
    assert result.failure.expected == f"the display {result.saved['a']}"
    hello = "- send: hello nonce=${a}\n  expect-reply: {nonce: '${a}'}\n"
    assert play(LOGIN + "- save-response: a\n" + hello + "- press: [OK, PRESS]\n- enter: ${a}\n").exit_code == 0


def test_digits_that_are_no_response_are_not_saved() -> None:
    text = LOGIN.replace("- enter: 482913", "- press: [4, 8, 2]")
    assert play(text + "- save-response: a").exit_code == 42
    assert play(text + "- press: 9\n- save-response: a").saved == {"a": "4829"}


def test_seconds_count_from_where_the_script_begins() -> None:
    with SimulatedCard() as card:
        card.advance(100)
        assert play("steps:\n- advance: 1.5", card).seconds == 1.5


@pytest.mark.parametrize("written", ["0123", '"0123"', "'0123'"])
def test_a_leading_zero_stays_in_pins_challenges_and_displays(written: str) -> None:
    good = CARD_PIN.replace("0123", written) + f"- press: PRESS\n- enter: {written}\n- expect-display: CHALLNG>\n"
    assert play(good + f"- press: [0, 1, 2, 3]\n- expect-display: {written}\n").exit_code == 0
    # YAML 1.1 reads 0123 as this number.
    octal = CARD_PIN + "- press: PRESS\n- enter: 0083\n- expect-display: FAIL 1\n"
    assert play(octal).exit_code == 0


@pytest.mark.parametrize(
    "written", ["1_234", "0x4D2", "12:34", "1234.0", "1e3", "+1234", "0o17", "12 34", "[1, 2]", "x", "''", ""]
)
def test_what_is_no_row_of_digits_is_no_pin(written: str) -> None:
    assert re.match(
        r"a\.yaml:2: step 1: enter: must be (1 to 64 digits|one text or number)", refused(f"steps:\n- enter: {written}")
    )


@pytest.mark.parametrize(
    "written", ["010", "1_0", "0x10", "-1", "1.2345", "1e3", "soon", "86401", "86400.1", "[1]", ".inf", "9" * 30]
)
def test_seconds_are_a_plain_number(written: str) -> None:
    assert "a.yaml:2: step 1: advance: must be" in refused(f"steps:\n- advance: {written}")


@pytest.mark.parametrize("written", ["0", "0.001", "86400", "86400.0"])
def test_any_number_of_seconds_up_to_a_day(written: str) -> None:
    assert play(f"steps:\n- advance: {written}").seconds == float(written)


@pytest.mark.parametrize(
    ("step", "expected", "shown"),
    [
        ("expect-display: PIN", "the display PIN", "PIN>"),
        ("expect-display: ''", "an empty display", "PIN>"),
        ("expect-display: {matches: '[0-9]+'}", "a display that matches [0-9]+", "PIN>"),
        ("expect-display: {matches: PIN}", "a display that matches PIN", "PIN>"),
        ("save-response: r", "a response, 4 to 8 digits", "PIN>"),
        ("send: personalize", "the reply ok", "err denied the card holds a key; wipe it first"),
        ("{send: nonsense, expect-reply: {error: denied}}", "the reply error=denied", "err unknown "),
        ("{send: display, expect-reply: {error: denied}}", "the reply error=denied", "ok text=PIN>"),
        ("{send: display, expect-reply: {text: PIN}}", "the reply ok text=PIN", "ok text=PIN>"),
        ("{send: display, expect-reply: {text: PIN>, x: 1}}", "the reply ok text=PIN> x=1", "ok text=PIN>"),
        ("{send: nonsense, expect-reply: {text: PIN>}}", "the reply ok text=PIN>", "err unknown "),
    ],
)
def test_an_expectation_that_fails_says_where_and_what(step: str, expected: str, shown: str) -> None:
    result = play(LOGIN.partition("- enter")[0] + f"- {step}\n- press: PRESS\n")
    assert result.exit_code == 42
    assert result.steps == 1
    where, _, rest = result.message().partition(": expected ")
    assert where == f"a.yaml:4: step 2: {result.failure and result.failure.name}"
    words, *picture = rest.splitlines()
    assert words.startswith(f"{expected}, but it is {shown}")
    assert picture[1] == "│ PIN>     │"


@pytest.mark.parametrize(
    "step",
    [
        "send: info",
        "{send: info, expect-reply: ok}",
        "{send: info, expect-reply: {serial: A, counter: 0, locked: 0, tries: ''}}",
        "{send: nonsense, expect-reply: {error: unknown}}",
        "{send: 'set serial=B', expect-reply: {error: denied}}",
        "expect-display: {matches: '(PIN|OK).?'}",
        "expect-display: 'PIN>         '",
    ],
)
def test_an_expectation_that_is_met(step: str) -> None:
    assert play(LOGIN.partition("- enter")[0] + f"- {step}").exit_code == 0


def test_what_a_request_is_answered_stays_on_the_line() -> None:
    with SimulatedCard() as card:
        play_on = parse_script(b"steps: [{send: info}]")
        assert run_script(play_on, card).exit_code == 0
        assert b"<1 ok serial= " in card.receive()


def test_only_the_reply_to_this_request_counts_and_only_if_its_check_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        frame("!5 display text=x"),
        frame("<7 ok text=a"),
        b"<1 ok text=b*00000000\n",
        b"\n\xff",
        frame("<1 ok text=c%20d"),
    ]
    monkeypatch.setattr(SimulatedCard, "send", lambda card, _: card._tell("out", b"".join(lines)))
    assert play("steps:\n- send: display\n  expect-reply: {text: c d}").exit_code == 42
    lines.insert(-1, b"\n")
    assert play("steps:\n- send: display\n  expect-reply: {text: c d}").message() == ""


def test_a_cut_leaves_a_dark_card_until_restart(engine: str) -> None:
    text = LOGIN.replace("- enter: 482913", "- press: [4, 8, 2, 9, 1, 3]\n- cut-power: 0\n- press: OK")
    dark = "- expect-display: ''\n- press: PRESS\n- enter: 1\n- advance: 5\n- expect-display: ''\n"
    script = parse_script((text + dark + "- restart\n- press: PRESS\n- expect-display: PIN>\n").encode())
    with script.open_card(engine=engine) as card:
        result = run_script(script, card)
        assert (result.exit_code, result.power_cuts, result.seconds) == (0, 1, 5)


def test_a_dark_card_answers_nothing_and_the_words_say_why() -> None:
    dark = LOGIN.replace("- enter: 482913", "- cut-power: 0\n- enter: 482913")
    assert "but it is no reply" in play(dark + "- send: info").message()
    assert (
        "but it is empty (the power is off; `restart` switches it on again)" in play(dark + "- expect-display: PIN>").message()
    )


def test_a_cut_that_is_not_reached_cuts_nothing() -> None:
    result = play(LOGIN.replace("- enter: 4", "- cut-power: 1000000\n- enter: 4") + "- save-response: a")
    assert (result.exit_code, result.power_cuts) == (0, 0)


def test_a_firmware_that_crashes_is_no_expectation(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> str:
        raise FirmwareCrash("MemoryError()")

    monkeypatch.setattr(SimulatedCard, "enter", crash)
    result = play(LOGIN)
    assert (result.exit_code, result.steps) == (1, 1)
    assert result.message().startswith("a.yaml:4: step 2: enter: MemoryError()\n╭")


def test_screenshots_are_written_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    result = play(LOGIN + "- screenshot: in/a.svg\n", folder=tmp_path)
    assert result.screenshots == ("in/a.svg",)
    assert f"display: {result.display}</title>" in (tmp_path / "in" / "a.svg").read_text()


def test_a_screenshot_that_can_not_be_written_is_refused_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("mine")
    (tmp_path / "d.svg").mkdir()
    (tmp_path / "link.svg").symlink_to("a.svg")
    for name, words, options in (
        ("a.svg", "already exists", {}),
        ("d.svg", "is not a regular file", {"overwrite": True}),
        ("link.svg", "is not a regular file", {"overwrite": True}),
        ("no/a.svg", "there is no folder", {}),
    ):
        with SimulatedCard() as card:
            with pytest.raises(ScriptError, match=words):
                run_script(
                    parse_script(f"steps: [press: PRESS, screenshot: {name}]".encode()), card, folder=tmp_path, **options
                )
            assert card.display == ""
    assert (tmp_path / "a.svg").read_text() == "mine"
    assert play("steps:\n- screenshot: a.svg", folder=tmp_path, overwrite=True).exit_code == 0
    assert (tmp_path / "a.svg").read_text().startswith("<svg ")


def test_a_picture_that_appears_meanwhile_stays_what_it_is(tmp_path: Path) -> None:
    script = parse_script(b"steps: [press: PRESS, screenshot: a.svg]")
    with SimulatedCard() as card:
        result = run_script(script, card, folder=tmp_path, tell=lambda _: (tmp_path / "a.svg").write_text("theirs") and None)
    assert (result.exit_code, result.screenshots) == (1, ())
    assert f"screenshot: {tmp_path / 'a.svg'}: already exists\n" in result.message()
    assert (tmp_path / "a.svg").read_text() == "theirs"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_a_terminal(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", err := io.StringIO())
    monkeypatch.setattr(err, "isatty", lambda: terminal)
    script = parse_script((LOGIN + "- comment: Now\n").encode())
    with script.open_card() as card:
        run_script(script, card)
    lines = err.getvalue().splitlines()
    assert lines[1:2] + lines[3:] == (["   2 enter           CHALLNG>", "Now"] if terminal else [])
    assert "1234" not in err.getvalue()
    assert capsys.readouterr().out == ""


def test_no_real_time_passes() -> None:
    began = time.process_time()
    assert play("steps:\n" + "- advance: 86400\n" * 100).seconds == 8640000
    assert time.process_time() - began < 5
