"""An app on a phone through the command: its whole life against a served login system, and the number for its token."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.host.command_runner import PIN, Command
from tests.host.login.letters import code_letters, newest_code
from tests.host.login.scenario import PASSWORD, Scenario, new_scenario
from tests.host.portal.portal_server import nothing_due, served
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind
from dsc_host.portal import application

PHONE = "+41791234567"


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with new_scenario(Clock()) as scenario:
        yield scenario


@pytest.fixture
def server(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the pages of the scenario, and set the app's file and server. Yield the address."""
    monkeypatch.setenv("DSCPLUS_PHONE", str(tmp_path / "phone.json"))
    monkeypatch.setattr("dsc_host.portal.app._do_due", nothing_due)
    with served(application(scenario.system, secure=False)) as url:
        monkeypatch.setenv("DSCPLUS_SERVER", url)
        yield url


class Typed(io.StringIO):
    """Lines of input that are computed when they are read."""

    def __init__(self, *lines: Callable[[], str]) -> None:
        super().__init__()
        self._lines = iter(lines)

    def readline(self, *_: object) -> str:
        return next((line() + "\n" for line in self._lines), "")


def test_a_phones_whole_life(dscplus: Command, scenario: Scenario, server: str) -> None:
    typed = Typed(lambda: PASSWORD, lambda: newest_code(scenario.letters), lambda: PIN)
    done = dscplus("phone", "activate", "ben", "--finger", stdin=typed)
    assert (done.code, done.err.splitlines()[-1]) == (0, "The app is activated for ben.")
    assert json.loads(dscplus("phone", "users", "--json").out) == [{"name": "ben", "finger": True}]
    for finger in ((), ("--finger",)):
        step = scenario.chosen("ben", Kind.PHONE_APP)
        (push,) = json.loads(dscplus("phone", "waiting", "--json").out)
        assert dscplus("phone", "approve", "ben", push["number"], *finger, stdin=f"{PIN}\n").code == 0
        assert scenario.answered(step.token, "")
    step = scenario.chosen("ben", Kind.PHONE_APP)
    assert dscplus("phone", "approve", "ben", "100", stdin=f"{PIN}\n").error.startswith("number: must be the number on")
    assert dscplus("phone", "deny", "ben").code == 0
    assert dscplus("phone", "deny", "ben").error == "no login of ben waits for an answer"
    assert dscplus("phone", "respond", "ben", "482913", stdin=f"{PIN}\n").out.startswith("P")
    assert json.loads(dscplus("phone", "respond", "ben", "482913", "--finger", "--json").out)["response"].startswith("B")
    assert dscplus("phone", "respond", "carl", "482913", "--finger").error.startswith("name: carl is not activated")
    assert dscplus("phone", "forget", "ben", stdin="n\n").error == "nothing was changed"
    assert dscplus("phone", "forget", "ben", "--yes").code == 0
    assert json.loads(dscplus("phone", "users", "--json").out) == []
    dscplus.assert_no_secret_was_printed()


def test_a_removed_user_does_not_keep_another_from_answering(dscplus: Command, scenario: Scenario, server: str) -> None:
    for name in ("ben", "carl"):
        typed = Typed(lambda: PASSWORD, lambda: newest_code(scenario.letters), lambda: PIN)
        assert dscplus("phone", "activate", name, "--finger", stdin=typed).code == 0
    file = Path(os.environ["DSCPLUS_PHONE"])
    before = file.read_bytes()
    assert dscplus("phone", "forget", "ben", "--yes").code == 0
    file.write_bytes(before)  # Now the app still has the user whose device was removed.
    step = scenario.chosen("carl", Kind.PHONE_APP)
    assert "ben" not in dscplus("phone", "waiting").out
    number = dict(step.offer.shows)["number"] if step.offer else ""
    assert dscplus("phone", "approve", "carl", number, "--finger").code == 0
    assert scenario.answered(step.token, "")


def test_a_server_that_is_not_there(dscplus: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_PHONE", str(tmp_path / "phone.json"))
    monkeypatch.setenv("DSCPLUS_SERVER", "http://127.0.0.1:9")
    error = dscplus.refused("phone", "activate", "ben", stdin=f"{PASSWORD}\n", code=1)
    assert error.startswith("http://127.0.0.1:9 cannot be reached (")
    assert error.endswith("); is the portal running, and is this its address?")
    waiting = dscplus("phone", "waiting")
    assert (waiting.code, waiting.err) == (0, "The app has no users. `dscplus phone activate` adds one.\n")


def test_an_app_without_its_packages(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dsc_host.phone.http_client", raising=False)
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert dscplus("phone", "users").error.endswith("install them: pip install 'dscplus[phone]'")


@pytest.mark.parametrize("more", [(), ("--phone", "2")])
def test_which_number_the_token_goes_to(dscplus: Command, scenario: Scenario, server: str, more: tuple[str, ...]) -> None:
    token = scenario.enter_by_sms("ben")
    scenario.clock.advance(1)
    scenario.system.ask_to_confirm_phone(token, "+41795550123")
    assert scenario.system.confirm_phone(token, scenario.sent("sms"))
    typed = Typed(lambda: PASSWORD, lambda: newest_code(scenario.letters), lambda: PIN)
    done = dscplus("phone", "activate", "ben", *more, stdin=typed)
    assert done.err.splitlines()[:2] == [
        f"A code was sent to {'+41…67' if more else '+41…23'}.",
        "Your numbers are 1: +41…23, 2: +41…67. To use another number, start again with --phone and its position in this list.",
    ]
    assert done.code == 0
    assert code_letters(scenario.letters, "sms")[-1].address == (PHONE if more else "+41795550123")


def test_a_number_that_there_is_not(dscplus: Command, scenario: Scenario, server: str) -> None:
    both = ("--phone", "2", "--new-number", "+41791234567")
    assert "cannot be given together with --phone" in dscplus.refused("phone", "activate", "ben", *both)
    for number, told in (("0", "must be 1 or more"), ("-1", "must be 1 or more"), ("2", "must be one of your 1")):
        done = dscplus("phone", "activate", "ben", "--phone", number, stdin=f"{PASSWORD}\n")
        assert done.error.startswith(f"phone: {told}")
    assert scenario.letters == []
