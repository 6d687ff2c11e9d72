"""Scripts that use a card: a YAML file with the keys to press and the displays to expect.

A script may come from a stranger. So all its sizes are limited, and it can do only the steps below. The whole script is checked
before its first step runs. Numbers are read as text, so that the PIN 0123 keeps its zero.
"""

import random
import re
import secrets
import warnings
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path, PurePosixPath

import yaml

from dsc_firmware.profile import DEFAULT_SUITE
from dsc_simulator.board import KEYS
from dsc_simulator.drawings import card
from dsc_simulator.engines import ENGINES
from dsc_simulator.errors import ProfileRefused
from dsc_simulator.profile import Profile
from dsc_simulator.scripting.run import (
    NAME,
    UNMET,
    Action,
    CardSection,
    Failure,
    Run,
    Script,
    ScriptError,
    ScriptResult,
    Step,
    on_terminal,
    plain,
    run_script,
)

__all__ = [
    "MAX_BYTES",
    "STEPS",
    "UNMET",
    "CardSection",
    "Failure",
    "Script",
    "ScriptError",
    "ScriptResult",
    "Step",
    "on_terminal",
    "parse_script",
    "read_script",
    "run_script",
]

MAX_BYTES, MAX_STEPS, MAX_TEXT, MAX_DEPTH = 65536, 1000, 200, 8
"""The limits: bytes of a file, steps, characters of a text, and levels of nested values."""
_MAX_SECONDS, _MAX_KEYS, _MAX_COUNT, _MAX_PATTERN, _MAX_LINE = 86400, 64, 10**9, 40, 240
_MAX_COUNTER = 2**64 - 2

_REQUEST = re.compile(r"[a-z]+(?: [a-z]+=(?:[!-$&-)+-<>-~]|%[0-9a-fA-F]{2})*){0,10}")
_ERRORS = ("bad-arg", "unknown", "state", "locked", "denied", "busy", "fault")
_NAMES = {"pin": "pin-policy", "code": "pin", "unlock": "unlock-key"}
"""The names of a card's fields in a script, by their names in the firmware. All other fields have the same name in both."""


class _Wrong(Exception):
    """A mistake on a line of a script."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def read_script(path: Path) -> Script:
    """Read a script from a file. Raise ScriptError if the file cannot be read or has a mistake."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ScriptError(f"{path}: {getattr(error, 'strerror', None) or 'is not a valid file name'}") from error
    return parse_script(data, str(path))


def parse_script(data: bytes, name: str = "script") -> Script:
    """Parse a script from UTF-8 bytes. Raise ScriptError, whose message begins with `name`, if the script has a mistake."""
    parser = _Parser()
    try:
        return parser.script(_compose(data), name)
    except _Wrong as wrong:
        step = f"step {parser.step}: " if parser.step else ""
        raise ScriptError(f"{name}:{wrong.line}: {step}{wrong}") from None


class _Loader(yaml.SafeLoader):
    """A loader of YAML that refuses anchors, aliases, tags and deep nesting, because scripts do not need them."""

    within = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None):
            raise _Wrong(line, "a script cannot have anchors or aliases (& and *): repeat the value, or put the text in quotes")
        if getattr(event, "tag", None):
            raise _Wrong(line, "a script cannot have tags (!): leave the tag out, or put the text in quotes")
        if self.within == MAX_DEPTH:
            raise _Wrong(line, f"values may be nested at most {MAX_DEPTH} levels deep")
        self.within += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.within -= 1
        return node


