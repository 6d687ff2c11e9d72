"""`--dsc-port`: the same tests on a board. It is a simulated card in this process, but the plugin knows only its port."""

import sys
from collections.abc import Iterator

import pytest
from tests.simulator.plugin_runs import FLAGS, run

# Imported here, because pytester forgets what a run inside this one imports.
from dsc_host import CardClient, LinkClosed, Profile
from dsc_simulator import Profile as SimulatedProfile
from dsc_simulator import SimulatedCard
from dsc_simulator.pytest_plugin.board import BoardToken
from dsc_simulator.pytest_plugin.fixtures import identity

pytest_plugins = "pytester"
PATIENCE = 60

LOGINS = """
    import pytest
    from dsc_host import CardClient, MasterKey, Verifier

    def test_login(dsc_card):
        with Verifier.open("sqlite://", master_key=MasterKey.generate()) as verifier:
            verifier.enroll(**dsc_card.credentials)
            dsc_card.drift(1)
            challenge = verifier.challenge(dsc_card.serial)
            assert verifier.verify(challenge.id, dsc_card.login(challenge.question)).accepted

    @pytest.mark.dsc_card(pin="4711", tries=1, serial="MINE", unlock_key=bytes(range(32)))
    def test_lock(dsc_card):
        assert dsc_card.press("PRESS") == "PIN>"
        with CardClient.open(dsc_card.url) as client:
            assert client.info().serial == "MINE"
        assert dsc_card.enter(dsc_card.wrong_pin) == dsc_card.display == "LOCKED"
        assert dsc_card.cells == "LOCKED  "

    @pytest.mark.dsc_card(blank=True)
    def test_blank(dsc_card):
        assert dsc_card.press("PRESS") == "NO KEY"
"""


@pytest.fixture
def board() -> Iterator[SimulatedCard]:
    """Provide a blank board whose keys may be pressed over its line."""
    with SimulatedCard(seed=3) as card:
        yield card


def is_blank(board: SimulatedCard) -> bool:
    with CardClient.open(board.url) as client:
        return client.info().serial == ""


def test_logins_pass_on_a_board_which_is_blank_afterwards(pytester: pytest.Pytester, board: SimulatedCard) -> None:
    run(pytester, LOGINS, "--dsc-port", board.url).assert_outcomes(passed=3)
    assert is_blank(board)


def test_what_a_board_cannot_do_is_skipped_with_the_reason(pytester: pytest.Pytester, board: SimulatedCard) -> None:
    result = run(
        pytester,
        """
        import pytest

        def test_time(dsc_card): dsc_card.advance(1)
        def test_power(dsc_card): dsc_card.cut_power(7)
        def test_battery(dsc_card): dsc_card.drain_battery()
        def test_noise(dsc_card):
            with dsc_card.noise(drop=1): ...
        def test_plug(dsc_card): dsc_card.unplug()
        def test_two(dsc_card_factory): dsc_card_factory(), dsc_card_factory()
        def test_typo(dsc_card):
            with pytest.raises(AttributeError, match="advnace"):
                dsc_card.advnace(1)
        """,
        "--dsc-port",
        board.url,
        "-rs",
    )
    result.assert_outcomes(passed=1, skipped=6)
    for name in ("advance", "cut_power", "drain_battery", "noise", "unplug"):
        result.stdout.fnmatch_lines_random([f"SKIPPED*: {name}: only a simulated card can do that, *(--dsc-port)"])
    result.stdout.fnmatch_lines_random(["SKIPPED*: this test needs several cards, and --dsc-port names one"])
    assert is_blank(board)


def test_a_failure_on_a_board_tells_keys_line_and_display(pytester: pytest.Pytester, board: SimulatedCard) -> None:
    test = "def test_fails(dsc_card):\n    assert dsc_card.login('482913') == ''"
    result = run(pytester, test, "--dsc-port", board.url)
    result.assert_outcomes(failed=1)
    # A real line takes real time, so the report may note a pause between two keys.
    result.stdout.re_match_lines([r"-* dsc_card 1 -*", r"keys: PRESS.* \*.* OK.* 3.* OK", r"│ [0-9]{8} │"])
    result.stdout.fnmatch_lines_random(["* s  in  >* set key=****", "* s  in  >* key k=****"])
    assert is_blank(board)


