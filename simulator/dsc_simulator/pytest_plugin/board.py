"""A real board in place of a simulated card, for the pytest plugin. It has the same methods, which use its serial line.

The board is personalized for one test and wiped after the test. A board with a key of another origin is not changed.
"""

import time
from collections.abc import Callable
from typing import NoReturn

import pytest

from dsc_host import CardClient, LinkTimeout
from dsc_host import Profile as HostProfile
from dsc_simulator.board import check_key
from dsc_simulator.profile import Profile
from dsc_simulator.pytest_plugin.diary import Diary
from dsc_simulator.pytest_plugin.fixtures import SERIAL, Identity, SimulatedToken, Token

Ask = Callable[[str], bool]
"""A function that shows an instruction to a person and waits until they have done it. It returns False if nobody is there."""
_SECONDS = 5.0
_CELLS = 8
_NOBODY = "this board's keys are pressed by hand, and nobody is at a terminal to do it: run pytest in a terminal, without -n"


class BoardToken(Token):
    """The board at `port`, an address for pyserial. `ask` asks a person to press keys if the line may not press them.

    Raises DscError if there is no card. A test is skipped if it uses a feature that only simulated cards have.
    """

    engine = "board"

    def __init__(self, port: str, identity: Identity, ask: Ask) -> None:
        self._port, self._ask, self._identity = port, ask, identity
        self._diary = Diary(lambda: time.monotonic_ns() // 1_000_000 - self._start)
        self._start = time.monotonic_ns() // 1_000_000
        self._client: CardClient | None = None
        self._shown = ""
        try:
            self._keys_by_line = "keys" in self._open().hello().caps
            self._make_blank(SERIAL)
            if identity.profile:
                self._open().personalize(_for_the_line(identity.profile))
        except BaseException:
            self._let_go()
            raise

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_") and hasattr(SimulatedToken, name):
            pytest.skip(f"{name}: only a simulated card can do that, and this is a board (--dsc-port)")
        raise AttributeError(f"a card has no {name!r}")

    @property
    def url(self) -> str:
        """The board's port. Reading this property closes the plugin's connection: the program under test can open the port.

        The program must close the port before the test uses the card again.
        """
        self._let_go()
        return self._port

    @property
    def display(self) -> str:
        """The text on the display, without the spaces on its right. It is empty when the card is off."""
        self._shown = self._open().display()
        return self._shown

    @property
    def cells(self) -> str:
        """The 8 characters of the display."""
        return self.display.ljust(_CELLS)

    def press(self, *keys: str) -> str:
        """Press keys over the line if the board allows that. If not, ask a person, or skip the test if nobody is there."""
        for key in keys:
            check_key(key)
        self._note(keys)
        if self._keys_by_line:
            self._open().press(*keys)
        elif not self._ask(f"On the card at {self._port} press:  {_spelled(keys)}"):
            pytest.skip(_NOBODY)
        return self.display

    def enter(self, text: str) -> str:
        """Type the digits of `text`, then OK. Return what the display then shows."""
        return self.press(*text, "OK")

    def report(self) -> str:
        """Return the pressed keys, the serial line and the display as text that contains no secret."""
        return self._diary.report(self._shown.ljust(_CELLS))

    def close(self) -> None:
        """Make the card blank again, and close its port. Closing twice does nothing."""
        try:
            # The card was blank when the test began, so the test has written its record, whatever the serial is.
            self._make_blank("")
        finally:
            self._let_go()

    def _make_blank(self, ours: str) -> None:
        """Wipe the card if its serial begins with `ours`, the sign of a record of these tests. Fail for any other serial."""
        client = self._open()
        client.cancel()
        serial = client.info().serial
        if serial and not serial.startswith(ours):
            pytest.fail(
                f"the card at {self._port} holds a key that these tests did not write (serial {serial}): wipe it first", False
            )
        if serial:
            client.wipe()
            self.press("OK")
            self._wait_wiped(client)
            client.cancel()

    def _wait_wiped(self, client: CardClient) -> None:
        try:
            client.wait_event("wipe", _SECONDS)
        except LinkTimeout:
            pytest.fail(f"the card at {self._port} asked WIPE? and nobody pressed OK: it still holds the test's key", False)

    def _open(self) -> CardClient:
        if self._client is None:
            self._client = CardClient.open(self._port, timeout=_SECONDS, transcript=self._tell)
        return self._client

    def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _note(self, keys: tuple[str, ...]) -> None:
        shown = self.display
        for key in keys:
            self._diary.key(key, shown)
            # After PRESS, the card is off or asks for the PIN. The diary then masks the digits that follow.
            shown = "" if key == "PRESS" else shown

    def _tell(self, direction: str, line: bytes) -> None:
        body = line.decode("ascii", "replace").rpartition("*")[0]
        self._diary.masked_line("in" if direction == "sent" else "out", body)


def _spelled(keys: tuple[str, ...]) -> str:
    return "  ".join("press (hold it)" if key == "PRESS" else key for key in keys)


def _for_the_line(profile: Profile) -> HostProfile:
    tries = {} if profile.tries is None else {"tries": profile.tries}
    return HostProfile(
        serial=profile.serial,
        key=profile.key,
        suite=profile.suite,
        pin_policy=profile.pin_policy,
        code=profile.pin,
        counter=profile.counter,
        unlock_key=profile.unlock_key,
        **tries,
    )
