"""Scripts: the card that a script describes, and the message that refuses a wrong script before anything runs."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.simulator.script_runs import KEY, LOGIN, play, refused

from dsc_simulator import Flash, Profile, SimulatedCard
from dsc_simulator.board import Entropy
from dsc_simulator.scripting.script import MAX_BYTES, STEPS, Script, ScriptError, parse_script, read_script, run_script


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
    with pytest.raises(ScriptError, match=r"a\.yaml: describes its own card"):
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
        ("\n  color: red", "2: card: unknown name color; allowed: serial, key, suite"),
        ("A", "1: card: must be `name: value`; the names are serial, "),
        ("{seed: 1, seed: 1}", "1: card: seed is given twice"),
    ],
)
def test_a_card_that_can_not_be(section: str, words: str) -> None:
    error = refused(f"card: {section}\nsteps: [restart]")
    assert error.startswith(f"a.yaml:{words}")
    assert "step" not in error


# The message, and the steps that cause it.
MISTAKES: dict[str, list[str]] = {
    "a step: unknown name jump; allowed: press, enter, expect-display, ": ["jump: 1"],
    "a step: must be `name: value`; the names are press, enter": ["press"],
    "a step: must be": ["", "[press]"],
    "a step does one thing": ["{press: OK, enter: 1}", "{expect-reply: ok}", "{}"],
    "a step does one thing; only `send`": ["{press: OK, expect-reply: ok}"],
    "a step: press is given twice": ["{press: OK, press: OK}"],
    "a step: must be one text or number": ["{[a]: b}"],
    "press: must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, OK, C, PRESS, not ok; `enter` types many digits": ["press: ok"],
    "press: must be one of": ["press: 1234", "press: 00"],
    "press: must be one text": ["press:", "press: [[1]]", "press: {a: b}"],
    "press: 1 to 64 keys": ["press: []", "press: [" + "1," * 65 + "]"],
    "enter: must be 1 to 64 digits": ["enter: " + "1" * 65],
    "enter: nothing was saved as first before": ["enter: ${first}"],
    "enter: a reference is ${name}, with the name of an earlier `save-response`": ["enter: ${First}"],
    "expect-display: a display shows at most 8 characters": ["expect-display: CHALLENG>", "expect-display: ä"],
    'expect-display: must be one text or number; an empty text is written ""': ["expect-display:"],
    "expect-display: a reference is ${name}": ["expect-display: ${x"],
    "expect-display: must be one text": ["expect-display: [a]"],
    "expect-display: unknown name like; allowed: matches": ["expect-display: {like: a}"],
    "matches: must be one text": ["expect-display: {}"],
    "matches: is not a regular expression: unterminated": ["expect-display: {matches: '['}"],
    "matches: at most 40 characters, no (?": [
        f"expect-display: {{matches: {value}}}"
        for value in ("'(a+)+b'", "'(\\)a+)+b'", "'(?x)(a+) {9}b'", "'(a*) *'", "'${a}'", "'\\${a}'", "a" * 41)
    ],
    "cut-power: must be a number from 0 to 1000000000": ["cut-power: -1", "cut-power: 1.5", "cut-power: 10000000000"],
    "restart: takes no value": ["restart: now"],
    "send: must be a word and at most 10 values": ["send: Info", "send: challenge 482913", "send: hello nonce=a*b"],
    "send: at most 200 characters, all of them printable": [
        'send: "info\\n>1 wipe"',
        "send: hello nonce=" + "a" * 190,
    ],
    "expect-reply: must be `name: value`, or the word ok": ["{send: info, expect-reply: fine}"],
    "expect-reply: must be one text": ["{send: info, expect-reply: {counter: [1]}}"],
    "expect-reply: `error` must be the only value, and one of bad-arg, unknown": [
        "{send: info, expect-reply: {error: no}}",
        "{send: info, expect-reply: {error: denied, x: 1}}",
    ],
    "expect-reply: nothing was saved as a before": ["{send: info, expect-reply: {counter: '${a}'}}"],
    "save-response: a name is 1 to 32": ["save-response: The Response"],
    "screenshot: must be an .svg file in the folder of the screenshots or below it": [
        f"screenshot: {value}" for value in ("a.png", "../a.svg", "/tmp/a.svg", "a/../../a.svg", "'C:\\a.svg'", ".svg")
    ],
    "comment: at most 200 characters, all of them printable": [
        f"comment: {value}" for value in ('"\\e[31mred"', '"\\ud800"', "a" * 201)
    ],
    "a script cannot have anchors or aliases": ["comment: &a text", "comment: *a"],
    "a script cannot have tags (!)": ["comment: !!python/object/apply:os.system [ls]", "enter: !!int 0123"],
    "a step: unknown name <<": ["<<: {press: OK}"],
    "this is not YAML: mapping values are not allowed here; texts may need quotes": ["comment: a: b"],
    "this is not YAML": ["comment: 'a", 'comment: "\\UFFFFFFFF"'],
}


@pytest.mark.parametrize(("step", "words"), [(step, words) for words, steps in MISTAKES.items() for step in steps])
def test_a_mistake_says_where_it_is_and_what_is_allowed(step: str, words: str) -> None:
    error = refused(f"steps:\n- press: PRESS\n- {step}\n")
    assert re.match(r"a\.yaml:\d+: (step 2: )?", error)
    assert words in error
    assert "\n" not in error
    assert error.isprintable()
    if "not YAML" not in words and "cannot have" not in words:
        assert error.startswith(f"a.yaml:3: step 2: {words}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.yaml:1: the file is empty"),
        ("# nothing\n", "a.yaml:1: the file is empty"),
        ("- press: OK\n", "a.yaml:1: a script: must be `name: value`; the names are card, steps"),
        ("card: {}\n", "a.yaml:1: steps: must be a list of 1 to 1000"),
        ("steps: []\n", "a.yaml:1: steps: must be a list"),
        ("steps: {press: OK}\n", "a.yaml:1: steps: must be a list"),
        ("steps:\n" + "- restart\n" * 1001, "a.yaml:2: steps: must be a list of 1 to 1000"),
        ("stages: []\n", "a.yaml:1: a script: unknown name stages; allowed: card, steps"),
        ("steps: [restart]\n---\nsteps: [restart]\n", "a.yaml:2: this is not YAML: but found another document"),
        (b"steps:\n- comment: \xff\n", "a.yaml:2: this is not UTF-8 text"),
        ("steps:\n- comment: \x00\n", "a.yaml:2: a control character"),
        ("steps:\n\t- restart\n", "a.yaml:2: this is not YAML: "),
        ("#" * (MAX_BYTES + 1), f"a.yaml:1: too long: a script has at most {MAX_BYTES} bytes"),
        ("steps: " + "[" * 60000, "a.yaml:1: values may be nested at most 8 levels"),
        ("[" * 65000, "a.yaml:1: values may be nested"),
        ("- " * 30000, "a.yaml:1: values may be nested"),
        ("steps: " + "{a: " * 15000, "a.yaml:1: values may be nested"),
        ("a: &a [x]\nb: &b [*a,*a]\nsteps: [*b,*b]\n", "a.yaml:1: a script cannot have anchors or aliases"),
        ("%YAML 9.9\n---\nsteps: [restart]\n", "a.yaml:1: this is not YAML: found incompatible YAML document"),
        ("%YAML 1." + "9" * 5000 + "\n---\nsteps: [restart]\n", "a.yaml:1: this is not YAML"),
        ("steps:\n- screenshot: a.svg\n- screenshot: ./A.svg\n", "a.yaml:3: step 2: screenshot: A.svg is already written"),
        ("steps:\n- press: [1,\n   2,\n   no]\n", "a.yaml:4: step 1: press: must be one of"),
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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pattern", [r"\(?CHALLNG>", r"[[C]HALLNG>", r"(?:C|D)HALLNG>", r"CHALLNG>\)*"])
def test_a_parenthesis_that_is_escaped_is_no_group(pattern: str) -> None:
    begun = "card: {serial: A, key: random}\nsteps:\n- press: PRESS\n- enter: 1234\n"
    assert play(f"{begun}- expect-display: {{matches: '{pattern}'}}").exit_code == 0


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(ScriptError, match=rf"^{re.escape(str(path))}: No such file"):
        read_script(path)
    with pytest.raises(ScriptError, match="Is a directory"):
        read_script(tmp_path)
    with pytest.raises(ScriptError, match="is not a valid file name"):
        read_script(Path("a\0b"))
    path.write_bytes(b"\xef\xbb\xbf" + LOGIN.replace("\n", "\r\n").encode())
    assert [step.line for step in read_script(path).steps] == [3, 4, 5]
    with path.open("ab") as file:
        file.truncate(10**12)
    with pytest.raises(ScriptError, match="too long"):
        read_script(path)


def harmless(data: bytes) -> None:
    """Accept either a script that runs to its end, with any result, or a ScriptError of one line."""
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


MARKS = ("\n", "- ", "  ", *"[]{}'%", '"', ": ", ", ", "? ", "&a ", "*a", "!!str ", "|\n", ">-\n")
WORDS = "steps: card: expect-reply matches error PRESS OK 1 0123 ${a} info ok a.svg random key ~"
PIECES = st.sampled_from((*MARKS, *STEPS, *WORDS.split()))


@given(st.lists(PIECES, max_size=30))
def test_any_pieces_of_scripts_are_harmless(pieces: list[str]) -> None:
    harmless(("steps:\n- press: PRESS\n- " + "".join(pieces)).encode())


@given(st.integers(0, len(LOGIN)), st.integers(0, 20), PIECES)
def test_a_garbled_script_is_harmless(at: int, gone: int, put: str) -> None:
    harmless((LOGIN[:at] + put + LOGIN[at + gone :]).encode())