def test_a_pin_among_other_keys_is_starred(board: SimulatedCard) -> None:
    token = BoardToken(board.url, identity({"pin": "5837"}), lambda words: False)
    try:
        token.press("PRESS", *"5837", "OK", *"482913", "OK")
        token.press("PRESS", "PRESS", *"5837", "OK")
        assert "5 8 3 7" not in token.report()
    finally:
        token.close()


def test_a_key_of_somebody_elses_is_left_alone(pytester: pytest.Pytester) -> None:
    mine = SimulatedProfile(serial="IB3000123", key=bytes(range(32)))
    with SimulatedCard(profile=mine) as board:
        result = run(pytester, "def test_never(dsc_card): ...", "--dsc-port", board.url)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*these tests did not write (serial IB3000123): wipe it first"])
        with CardClient.open(board.url) as client:
            assert client.info().serial == "IB3000123"


def test_the_port_may_stand_in_the_ini_file_and_what_a_stopped_run_left_is_wiped(
    pytester: pytest.Pytester, board: SimulatedCard
) -> None:
    with CardClient.open(board.url) as client:
        client.personalize(Profile(serial="PYTEST-1", key=bytes(range(32))))
    pytester.makeini(f"[pytest]\ndsc_port = {board.url}")
    run(pytester, f"def test_it(dsc_card): assert dsc_card.url == '{board.url}'").assert_outcomes(passed=1)
    assert is_blank(board)


def test_no_board_is_one_line(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_never(dsc_card): ...", "--dsc-port", "sim://nobody")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["dsc_card: sim://nobody: *no simulated card of that name*"])
    assert "Traceback" not in result.stdout.str()


def test_a_board_is_not_shared_between_processes(pytester: pytest.Pytester, board: SimulatedCard) -> None:
    result = run(pytester, "def test_never(dsc_card): ...", "--dsc-port", board.url, "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*dsc_port: one board does one test at a time: run pytest without -n"])


def test_the_port_is_free_once_it_has_been_asked_for(board: SimulatedCard) -> None:
    token = BoardToken(board.url, identity({}), lambda words: False)
    token.press("PRESS")
    held = token._client
    assert token.url == board.url
    with pytest.raises(LinkClosed):
        held.info()
    assert token.press("1") == "PIN>*"
    token.close()
    assert is_blank(board)


BY_HAND = """
    import pytest
    from dsc_simulator import SimulatedCard
    from dsc_simulator.pytest_plugin.board import BoardToken

    board = SimulatedCard(keys_on_line=False)
    assert board.url == "sim://card-1"

    @pytest.fixture(autouse=True)
    def owner(monkeypatch):
        # This is the person at the terminal, who does what the text there says.
        made = BoardToken.__init__

        def with_owner(self, port, identity, ask):
            def ask_and_do(words):
                answered = ask(words)
                names = words.rpartition("press:  ")[2].split("  ")
                board.press(*("PRESS" if name.startswith("press") else name for name in names))
                return answered
            made(self, port, identity, ask_and_do)

        monkeypatch.setattr(BoardToken, "__init__", with_owner)
"""


def test_with_nobody_at_a_terminal_keys_are_not_pressed(pytester: pytest.Pytester) -> None:
    with SimulatedCard(keys_on_line=False) as board:
        test = "def test_it(dsc_card): dsc_card.login('482913')"
        result = run(pytester, test, "--dsc-port", board.url, "-rs")
        result.stdout.fnmatch_lines(["SKIPPED*keys are pressed by hand, and nobody is at a terminal*"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_a_person_is_asked_on_the_terminal(pytester: pytest.Pytester) -> None:
    from tests.simulator.desktop_terminal import Terminal

    pytester.makeconftest(BY_HAND)
    test = pytester.makepyfile("def test_login(dsc_card):\n    assert dsc_card.login('482913').isdecimal()")
    command = [sys.executable, "-m", "pytest", *FLAGS, "--dsc-port=sim://card-1", str(test)]
    answered = 0
    with Terminal(pytester.path, command) as terminal:
        while terminal.read(PATIENCE):
            # Press Enter whenever the program asks for it.
            asked = terminal.seen.count(b"Enter here: ")
            terminal.type(b"\n" * (asked - answered))
            answered = asked
        shown = terminal.seen.decode()
        assert terminal.end() == 0, shown
    assert "On the card at sim://card-1 press:  press (hold it)" in shown
    assert "press:  1  2  3  4  OK" in shown
    assert "press:  4  8  2  9  1  3  OK" in shown
