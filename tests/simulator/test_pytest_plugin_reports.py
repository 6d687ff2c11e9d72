"""What the pytest plugin tells of a failure, and what it keeps to itself."""

import re

import pytest
from tests.simulator.plugging import passes, run

import dsc_simulator
import dsc_simulator.fixtures

pytest_plugins = "pytester"


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
    expected = dsc_simulator.fixtures.SimulatedToken().login("482913")
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
