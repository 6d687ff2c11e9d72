"""Scripts: what runs, what fails with which words, and what is refused before anything runs."""

import io
import json
import re
import sys
import time
from binascii import crc32
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dsc_host import Suite
from dsc_simulator import FirmwareCrash, Flash, Profile, SimulatedCard
from dsc_simulator.board import Entropy
from dsc_simulator.script import (
    MAX_BYTES,
    STEPS,
    UNMET,
    Script,
    ScriptError,
    ScriptResult,
    parse_script,
    read_script,
    run_script,
)

DOCS = Path(__file__).parents[2] / "docs"
KEY = bytes(range(32))
LOGIN = f"card: {{serial: A, key: {KEY.hex()}}}\nsteps:\n- press: PRESS\n- enter: 1234\n- enter: 482913\n"
CARD_PIN = f"card: {{serial: A, key: {KEY.hex()}, pin-policy: card, pin: 0123, tries: 2}}\nsteps:\n"


def play(text: str, card: SimulatedCard | None = None, **options: object) -> ScriptResult:
    script = parse_script(text.encode(), "a.yaml")
    told: list[str] = []
    with card or script.open_card() as on:
        return run_script(script, on, tell=told.append, **options)  # type: ignore[arg-type]


def refused(text: str | bytes) -> str:
    with pytest.raises(ScriptError) as caught:
        parse_script(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    assert caught.value.__cause__ is None
    return str(caught.value)


# ---- what runs ----


def test_the_example_in_docs_runs_and_passes(engine: str) -> None:
    script = read_script(DOCS / "examples" / "login.yaml")
    with script.open_card(engine=engine) as card:
        result = run_script(script, card)
    suite = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
    assert (result.exit_code, result.message(), result.failure) == (0, "", None)
    assert result.saved == {"first": suite.response(KEY, "482913", counter=0, pin="1234")}
    assert (result.steps, result.seconds, result.display) == (len(script.steps), 60, "")


def test_the_docs_show_the_example_and_list_every_step() -> None:
    text = (DOCS / "scripts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert (DOCS / "examples" / "login.yaml").read_text(encoding="utf-8") in blocks
    table = text.partition("| step |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z-]+)", table, re.MULTILINE)
    assert set(rows) == set(STEPS)


def test_the_programs_in_docs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = re.findall(r"```python\n(.*?)```", (DOCS / "scripts.md").read_text(encoding="utf-8"), re.DOTALL)
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
    assert (told["failure"]["line"], told["failure"]["step"], told["failure"]["shown"]) == (7, 5, repr(result.display))


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
    assert result.failure.expected == f"the display '{result.saved['a']}'"
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


# ---- numbers as they are written ----


@pytest.mark.parametrize("written", ["0123", '"0123"', "'0123'"])
def test_a_leading_zero_stays_in_pins_challenges_and_displays(written: str) -> None:
    good = CARD_PIN.replace("0123", written) + f"- press: PRESS\n- enter: {written}\n- expect-display: CHALLNG>\n"
    assert play(good + f"- press: [0, 1, 2, 3]\n- expect-display: {written}\n").exit_code == 0
    # What YAML 1.1 reads 0123 as.
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


# ---- expectations ----


@pytest.mark.parametrize(
    ("step", "expected", "shown"),
    [
        ("expect-display: PIN", "the display 'PIN'", "'PIN>'"),
        ("expect-display: ''", "the display ''", "'PIN>'"),
        ("expect-display: {matches: '[0-9]+'}", "a display that matches [0-9]+", "'PIN>'"),
        ("expect-display: {matches: PIN}", "a display that matches PIN", "'PIN>'"),
        ("save-response: r", "a response, 4 to 8 digits", "'PIN>'"),
        ("send: personalize", "the reply ok", "'err denied the card holds a key; wipe it first'"),
        ("{send: nonsense, expect-reply: {error: denied}}", "the reply error=denied", "'err unknown "),
        ("{send: display, expect-reply: {error: denied}}", "the reply error=denied", "'ok text=PIN>'"),
        ("{send: display, expect-reply: {text: PIN}}", "the reply ok text=PIN", "'ok text=PIN>'"),
        ("{send: display, expect-reply: {text: PIN>, x: 1}}", "the reply ok text=PIN> x=1", "'ok text=PIN>'"),
        ("{send: nonsense, expect-reply: {text: PIN>}}", "the reply ok text=PIN>", "'err unknown "),
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
    def checked(text: str) -> str:
        return f"{text}*{crc32(text.encode()):08x}\n"

    lines = [
        checked("!5 display text=x"),
        checked("<7 ok text=a"),
        "<1 ok text=b*00000000\n",
        "\n\xff",
        checked("<1 ok text=c%20d"),
    ]
    monkeypatch.setattr(SimulatedCard, "send", lambda card, _: card._tell("out", "".join(lines).encode("latin-1")))
    assert play("steps:\n- send: display\n  expect-reply: {text: c d}").exit_code == 42
    lines.insert(-1, "\n")
    assert play("steps:\n- send: display\n  expect-reply: {text: c d}").message() == ""


# ---- power ----


def test_a_cut_leaves_a_dark_card_until_restart(engine: str) -> None:
    text = LOGIN.replace("- enter: 482913", "- press: [4, 8, 2, 9, 1, 3]\n- cut-power: 0\n- press: OK")
    dark = "- expect-display: ''\n- press: PRESS\n- enter: 1\n- advance: 5\n- expect-display: ''\n"
    script = parse_script((text + dark + "- restart\n- press: PRESS\n- expect-display: PIN>\n").encode())
    with script.open_card(engine=engine) as card:
        result = run_script(script, card)
        assert (result.exit_code, result.power_cuts, result.seconds) == (0, 1, 5)


def test_a_dark_card_answers_nothing_and_the_words_say_why() -> None:
    dark = LOGIN.replace("- enter: 482913", "- cut-power: 0\n- enter: 482913")
    assert "but it is 'no reply'" in play(dark + "- send: info").message()
    assert "but it is '' (the power is off; `restart` brings it back)" in play(dark + "- expect-display: PIN>").message()


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


# ---- pictures and progress ----


def test_screenshots_are_written_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    result = play(LOGIN + "- screenshot: in/a.svg\n", folder=tmp_path)
    assert result.screenshots == ("in/a.svg",)
    assert f"display: {result.display}</title>" in (tmp_path / "in" / "a.svg").read_text()


def test_a_screenshot_that_can_not_be_written_is_refused_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("mine")
    (tmp_path / "d.svg").mkdir()
    for name, words, options in (
        ("a.svg", "exists already", {}),
        ("d.svg", "is no plain file", {"overwrite": True}),
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
    assert f"screenshot: {tmp_path / 'a.svg'}: exists already\n" in result.message()
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


# ---- the card ----


def test_a_card_section_is_the_card_itself() -> None:
    text = f"card: {{serial: X-1, key: {KEY.hex()}, pin-policy: card, pin: 0007, tries: 3, unlock-key: random, counter: 41}}\n"
    script = parse_script((text + "steps: [{send: info}]").encode())
    assert script.card is not None
    made = script.card.profile
    assert made is not None
    assert (made.serial, made.key, made.pin, made.tries, made.counter) == ("X-1", KEY, "0007", 3, 41)
    assert made.suite == "OCRA-1:HOTP-SHA256-8:C-QN06"
    assert len(made.unlock_key or b"") == 32


def random_key(head: str) -> bytes:
    card = parse_script(f"card: {{serial: X, key: random{head}}}\nsteps: [restart]".encode()).card
    assert card is not None
    assert card.profile is not None
    assert len(card.profile.key) == 32
    return card.profile.key


def test_a_random_key_is_the_same_only_for_the_same_seed() -> None:
    assert random_key(", seed: 1") == random_key(", seed: 1") != random_key(", seed: 2")
    assert random_key("") != random_key("")


def test_a_key_is_not_among_the_random_numbers_that_the_card_gives_away() -> None:
    assert random_key(", seed: 1") not in Entropy(1).read(4096)


def test_a_card_with_engine_and_seed_alone_is_blank_and_the_caller_goes_first() -> None:
    script = parse_script(b"card: {engine: micropython, seed: 3}\nsteps: [{press: PRESS}, {expect-display: NO KEY}]")
    with script.open_card(engine="cpython", seed=1) as card, SimulatedCard(seed=1) as other:
        assert card.engine == "cpython"
        assert card.board.entropy.read(8) == other.board.entropy.read(8)
        assert run_script(script, card).exit_code == 0


def test_a_profile_of_the_callers() -> None:
    profile = Profile(serial="B", key=KEY)
    plain = parse_script(b"steps: [{send: info, expect-reply: {serial: B}}]")
    with plain.open_card(profile=profile) as card:
        assert run_script(plain, card).exit_code == 0
    with pytest.raises(ScriptError, match=r"a\.yaml: describes a card of its own"):
        parse_script(LOGIN.encode(), "a.yaml").open_card(profile=profile)


def test_the_largest_counter() -> None:
    most = 2**64 - 2
    text = LOGIN.replace("serial: A", f"serial: A, counter: {most}")
    assert play(text.partition("- ")[0] + f"- send: info\n  expect-reply: {{counter: {most}}}").exit_code == 0


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("{serial: a, key: random}", "1: card: serial: 1 to 16 of A-Z, 0-9 and -"),
        ("{key: random}", "1: card: serial: 1 to 16"),
        ("{serial: A}", "1: card: key: "),
        ("{serial: A, key: 00ff}", "1: card: key: 16 to 64 bytes in hex"),
        ("{serial: A, key: 0x0}", "1: card: key: must be hex digits"),
        ("\n  serial: A\n  key: random\n  pin: 1234", "4: card: pin: with pin-policy: card only"),
        ("\n  serial: A\n  key: random\n  pin-policy: card", "2: card: pin: must be set with pin-policy: card"),
        ("\n  serial: A\n  key: random\n  pin-policy: card\n  pin: 123", "5: card: pin: 4 digits"),
        ("\n  serial: A\n  key: random\n  pin-policy: both", "4: card: pin-policy: ocra or card"),
        ("\n  serial: A\n  key: random\n  suite: OCRA-2", "4: card: suite: "),
        ("\n  serial: A\n  key: random\n  unlock-key: 00", "4: card: unlock-key: "),
        ("\n  serial: A\n  key: random\n  counter: 010", "4: counter: must be a number from 0 to 18446744073709551614"),
        (f"\n  serial: A\n  key: random\n  counter: {2**64 - 1}", "4: counter: must be"),
        ("\n  seed: 1.5", "2: seed: must be a number"),
        ("\n  engine: cpp", "2: engine: must be cpython or micropython"),
        ("\n  colour: red", "2: card: there is no 'colour'; there are serial, key, suite"),
        ("A", "1: card: must be `name: value`, of serial, "),
        ("{seed: 1, seed: 1}", "1: card: 'seed' stands here twice"),
    ],
)
def test_a_card_that_can_not_be(section: str, words: str) -> None:
    error = refused(f"card: {section}\nsteps: [restart]")
    assert error.startswith(f"a.yaml:{words}")
    assert "step" not in error


# ---- mistakes ----


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("jump: 1", "a step: there is no 'jump'; there are press, enter, expect-display, "),
        ("press", "a step: must be `name: value`, of press, enter"),
        ("", "a step: must be"),
        ("[press]", "a step: must be"),
        ("{press: OK, enter: 1}", "a step does one thing"),
        ("{press: OK, expect-reply: ok}", "a step does one thing; only `send`"),
        ("{expect-reply: ok}", "a step does one thing"),
        ("{}", "a step does one thing"),
        ("{press: OK, press: OK}", "a step: 'press' stands here twice"),
        ("{[a]: b}", "a step: must be one text or number"),
        ("press: ok", "press: must be of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, OK, C, PRESS, not 'ok'; `enter` types many digits"),
        ("press: 1234", "press: must be of"),
        ("press: 00", "press: must be of"),
        ("press:", "press: must be one text or number"),
        ("press: []", "press: 1 to 64 keys"),
        ("press: [[1]]", "press: must be one text"),
        ("press: {a: b}", "press: must be one text"),
        ("press: [" + "1," * 65 + "]", "press: 1 to 64 keys"),
        ("enter: " + "1" * 65, "enter: must be 1 to 64 digits"),
        ("enter: ${first}", "enter: nothing has been saved as first before"),
        ("enter: ${First}", "enter: ${name} must be a name that `save-response` gave"),
        ("expect-display: CHALLENG>", "expect-display: a display shows at most 8 characters"),
        ("expect-display: ä", "expect-display: a display shows at most 8 characters of ASCII"),
        ("expect-display:", 'expect-display: must be one text or number; an empty text is written ""'),
        ("expect-display: ${x", "expect-display: ${name} must be"),
        ("expect-display: [a]", "expect-display: must be one text"),
        ("expect-display: {like: a}", "expect-display: there is no 'like'; there are matches"),
        ("expect-display: {}", "matches: must be one text"),
        ("expect-display: {matches: '['}", "matches: is no regular expression: unterminated"),
        ("expect-display: {matches: '(a+)+b'}", "matches: at most 40 characters, no (?"),
        ("expect-display: {matches: '(?x)(a+) {9}b'}", "matches: at most 40 characters"),
        ("expect-display: {matches: '(a*) *'}", "matches: at most 40 characters"),
        ("expect-display: {matches: '${a}'}", "matches: at most 40 characters"),
        ("expect-display: {matches: " + "a" * 41 + "}", "matches: at most 40 characters"),
        ("cut-power: -1", "cut-power: must be a number from 0 to 1000000000"),
        ("cut-power: 1.5", "cut-power: must be a number"),
        ("cut-power: 10000000000", "cut-power: must be a number"),
        ("restart: now", "restart: has no value"),
        ("send: Info", "send: must be a word and at most 10 values"),
        ("send: challenge 482913", "send: must be a word"),
        ("send: hello nonce=a*b", "send: must be a word"),
        ('send: "info\\n>1 wipe"', "send: at most 200 characters, all of them printable"),
        ("send: hello nonce=" + "a" * 190, "send: at most 200 characters"),
        ("{send: info, expect-reply: fine}", "expect-reply (or the word ok): must be"),
        ("{send: info, expect-reply: {counter: [1]}}", "expect-reply: must be one text"),
        ("{send: info, expect-reply: {error: no}}", "expect-reply: `error` stands alone, and must be one of bad-arg, unknown"),
        ("{send: info, expect-reply: {error: denied, x: 1}}", "expect-reply: `error` stands alone"),
        ("{send: info, expect-reply: {counter: '${a}'}}", "expect-reply: nothing has been saved as a before"),
        ("save-response: The Response", "save-response: a name is 1 to 32"),
        ("screenshot: a.png", "screenshot: must be the name of an .svg file"),
        ("screenshot: ../a.svg", "screenshot: must be the name"),
        ("screenshot: /tmp/a.svg", "screenshot: must be the name"),
        ("screenshot: a/../../a.svg", "screenshot: must be the name"),
        ("screenshot: 'C:\\a.svg'", "screenshot: must be the name"),
        ("screenshot: .svg", "screenshot: must be the name"),
        ('comment: "\\e[31mred"', "comment: at most 200 characters, all of them printable"),
        ('comment: "\\ud800"', "comment: at most 200 characters, all of them printable"),
        ("comment: " + "a" * 201, "comment: at most 200 characters"),
        ("comment: &a text", "a script has no anchors and aliases"),
        ("comment: *a", "a script has no anchors and aliases"),
        ("comment: !!python/object/apply:os.system [ls]", "a script has no tags (!)"),
        ("enter: !!int 0123", "a script has no tags (!)"),
        ("<<: {press: OK}", "a step: there is no '<<'"),
        ("comment: a: b", "this is not YAML: mapping values are not allowed here; texts may want quotes"),
        ("comment: 'a", "this is not YAML: "),
        ('comment: "\\UFFFFFFFF"', "this is not YAML"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_is_allowed(step: str, words: str) -> None:
    error = refused(f"steps:\n- press: PRESS\n- {step}\n")
    assert re.match(r"a\.yaml:\d+: (step 2: )?", error)
    assert words in error
    assert "\n" not in error
    assert error.isprintable()
    if "not YAML" not in words and "no anchors" not in words and "no tags" not in words:
        assert error.startswith(f"a.yaml:3: step 2: {words}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.yaml:1: the file is empty"),
        ("# nothing\n", "a.yaml:1: the file is empty"),
        ("- press: OK\n", "a.yaml:1: a script: must be `name: value`, of card, steps"),
        ("card: {}\n", "a.yaml:1: steps: must be a list of 1 to 1000"),
        ("steps: []\n", "a.yaml:1: steps: must be a list"),
        ("steps: {press: OK}\n", "a.yaml:1: steps: must be a list"),
        ("steps:\n" + "- restart\n" * 1001, "a.yaml:2: steps: must be a list of 1 to 1000"),
        ("stages: []\n", "a.yaml:1: a script: there is no 'stages'; there are card, steps"),
        ("steps: [restart]\n---\nsteps: [restart]\n", "a.yaml:2: this is not YAML: but found another document"),
        (b"steps:\n- comment: \xff\n", "a.yaml:2: this is not UTF-8 text"),
        ("steps:\n- comment: \x00\n", "a.yaml:2: a control character"),
        ("steps:\n\t- restart\n", "a.yaml:2: this is not YAML: "),
        ("#" * (MAX_BYTES + 1), f"a.yaml:1: too long: a script has at most {MAX_BYTES} bytes"),
        ("steps: " + "[" * 60000, "a.yaml:1: too deep: at most 8 values"),
        ("[" * 65000, "a.yaml:1: too deep"),
        ("- " * 30000, "a.yaml:1: too deep"),
        ("steps: " + "{a: " * 15000, "a.yaml:1: too deep"),
        ("a: &a [x]\nb: &b [*a,*a]\nsteps: [*b,*b]\n", "a.yaml:1: a script has no anchors and aliases"),
        ("%YAML 9.9\n---\nsteps: [restart]\n", "a.yaml:1: this is not YAML: found incompatible YAML document"),
        ("%YAML 1." + "9" * 5000 + "\n---\nsteps: [restart]\n", "a.yaml:1: this is not YAML"),
        ("steps:\n- screenshot: a.svg\n- screenshot: ./A.svg\n", "a.yaml:3: step 2: screenshot: A.svg is written already"),
        ("steps:\n- press: [1,\n   2,\n   no]\n", "a.yaml:4: step 1: press: must be of"),
    ],
)
def test_a_file_that_is_no_script(text: str | bytes, words: str) -> None:
    began = time.process_time()
    assert refused(text).startswith(words)
    assert time.process_time() - began < 5


def test_the_last_step_is_looked_at_before_the_first_runs() -> None:
    with SimulatedCard() as card:
        with pytest.raises(ScriptError):
            play("steps:\n- press: PRESS\n- press: nothing\n", card)
        assert card.display == ""


def test_the_slowest_pattern_that_is_allowed_ends() -> None:
    began = time.process_time()
    pattern = ".*" * 19 + "x"
    assert play(LOGIN + f"- expect-display: {{matches: '{pattern}'}}").exit_code == 42
    assert time.process_time() - began < 5


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(ScriptError, match=rf"^{re.escape(str(path))}: No such file"):
        read_script(path)
    with pytest.raises(ScriptError, match="Is a directory"):
        read_script(tmp_path)
    with pytest.raises(ScriptError, match="is no name for a file"):
        read_script(Path("a\0b"))
    path.write_bytes(b"\xef\xbb\xbf" + LOGIN.replace("\n", "\r\n").encode())
    assert [step.line for step in read_script(path).steps] == [3, 4, 5]
    with path.open("ab") as file:
        file.truncate(10**12)
    with pytest.raises(ScriptError, match="too long"):
        read_script(path)


def harmless(data: bytes) -> None:
    """Either a script that runs to its end, whatever that is, or a ScriptError of one line."""
    error = ""
    script: Script | None = None
    try:
        script = parse_script(data)
    except ScriptError as caught:
        error = str(caught)
    assert bool(script) != bool(re.match(r"script:\d+: ", error))
    assert error.isprintable()
    if script and not script.screenshots and not script.card:
        with SimulatedCard(flash=Flash()) as card:
            assert run_script(script, card, tell=lambda _: None).exit_code in (0, 42)


@given(st.binary(max_size=200))
@example(b"steps: [{? : }]")
@example(b"? ? ?")
def test_any_bytes_are_harmless(data: bytes) -> None:
    harmless(data)


MARKS = (
    "steps:",
    "card:",
    "\n",
    "- ",
    "  ",
    "[",
    "]",
    "{",
    "}",
    ": ",
    ", ",
    "? ",
    "&a ",
    "*a",
    "!!str ",
    "|\n",
    ">-\n",
    "'",
    '"',
    "%",
)
WORDS = (
    *STEPS,
    "expect-reply",
    "matches",
    "error",
    "PRESS",
    "OK",
    "1",
    "0123",
    "${a}",
    "info",
    "ok",
    "a.svg",
    "random",
    "key",
    "~",
)
PIECES = st.sampled_from((*MARKS, *WORDS))


@given(st.lists(PIECES, max_size=30))
def test_any_pieces_of_scripts_are_harmless(pieces: list[str]) -> None:
    harmless(("steps:\n- press: PRESS\n- " + "".join(pieces)).encode())


@given(st.integers(0, len(LOGIN)), st.integers(0, 20), PIECES)
def test_a_garbled_script_is_harmless(at: int, gone: int, put: str) -> None:
    harmless((LOGIN[:at] + put + LOGIN[at + gone :]).encode())
