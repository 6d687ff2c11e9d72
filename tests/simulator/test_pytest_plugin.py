"""The pytest plugin as its users see it: fixtures, marker, options and reports, with xdist and with other plugins."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulator.plugin_runs import INSTALLED, SECONDS, passes, run

import dsc_host
import dsc_simulator
import dsc_simulator.pytest_plugin.fixtures
from dsc_simulator.engines import available

pytest_plugins = "pytester"


CARDS = """
    import gc
    import weakref

    import pytest
    from dsc_host import CardClient

    seen, kept, made = set(), [], []

    @pytest.mark.parametrize("_", range(2))
    def test_each_test_has_a_fresh_card_that_is_always_the_same(dsc_card, _):
        with CardClient.open(dsc_card.url) as client:
            seen.add((client.entropy(), client.info().counter, dsc_card.login("482913"), dsc_card.serial))
        assert len(seen) == 1
        kept.append(weakref.ref(dsc_card))

    def test_no_card_is_kept_after_its_test():
        gc.collect()
        assert [card() for card in kept] == [None, None]

    def test_the_factory_makes_different_cards(dsc_card_factory, dsc_card):
        made.extend([dsc_card, dsc_card_factory(), dsc_card_factory(pin="4711")])
        assert len({card.serial for card in made}) == 3
        assert len({card.profile.key for card in made}) == 3
        assert [card.pin for card in made] == ["1234", "1234", "4711"]

    def test_the_factory_closes_them():
        assert [card.closed for card in made] == [True] * 3

    class TestMarker:
        pytestmark = pytest.mark.dsc_card(serial="IB-7", pin="0000", counter=5)

        @pytest.mark.dsc_card(pin="4711", tries=3, unlock_key=bytes(range(32)))
        def test_checks(self, dsc_card):
            assert dsc_card.profile.pin_policy == "card" and dsc_card.profile.tries == 3
            assert dsc_card.credentials["pin"] is None and dsc_card.credentials["unlock_key"] == bytes(range(32))
            assert dsc_card.pin == "4711" and len(dsc_card.login("482913")) == 8

        @pytest.mark.dsc_card(suite="OCRA-1:HOTP-SHA256-6:QN08-PSHA256", key=bytes(20))
        def test_suite(self, dsc_card, dsc_card_factory):
            assert (dsc_card.serial, dsc_card.pin, dsc_card.profile.counter) == ("IB-7", "0000", 5)
            assert dsc_card.profile.key == bytes(20) and len(dsc_card.login("12345678")) == 6
            assert dsc_card_factory(pin="9999").credentials["pin"] == "9999"

        @pytest.mark.dsc_card(suite="OCRA-1:HOTP-SHA256-8:QN06")
        def test_without_pin(self, dsc_card):
            assert dsc_card.profile.pin == "0000"
