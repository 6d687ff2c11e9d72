"""Both readers of suites: each raises only its own error, and they agree about the suites that a card can serve.

The input is the suite's text.
"""

from contextlib import suppress

from dsc_firmware.ocra import Ocra
from dsc_firmware.ocra import SuiteError as CardSuiteError
from dsc_firmware.profile import ProfileError, parse_suite
from dsc_host import Suite
from dsc_host.errors import SuiteError

KEY, PIN, COUNTER = bytes(range(32)), "1234", 7


def check(data: bytes) -> None:
    check_ocra(data.decode("utf-8", "replace"))
    on_host, on_card = read_on_host(data.decode("latin-1")), read_on_card(data)
    if on_host is not None:
        check_suite(on_host)
    if on_card is not None:
        assert on_host is not None, "the card takes a suite that the host refuses"
        check_both(on_host, on_card)
    elif on_host is not None:
        assert not can_serve(on_host), "the card refuses a suite that it can serve"


def read_on_host(text: str) -> Suite | None:
    try:
        return Suite.parse(text)
    except SuiteError:
        return None


def read_on_card(data: bytes) -> Ocra | None:
    ocra: Ocra | None = None
    words = "suite: "
    try:
        ocra = parse_suite(data)
    except ProfileError as error:
        words = str(error)
    assert words.startswith("suite: ")
    return ocra


def check_ocra(text: str) -> None:
    with suppress(CardSuiteError):
        assert Ocra(text).text == text


def written(suite: Suite) -> str:
    """Return the suite in full: every default filled in, every length with two digits."""
    inputs = [f"Q{suite.question_format}{suite.question_length:02}"]
    if suite.counter:
        inputs.insert(0, "C")
    if suite.pin_hash:
        inputs.append(f"P{suite.pin_hash.upper()}")
    if suite.session:
        inputs.append(f"S{suite.session:03}")
    if suite.time_step:
        unit, size = next((unit, size) for unit, size in (("S", 1), ("M", 60), ("H", 3600)) if suite.time_step < 60 * size)
        inputs.append(f"T{suite.time_step // size}{unit}")
    return f"OCRA-1:HOTP-{suite.hash.upper()}-{suite.digits}:{'-'.join(inputs)}"


def check_suite(suite: Suite) -> None:
    again = Suite.parse(written(suite))
    names = ("hash", "digits", "counter", "question_format", "question_length", "pin_hash", "session", "time_step")
    assert [getattr(again, name) for name in names] == [getattr(suite, name) for name in names]


def can_serve(suite: Suite) -> bool:
    """Return whether docs/reference/protocol.md says that a card takes this suite, written as it is."""
    in_full = suite.text == written(suite) and len(suite.text) <= 48
    return in_full and 4 <= suite.digits <= 8 and suite.session is None and suite.time_step is None


def check_both(suite: Suite, ocra: Ocra) -> None:
    assert can_serve(suite)
    question = "1234567890" * 7
    question = question[: suite.question_length]
    assert ocra.accepts(question.encode())
    out = bytearray(suite.digits)
    ocra.respond(out, KEY, question.encode(), COUNTER, PIN.encode() if suite.pin_hash else b"")
    counter, pin = COUNTER if suite.counter else None, PIN if suite.pin_hash else None
    assert out.decode() == suite.response(KEY, question, counter=counter, pin=pin)
