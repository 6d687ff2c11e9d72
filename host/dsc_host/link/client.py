"""A card at the other end of a serial line: one method for each thing it can be asked.

Promises: every call ends at its deadline at the latest and the next one works again, whatever the line did; what a call
returns was checked against the protocol; a request that would do harm if it came twice (`personalize`, `challenge`,
`wipe`, a key) is sent once. Raises only InputError and the LinkErrors: CardError (the card refused), LinkTimeout,
LinkClosed, ProtocolError, CardNotFound. No message, repr or transcript holds a key or a PIN.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from dsc_host.errors import CardNotFound, InputError, LinkTimeout, ProtocolError
from dsc_host.link.frames import Event, mask
from dsc_host.link.records import CardInfo, Greeting, Profile, number, read_greeting, read_info, text
from dsc_host.link.session import SerialPort, Session, Transcript
from dsc_host.link.transport import open_port

PROTOCOL = 1
"""The version of the protocol that is spoken here."""
KEYS = frozenset({*"0123456789", "OK", "C", "PRESS"})
_CELLS = 8


class CardClient:
    """Talks to the card at `port`, which it owns from now on. Any object like a pyserial port will do.

    `timeout`: seconds that each call may take in all. `transcript` is called with every line, without its secrets.
    Threads may share a client. Raises InputError if `timeout` is not a positive number.
    """

    def __init__(
        self,
        port: SerialPort,
        *,
        timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        transcript: Transcript | None = None,
    ) -> None:
        self._session = Session(port, timeout, clock, transcript)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        transcript: Transcript | None = None,
    ) -> Self:
        """The card at `url` (`/dev/ttyACM0`, `COM3`, `socket://host:port`, `sim://…`), after it said hello.

        Raises CardNotFound if the port can't be opened or nobody there speaks this protocol within `timeout`; its words
        say what was there instead.
        """
        port = open_port(url)
        try:
            client = cls(port, timeout=timeout, clock=clock, transcript=transcript)
            client._greet(url)
        except BaseException:
            port.close()
            raise
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the port. A call that another thread is in ends with LinkClosed. Twice does no harm."""
        self._session.close()

    def hello(self) -> Greeting:
        """Who is there. Raises ProtocolError if it is no card, or speaks another version of the protocol."""
        nonce = secrets.token_hex(8)
        values = self._ask("hello", {"nonce": nonce})
        if values.get("nonce") != nonce:
            raise ProtocolError("the reply to hello is not an answer to this hello: its nonce is another")
        version = number("hello", values, "protocol", 0, 0xFFFF)
        if version != PROTOCOL:
            raise ProtocolError(f"the card speaks version {version} of the protocol, this program version {PROTOCOL}")
        return read_greeting(values)

    def info(self) -> CardInfo:
        """What the card holds: serial, suite, PIN policy, counter, tries left, unlock codes left."""
        return read_info(self._ask("info"))

    def display(self) -> str:
        """What the display shows now: at most 8 characters, spaces at its right end left out."""
        with self._session.turn() as deadline:
            return self._display(deadline)

    def entropy(self, n: int = 32) -> bytes:
        """`n` random bytes (1 to 64) of the card's own. Raises CardError `fault` if its source has failed."""
        if not 1 <= n <= 64:
            raise InputError("n", "must be 1 to 64 bytes")
        digits = text("entropy", self._ask("entropy", {"n": str(n)}), "bytes")
        if not re.fullmatch(rf"(?:[0-9a-fA-F]{{2}}){{{n}}}", digits):
            raise ProtocolError(f"the reply to entropy has not the {n} bytes in hex that were asked for")
        return bytes.fromhex(digits)

    def personalize(self, profile: Profile) -> None:
        """Writes the profile to a blank card, as one record. Raises CardError `denied` if the card holds a key.

        After LinkTimeout or LinkClosed it may have been written or not: `info()` tells by the serial.
        """
        with self._session.turn() as deadline:
            # Fields that somebody set earlier and left are not this profile's.
            self._session.ask("cancel", {}, deadline, resend=True)
            for values in profile.set_values():
                self._session.ask("set", values, deadline, resend=True)
            reply = self._session.ask("personalize", {}, deadline, resend=False)
        if reply.get("serial") != profile.serial:
            raise ProtocolError("the reply to personalize has not the serial that was set")

    def challenge(self, question: str) -> None:
        """Fills in the question (1 to 64 printable ASCII characters); the owner types the PIN and confirms with OK.

        The response comes as an event: see `wait_response`. Those to earlier questions are dropped.
        """
        if not re.fullmatch(r"[ -~]{1,64}", question):
            raise InputError("question", "must be 1 to 64 printable ASCII characters")
        with self._session.turn() as deadline:
            self._session.ask("challenge", {"q": question}, deadline, resend=False)
            # What came before the card took this question answers another one.
            self._session.forget_events("response")

    def cancel(self) -> None:
        """Turns the card off, whatever it was doing."""
        self._ask("cancel")

    def wipe(self) -> None:
        """Has the card ask its owner `WIPE?`. The answer comes as the event `wipe`; earlier ones are dropped."""
        with self._session.turn() as deadline:
            self._session.ask("wipe", {}, deadline, resend=False)
            self._session.forget_events("wipe")

    def key(self, name: str) -> None:
        """Presses one key: `0` to `9`, `OK`, `C`, `PRESS`. Raises CardError `denied` if the board has real keys."""
        self.press(name)

    def press(self, *names: str) -> None:
        """Presses keys, one after the other, within one deadline. Raises as `key` does."""
        with self._session.turn() as deadline:
            self._press(names, deadline)

    def enter(self, digits: str) -> str:
        """Types digits, then OK, within one deadline, and returns what the display shows then. Raises as `key` does."""
        if not re.fullmatch(r"[0-9]*", digits):
            raise InputError("digits", "must be 0 to 9")
        with self._session.turn() as deadline:
            self._press((*digits, "OK"), deadline)
            return self._display(deadline)

    def selftest(self) -> None:
        """Has the card check its response, entropy and journal. Raises CardError `fault`, which says what failed."""
        values = self._ask("selftest")
        for part in ("response", "entropy", "journal"):
            if text("selftest", values, part) != "pass":
                raise ProtocolError(f"the reply to selftest neither passes {part} nor fails")

    def events(self) -> list[Event]:
        """All events that came and were not fetched yet, oldest first. Does not wait."""
        return self._session.drain_events()

    @property
    def events_dropped(self) -> int:
        """How many events were lost so far because nobody fetched them: only the newest 256 are kept."""
        return self._session.events_dropped

    def wait_event(self, word: str, timeout: float) -> Event:
        """The oldest event `word` that was not fetched yet; waits `timeout` seconds for it. Raises LinkTimeout.

        Other events stay. Other threads can make calls meanwhile.
        """
        return self._session.wait_event(word, timeout)

    def wait_response(self, timeout: float) -> str:
        """The response to the question that `challenge` gave; waits `timeout` seconds for it. Raises LinkTimeout."""
        response = text("challenge", self.wait_event("response", timeout).values, "text")
        if not response:
            raise ProtocolError("the card sent a response that is empty")
        return response

    def _greet(self, url: str) -> None:
        try:
            self.hello()
        except LinkTimeout as error:
            raise CardNotFound(f"{url}: no card answers: {_what_is_there(self._session.seen)}") from error

    def _ask(self, word: str, values: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """A request that does no harm if it comes twice."""
        with self._session.turn() as deadline:
            return self._session.ask(word, values or {}, deadline, resend=True)

    def _display(self, deadline: float) -> str:
        shown = text("display", self._session.ask("display", {}, deadline, resend=True), "text")
        if len(shown) > _CELLS:
            raise ProtocolError(f"the reply to display has more than {_CELLS} characters")
        return shown

    def _press(self, names: tuple[str, ...], deadline: float) -> None:
        # All are checked before the first is pressed. What was given may be a PIN: it is not in the message.
        if not KEYS.issuperset(names):
            raise InputError("key", "must be 0 to 9, OK, C or PRESS")
        for name in names:
            self._session.ask("key", {"k": name}, deadline, resend=False)


def _what_is_there(seen: bytes) -> str:
    """What answered instead of a card, from the last bytes that came."""
    if not seen:
        return "nothing came back. Is the card's program on the board, and running?"
    if b">>>" in seen or b"raw REPL" in seen:
        return "a MicroPython prompt answered. The card's program is not running: reset the board"
    if re.search(rb">[0-9]+ hello nonce=", seen):
        return "only an echo of what was sent came back"
    # It may be the echo of an earlier program's requests, and they may have held a key.
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in mask(seen)[-40:])
    return f"something else is there, which says: {shown}"