"""


def test_a_card_is_as_fixture_factory_and_marker_say(pytester: pytest.Pytester) -> None:
    passes(pytester, CARDS, passed=8)


def test_what_no_card_can_be_is_one_clear_line(pytester: pytest.Pytester) -> None:
    wrong = {
        "pni='1'": "dsc_card: no such option: pni; the options are pin, *",
        "pin='471'": "dsc_card: pin: must be 4 digits*",
        "serial='no'": "dsc_card: serial: 1 to 16 of*",
        "engine='jython'": "dsc_card: engine: must be one of *",
        "'4711'": "dsc_card: the marker's options are given by name: *",
    }
    tests = [f"@pytest.mark.dsc_card({options})\ndef test_{n}(dsc_card): ..." for n, options in enumerate(wrong)]
    result = run(pytester, "\n".join(["import pytest", *tests]))
    result.assert_outcomes(errors=len(wrong))
    result.stdout.fnmatch_lines(list(wrong.values()))
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "another exception" not in result.stdout.str()


@pytest.mark.skipif(not available("micropython"), reason="engine micropython is not installed")
@pytest.mark.parametrize("by_ini", [False, True])
def test_the_engine_is_chosen_for_all_and_a_marker_decides_otherwise(pytester: pytest.Pytester, by_ini: bool) -> None:
    if by_ini:
        pytester.makeini("[pytest]\ndsc_engine = micropython")
    passes(
        pytester,
        """
        import pytest

        def test_all(dsc_card):
            assert dsc_card.engine == "micropython" and len(dsc_card.login("482913")) == 8

        @pytest.mark.dsc_card(engine="cpython")
        def test_one(dsc_card):
            assert dsc_card.engine == "cpython"
        """,
        *(() if by_ini else ("--dsc-engine", "micropython")),
        passed=2,
    )


def test_a_wrong_engine_in_the_ini_file_is_named(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ndsc_engine = jython")
    result = run(pytester, "def test_never(): ...")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: dsc_engine: must be one of cpython, micropython, not 'jython'"])


def test_an_engine_that_is_not_there_is_no_silent_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_simulator.engines.missing", lambda name: ["wasmtime"] if name == "micropython" else [])
    result = run(pytester, "def test_never(): ...", "--dsc-engine", "micropython")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*wasmtime is not installed; pip install 'dscplus[[]micropython]'"])
    marked = "import pytest\n@pytest.mark.dsc_card(engine='micropython')\ndef test_skipped(dsc_card): ..."
    result = run(pytester, marked, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*wasmtime is not installed*"])


def test_help_tells_of_its_options_marker_and_fixtures(pytester: pytest.Pytester) -> None:
    shown = run(pytester, "", "--help").stdout.str()
    for name in ("--dsc-engine", "--dsc-port", "dsc_engine (string)", "dsc_port (string)"):
        assert name in shown
    assert "@pytest.mark.dsc_card(pin, " in run(pytester, "", "--markers").stdout.str()
    run(pytester, "", "--fixtures").stdout.fnmatch_lines_random(["dsc_card_factory -- *", "dsc_card -- *"])


@pytest.mark.skipif(not INSTALLED, reason="the plugin has no entry point here")
def test_it_can_be_turned_off(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_card(dsc_card): ...\ndef test_none(): ...\n", "-p", "no:dscplus")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'dsc_card' not found"])


def test_the_plugin_itself_imports_nothing_but_pytest() -> None:
    program = (
        "import sys, types, typing, collections.abc, pytest\n"
        "package = sys.modules['dsc_simulator'] = types.ModuleType('dsc_simulator')\n"
        "package.__path__ = [sys.argv[1]]\n"
        "before = set(sys.modules)\n"
        "import dsc_simulator.pytest_plugin.plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    folder = str(Path(dsc_simulator.__file__).parent)
    shown = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert shown.stdout.split() == ["dsc_simulator.pytest_plugin", "dsc_simulator.pytest_plugin.plugin"]


def test_the_host_takes_every_credential() -> None:
    taken = dsc_host.Verifier.enroll.__annotations__.keys() - {"return"}
    # The card does not know its owner, nor that the owner is being forced.
    assert dsc_simulator.pytest_plugin.fixtures.Credentials.__annotations__.keys() == taken - {"owners", "duress_pin"}


FAILING = """
    import pytest
    from dsc_host import CardClient, Profile

    @pytest.mark.dsc_card(pin="5837")
    def test_fails(dsc_card, dsc_card_factory):
        dsc_card.login("482913")
        dsc_card.advance(70)
        with CardClient.open(dsc_card.url) as client:
            client.press("PRESS", *"5837", "OK")
        blank = dsc_card_factory(blank=True)
        with CardClient.open(blank.url) as client:
            client.personalize(Profile(serial="X-1", key=bytes(range(64)), suite="OCRA-1:HOTP-SHA256-8:QN06",
                pin_policy="card", code="5837", unlock_key=bytes(range(64, 96))))
        assert blank.enter("") == "impossible"

    def test_passes(dsc_card):
        dsc_card.login("111111")

    @pytest.fixture
    def broken(dsc_card):
        dsc_card.press("PRESS")
        raise RuntimeError

    def test_never(broken): ...
"""


@pytest.mark.usefixtures("one_numbering")
def test_a_failure_tells_what_happened_to_its_cards_and_no_secret(pytester: pytest.Pytester) -> None:
    result = run(pytester, FAILING)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "│ PIN>     │",
            "*- dsc_card 1 -*",
            "keys: PRESS [*] [*] [*] [*] OK 4 8 2 9 1 3 OK",
            "serial line:",
            "     0.000 s  out !1 display text=PIN>",
            "    70.000 s  in  >* key k=PRESS",
            "    70.000 s  in  >* key k=****",
            "│ CHALLNG> │",
            "*- dsc_card 2 -*",
            "keys: OK",
            "     0.000 s  in  >* set key=****",
        ]
    )
    assert "1 1 1 1 1 1" not in result.stdout.str()
    shown = result.stdout.str()
    shown = shown[shown.rindex("- dsc_card 1 -") :]
    assert all(masked in shown for masked in ("set key=****", "unlock=****", "code=****"))
    assert "5837" not in shown
    assert not re.search("[0-9a-f]{24}", shown.replace("nonce=", ""))


def test_a_power_cut_that_nobody_expected_does_not_tell_the_key(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.dsc_card(pin="5837", tries=3, key=b"an owner's own key, 32 bytes long")
        def test_fails(dsc_card):
            dsc_card.cut_power(after=20)
            dsc_card.login("482913", pin="5838")
        """,
        "-vvv",
        "--showlocals",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *PowerCut: the power failed after 20 of *"])
    assert "journal.py" not in result.stdout.str()
    assert "DSC1" not in result.stdout.str()


def test_a_test_that_is_run_again_has_the_same_card(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for _ in range(2):
                item._initrequest()
                for report in runtestprotocol(item, log=False, nextitem=nextitem):
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    passes(pytester, "def test_same(dsc_card): assert dsc_card.serial == 'PYTEST-1'", passed=2)


def test_it_works_under_xdist_and_in_any_order(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_collection_modifyitems(items): items.reverse()")
    expected = dsc_simulator.pytest_plugin.fixtures.SimulatedToken().login("482913")
    test = f"""
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_same_response_each_time(dsc_card, number):
            assert dsc_card.login("482913") == "{expected}"

        def test_fails(dsc_card):
            assert dsc_card.press("PRESS") == "no"
        """
    result = run(pytester, test, "-n", "1")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*- dsc_card 1 -*", "│ PIN>     │"])
