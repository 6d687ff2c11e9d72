"""The fixtures `dsc_card` and `dsc_card_factory`, and the marker `dsc_card`.

If dscplus is installed, every run of pytest loads this module. So it imports other parts of dscplus only when they are needed.
docs/how-to/testing.md describes the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from _pytest.capture import CaptureManager

    from dsc_simulator.pytest_plugin.fixtures import CardOptions, Token

_ENGINES = ("cpython", "micropython")
_MARKER = (
    "dsc_card(pin, pin_policy, tries, unlock_key, suite, serial, key, counter, blank, engine, seed): "
    "the options of the card of the fixture dsc_card; all by name, all with defaults"
)
_CARDS: pytest.StashKey[list[Token]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options and settings."""
    group = parser.getgroup("dscplus", "Digital Security Card+ (the fixture dsc_card)")
    engine = "the engine that runs the simulated cards' firmware: cpython (default) or micropython"
    port = "run the tests on the board at this serial port, which must be blank: it is personalized and wiped for each test"
    group.addoption("--dsc-engine", choices=_ENGINES, help=engine)
    group.addoption("--dsc-port", metavar="URL", help=port)
    parser.addini("dsc_engine", engine, default="")
    parser.addini("dsc_port", port, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check the engine and the port."""
    config.addinivalue_line("markers", _MARKER)
    engine = _setting(config, "engine")
    if engine and engine not in _ENGINES:
        raise pytest.UsageError(f"dsc_engine: must be one of {', '.join(_ENGINES)}, not {engine!r}")
    if engine:
        _check_installed(engine)
    if _setting(config, "port") and config.getoption("tx", None):
        raise pytest.UsageError("dsc_port: one board does one test at a time: run pytest without -n")


def _check_installed(engine: str) -> None:
    from dsc_simulator.engines import missing

    # Report an error instead of skipping the tests, because the user has chosen this engine.
    if missing(engine):
        what = f"{', '.join(missing(engine))} is not installed; pip install 'dscplus[{engine}]'"
        raise pytest.UsageError(f"dsc_engine: {engine}: {what}")


def _setting(config: pytest.Config, name: str) -> str:
    """Return the value from the command line, or else from the ini file. Return empty text if neither has the setting."""
    return str(config.getoption(f"dsc_{name}") or config.getini(f"dsc_{name}"))


@pytest.fixture
def dsc_card_factory(request: pytest.FixtureRequest) -> Iterator[Callable[..., Token]]:
    """A function that makes cards, for example `dsc_card_factory(pin="4711", engine="micropython")`. The fixture closes them.

    The options are those of the marker `dsc_card`. An option that is not given has the marker's value.
    """
    # Use a new list each time, because a plugin may run the same test again.
    cards: list[Token] = []
    request.node.stash[_CARDS] = cards
    marked = _marked(request.node)

    def make(**options: Any) -> Token:
        wanted = {"engine": _setting(request.config, "engine") or "cpython", **_over(marked, options)}
        cards.append(_make(request.config, wanted, len(cards) + 1))
        return cards[-1]

    yield make
    for card in cards:
        card.close()


@pytest.fixture
def dsc_card(dsc_card_factory: Callable[..., Token]) -> Token:
    """A new personalized card for the test, with the same data in each run. Press its keys, or call `login`."""
    return dsc_card_factory()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the reports of a failed test's cards to the test's report."""
    report = yield
    if report.failed:
        cards = item.stash.get(_CARDS, [])
        report.sections += [(f"dsc_card {number}", card.report()) for number, card in enumerate(cards, 1)]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Forget the cards of a test after the test. Otherwise pytest would keep them until the end of the run."""
    try:
        return (yield)
    finally:
        if _CARDS in item.stash:
            del item.stash[_CARDS]


def _marked(node: pytest.Item) -> dict[str, Any]:
    """Return the options of the test's markers. If several markers give an option, the marker closest to the test counts."""
    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("dsc_card"))):
        if mark.args:
            pytest.fail("dsc_card: the marker's options are given by name: @pytest.mark.dsc_card(pin='4711')", pytrace=False)
        options = _over(options, mark.kwargs)
    return options


def _over(defaults: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options`, with `defaults` for those that are missing. A blank card gets only defaults that it can have."""
    blank = options.get("blank")
    kept = {name: value for name, value in defaults.items() if not blank or name in ("engine", "seed")}
    return {**kept, **options}


def _make(config: pytest.Config, options: dict[str, Any], number: int) -> Token:
    from dsc_simulator.errors import EngineMissing, SimulatorError
    from dsc_simulator.pytest_plugin.fixtures import SimulatedToken, check_options

    try:
        check_options(options)
        port = _setting(config, "port")
        wanted = cast("CardOptions", options)
        return _board(config, port, wanted, number) if port else SimulatedToken(number, **wanted)
    except EngineMissing as error:
        pytest.skip(f"dsc_card: {error}")
    except (TypeError, ValueError, SimulatorError) as error:
        refusal = f"dsc_card: {str(error).removeprefix('dsc_card: ')}"
    # Fail outside the except clause, so that the report shows only this line and not the original error.
    pytest.fail(refusal, pytrace=False)


def _board(config: pytest.Config, port: str, options: CardOptions, number: int) -> Token:
    from dsc_host import DscError
    from dsc_simulator.pytest_plugin.board import BoardToken
    from dsc_simulator.pytest_plugin.fixtures import identity

    if number > 1:
        pytest.skip("this test needs several cards, and --dsc-port names one")
    try:
        return BoardToken(port, identity(options, number), lambda words: _ask(config, words))
    except DscError as error:
        refusal = f"dsc_card: {error}"
    pytest.fail(refusal, pytrace=False)


def _ask(config: pytest.Config, words: str) -> bool:
    """Show `words` to the person at the terminal and wait for Enter. Return False if nobody is there."""
    import sys

    capture: CaptureManager | None = config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.suspend(in_=True)
    try:
        if not sys.stdin.isatty():
            return False
        input(f"\n{words}\nThen press Enter here: ")
        return True
    except EOFError:
        return False
    finally:
        if capture:
            capture.resume()