def _compose(data: bytes) -> yaml.Node:
    if len(data) > MAX_BYTES:
        raise _Wrong(1, f"too long: a script has at most {MAX_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _Wrong(data[: error.start].count(b"\n") + 1, "this is not UTF-8 text") from None
    try:
        node = _Loader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        raise _Wrong(text[: error.position].count("\n") + 1, "a control character; a script is plain text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _Wrong(mark.line + 1 if mark else 1, f"this is not YAML: {error.problem}; texts may need quotes") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # For some mistakes, for example an escape that is out of range, PyYAML raises errors of Python.
        raise _Wrong(1, "this is not YAML") from None
    if node is None:
        raise _Wrong(1, "the file is empty; it needs `steps:`, and `card:` if it describes its own card")
    return node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _text(node: yaml.Node, what: str) -> str:
    """Return a text or number as it is written."""
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":null"):
        raise _Wrong(_line(node), f'{what}: must be one text or number; an empty text is written ""')
    text = str(node.value)
    if len(text) > MAX_TEXT or not text.isprintable():
        raise _Wrong(_line(node), f"{what}: at most {MAX_TEXT} characters, all of them printable")
    return text


def _number(node: yaml.Node, what: str, most: int, decimals: bool = False) -> str:
    text = _text(node, what)
    pattern = r"(0|[1-9][0-9]{0,19})" + (r"(\.[0-9]{1,3})?" if decimals else "")
    if not re.fullmatch(pattern, text) or Decimal(text) > most:
        part = ", with at most 3 decimals and" if decimals else ","
        raise _Wrong(_line(node), f"{what}: must be a number from 0 to {most}{part} without leading zeros")
    return text


def _items(
    node: yaml.Node, what: str, allowed: Mapping[str, object] | None = None, other: str = ""
) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Return the names in a mapping, each with the nodes of its name and of its value.

    `other` is for error messages: it names what is allowed in place of a mapping.
    """
    if not isinstance(node, yaml.MappingNode):
        names = f"; the names are {', '.join(allowed)}" if allowed else ""
        raise _Wrong(_line(node), f"{what}: must be `name: value`{other}{names}")
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in node.value:
        name = _text(key, what)
        if allowed is not None and name not in allowed:
            raise _Wrong(_line(key), f"{what}: unknown name {plain(name[:40])}; allowed: {', '.join(allowed)}")
        if name in found:
            raise _Wrong(_line(key), f"{what}: {plain(name[:40])} is given twice")
        found[name] = (key, value)
    return found


class _Parser:
    """A parser that makes actions from steps. `step` is the number of the current step, from 1, and 0 before the first."""

    def __init__(self) -> None:
        self.step = 0
        self._saved: set[str] = set()
        self._files: dict[str, str] = {}

    def script(self, node: yaml.Node, name: str) -> Script:
        parts = _items(node, "a script", dict.fromkeys(("card", "steps")))
        card = _card(parts["card"][1]) if "card" in parts else None
        steps = parts["steps"][1] if "steps" in parts else node
        if not isinstance(steps, yaml.SequenceNode) or not 0 < len(steps.value) <= MAX_STEPS:
            raise _Wrong(_line(steps), f"steps: must be a list of 1 to {MAX_STEPS} steps, each beginning with `- `")
        made = tuple(self._step(item) for item in steps.value)
        return Script(name, card, made, tuple(self._files.values()))

    def _step(self, node: yaml.Node) -> Step:
        self.step += 1
        if isinstance(node, yaml.ScalarNode) and node.value == "restart":
            return Step(_line(node), self.step, "restart", Run.restart)
        parts = _items(node, "a step", STEPS | {"expect-reply": None})
        names = [name for name in parts if name != "expect-reply"]
        if len(names) != 1 or (len(parts) == 2 and names != ["send"]):
            raise _Wrong(_line(node), "a step does one thing; only `send` may have `expect-reply` beside it")
        key, value = parts[names[0]]
        if names == ["send"]:
            act = self.send(value, parts["expect-reply"][1] if "expect-reply" in parts else None)
        else:
            act = STEPS[names[0]](self, value)
        return Step(_line(key), self.step, names[0], act)

    def _with_names(self, text: str, node: yaml.Node, what: str) -> str:
        """Check the references in a text. Return the text with an example value in place of each reference."""
        for name in NAME.findall(text):
            if name not in self._saved:
                raise _Wrong(_line(node), f"{what}: nothing was saved as {name} before")
        filled = NAME.sub("00000000", text)
        if "${" in filled:
            raise _Wrong(_line(node), f"{what}: a reference is ${{name}}, with the name of an earlier `save-response`")
        return filled

    def press(self, node: yaml.Node) -> Action:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        keys = [_text(item, "press") for item in nodes]
        if not 0 < len(keys) <= _MAX_KEYS:
            raise _Wrong(_line(node), f"press: 1 to {_MAX_KEYS} keys")
        for item, key in zip(nodes, keys, strict=True):
            if key not in KEYS:
                raise _Wrong(
                    _line(item), f"press: must be one of {', '.join(KEYS)}, not {plain(key[:40])}; `enter` types many digits"
                )
        return lambda run: run.powered(lambda: run.card.press(*keys))

    def enter(self, node: yaml.Node) -> Action:
        text = _text(node, "enter")
        if not re.fullmatch(rf"[0-9]{{1,{_MAX_KEYS}}}", self._with_names(text, node, "enter")):
            raise _Wrong(_line(node), f"enter: must be 1 to {_MAX_KEYS} digits, or ${{name}}")
        return lambda run: run.powered(lambda: run.card.enter(run.fill(text)))

    def expect_display(self, node: yaml.Node) -> Action:
        if isinstance(node, yaml.MappingNode):
            parts = _items(node, "expect-display", {"matches": None})
            return self._matches(parts["matches"][1] if parts else node)
        text = _text(node, "expect-display")
        bare = self._with_names(text, node, "expect-display")
        if len(bare.rstrip()) > card.CELLS or not bare.isascii():
            raise _Wrong(_line(node), f"expect-display: a display shows at most {card.CELLS} characters of ASCII")
        return lambda run: run.expect(run.card.display == run.fill(text).rstrip(), _display_of(run.fill(text)))

    def _matches(self, node: yaml.Node) -> Action:
        text = _text(node, "matches")
        # Refuse repeated groups and similar features: with them, a match of only eight characters could take years.
        # An escaped parenthesis is no group.
        unescaped = re.sub(r"(?s)\\.", "_", text)
        if len(text) > _MAX_PATTERN or re.search(r"\(\?(?!:)|\)\s*[*+?{]", unescaped) or "${" in text:
            raise _Wrong(
                _line(node),
                f"matches: at most {_MAX_PATTERN} characters, no (?…) except (?:…), no repeated group, no ${{name}}",
            )
        try:
            with warnings.catch_warnings():
                # Python warns of [[, which a later version may read differently, with a path of this program.
                warnings.simplefilter("ignore", FutureWarning)
                pattern = re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            raise _Wrong(_line(node), f"matches: is not a regular expression: {error}") from None
        return lambda run: run.expect(pattern.fullmatch(run.card.display) is not None, f"a display that matches {text}")

    def advance(self, node: yaml.Node) -> Action:
        seconds = float(_number(node, "advance", _MAX_SECONDS, decimals=True))
        return lambda run: run.advance(seconds)

    def cut_power(self, node: yaml.Node) -> Action:
        after = int(_number(node, "cut-power", _MAX_COUNT))
        return lambda run: run.powered(lambda: run.card.cut_power(after))

    def restart(self, node: yaml.Node) -> Action:
        if not isinstance(node, yaml.ScalarNode) or node.value not in ("", "~", "null"):
            raise _Wrong(_line(node), "restart: takes no value; write `- restart`")
        return Run.restart

    def send(self, node: yaml.Node, reply: yaml.Node | None) -> Action:
        text = _text(node, "send")
        filled = self._with_names(text, node, "send")
        # A line must also have room for the number, the checksum and their marks.
        if not _REQUEST.fullmatch(filled) or len(filled) > _MAX_LINE - len(">1000 *00000000"):
            raise _Wrong(_line(node), "send: must be a word and at most 10 values, as in `challenge q=482913`; a space is %20")
        if reply is None or (isinstance(reply, yaml.ScalarNode) and reply.value == "ok"):
            return lambda run: run.ask(text, {})
        parts = _items(reply, "expect-reply", other=", or the word ok")
        expected = {name: _text(value, "expect-reply") for name, (_, value) in parts.items()}
        for name, (_, value) in parts.items():
            self._with_names(expected[name], value, "expect-reply")
        if "error" in expected and (len(expected) > 1 or expected["error"] not in _ERRORS):
            raise _Wrong(_line(reply), f"expect-reply: `error` must be the only value, and one of {', '.join(_ERRORS)}")
        return lambda run: run.ask(text, expected)

    def save_response(self, node: yaml.Node) -> Action:
        name = _text(node, "save-response")
        if not NAME.fullmatch(f"${{{name}}}"):
            raise _Wrong(_line(node), "save-response: a name is 1 to 32 of a-z, 0-9, - and _, and begins with a letter")
        self._saved.add(name)
        return lambda run: run.save(name)

    def screenshot(self, node: yaml.Node) -> Action:
        text = _text(node, "screenshot")
        path = PurePosixPath(text)
        if path.suffix != ".svg" or path.is_absolute() or ".." in path.parts or re.search(r'[\\:*?"<>|]', text):
            raise _Wrong(_line(node), "screenshot: must be an .svg file in the folder of the screenshots or below it")
        if str(path).casefold() in self._files:
            raise _Wrong(_line(node), f"screenshot: {path} is already written by another step")
        self._files[str(path).casefold()] = str(path)
        return lambda run: run.take_picture(str(path))

    def comment(self, node: yaml.Node) -> Action:
        text = _text(node, "comment")
        return lambda run: run.tell(text)


STEPS: dict[str, Callable[[_Parser, yaml.Node], Action]] = {
    "press": _Parser.press,
    "enter": _Parser.enter,
    "expect-display": _Parser.expect_display,
    "save-response": _Parser.save_response,
    "advance": _Parser.advance,
    "cut-power": _Parser.cut_power,
    "restart": _Parser.restart,
    "send": lambda parser, node: parser.send(node, None),
    "screenshot": _Parser.screenshot,
    "comment": _Parser.comment,
}
"""The steps that a script may have."""


def _card(node: yaml.Node) -> CardSection:
    """Return the card that a script describes. Raise `_Wrong` if the firmware's rules do not allow it."""
    allowed = ("serial", "key", "suite", "pin-policy", "pin", "tries", "counter", "unlock-key", "engine", "seed")
    parts = _items(node, "card", dict.fromkeys(allowed))
    texts = {name: _text(value, name) for name, (_, value) in parts.items()}
    lines = {name: _line(key) for name, (key, _) in parts.items()}
    seed = int(_number(parts["seed"][1], "seed", _MAX_COUNT)) if "seed" in parts else None
    engine = texts.get("engine")
    if engine is not None and engine not in ENGINES:
        raise _Wrong(lines["engine"], f"engine: must be {' or '.join(ENGINES)}")
    if not parts.keys() - {"engine", "seed"}:
        return CardSection(None, engine, seed)
    if "counter" in parts:
        _number(parts["counter"][1], "counter", _MAX_COUNTER)
    if "tries" in parts:
        _number(parts["tries"][1], "tries", 9)
    profile = _profile(texts, seed, lines, _line(node))
    return CardSection(profile, engine, seed)


def _profile(texts: Mapping[str, str], seed: int | None, lines: Mapping[str, int], line: int) -> Profile:
    policy = texts.get("pin-policy", "ocra")
    suite = DEFAULT_SUITE.decode()
    try:
        profile = Profile(
            serial=texts.get("serial", ""),
            key=_key("key", texts, seed) or b"",
            suite=texts.get("suite", suite.removesuffix("-PSHA256") if policy == "card" else suite),
            pin_policy=policy,
            pin=texts.get("pin"),
            tries=int(texts["tries"]) if "tries" in texts else None,
            counter=int(texts.get("counter", 0)),
            unlock_key=_key("unlock-key", texts, seed),
        )
        profile.flash()
    except ProfileRefused as refused:
        name, _, words = str(refused).partition(": ")
        name = _NAMES.get(name, name)
        words = words.replace("pin=", "pin-policy: ")
        raise _Wrong(lines.get(name, line), f"card: {name}: {words}") from None
    return profile


def _key(name: str, texts: Mapping[str, str], seed: int | None) -> bytes | None:
    """Return the key in the field `name`: hex digits, or the word random; None if it is missing.

    With a seed, random keys are the same in each run.
    """
    text = texts.get(name)
    if text == "random":
        # The name is a part of the seed, so that the two keys differ from each other and from the card's random numbers.
        return secrets.token_bytes(32) if seed is None else random.Random(f"{name} {seed}").randbytes(32)  # noqa: S311
    if text is not None and not re.fullmatch("([0-9a-fA-F]{2})*", text):
        raise ProfileRefused(f"{name}: must be hex digits, two for each byte, or the word random")
    return None if text is None else bytes.fromhex(text)


def _display_of(text: str) -> str:
    return f"the display {plain(text)}" if text.strip() else "an empty display"
