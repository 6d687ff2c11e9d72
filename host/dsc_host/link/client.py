"""The client for a card on a serial line: one method for each request of the protocol.

Promises:

- Every call ends at its deadline at the latest, even if the line fails. A call that failed does not disturb the next call.
- Every returned value follows the protocol.
- A request that must not arrive twice (`personalize`, `challenge`, `wipe`, a key press) is sent once.
- Every error is an InputError or a LinkError: CardError (the card refuses), LinkTimeout, LinkClosed, ProtocolError or
  CardNotFound.
- No error message, repr or transcript contains a key or a PIN.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from dsc_host.errors import CardNotFound, CardStopped, InputError, LinkTimeout, ProtocolError
from dsc_host.link.frames import Event, mask
from dsc_host.link.records import CardInfo, Greeting, Profile, number, read_greeting, read_info, text
from dsc_host.link.session import SerialPort, Session, Transcript
from dsc_host.link.transport import open_port
from dsc_host.urls import without_password

PROTOCOL = 1
"""The version of the protocol that this client speaks."""
KEYS = frozenset({*"0123456789", "OK", "C", "PRESS"})
_CELLS = 8


class CardClient:
    """A client for the card at `port`, which can be any object with the methods and attributes of `SerialPort`.

    The client owns the port and closes it. `timeout` is the number of seconds that each call may take in total. The calls
    `wait_event` and `wait_response` have timeouts of their own. `transcript` is called with every line, in which secrets are
    masked. `clock` returns seconds and never goes back. Threads may share a client. The constructor raises InputError if
    `timeout` is not a positive number, and LinkClosed if the port fails.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient, Profile
        >>> with CardClient.open("sim://") as card:
        ...     card.personalize(Profile(serial="IB3000123", key=bytes(range(32))))
        ...     card.press("PRESS")
        ...     card.enter("1234"), card.enter("482913"), card.info().counter
        ('CHALLNG>', '03421046', 1)
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
        """Return a client for the card at `url` (`/dev/ttyACM0`, `COM3`, `socket://host:port`, `sim://…`).

        The call waits for the card's greeting. `timeout`, `clock` and `transcript` are as in the constructor. Raises
        CardNotFound if the port cannot be opened, or if no card answers within `timeout`. The message then describes what the
        port sent. Raises CardStopped, a subclass of CardNotFound, if a MicroPython prompt answers, and the errors of `hello`.
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
        """Close the port. A call in another thread ends with LinkClosed. Closing twice does no harm."""
        self._session.close()

    def hello(self) -> Greeting:
        """Return the card's greeting.

        Raises ProtocolError if the reply is malformed or answers another request, or if the card speaks another version of the
        protocol.
        """
        nonce = secrets.token_hex(8)
        values = self._ask("hello", {"nonce": nonce})
        if values.get("nonce") != nonce:
            raise ProtocolError("the reply does not belong to this hello: its nonce differs")
        version = number("hello", values, "protocol", 0, 0xFFFF)
        if version != PROTOCOL:
            raise ProtocolError(f"the card speaks version {version} of the protocol; this program speaks version {PROTOCOL}")
        return read_greeting(values)

    def info(self) -> CardInfo:
        """Return the card's serial, suite, PIN policy, counter and condition, and the numbers of tries that are left."""
        return read_info(self._ask("info"))

    def display(self) -> str:
        """Return the text on the display: at most 8 characters, without the spaces on its right."""
        with self._session.turn() as deadline:
            return self._display(deadline)

    def entropy(self, n: int = 32) -> bytes:
        """Return `n` random bytes (1 to 64) from the card's entropy source.

        Raises CardError with the code `fault` if the source has failed, InputError for another `n`, and ProtocolError for a
        malformed reply.
        """
        if not 1 <= n <= 64:
            raise InputError("n", "must be 1 to 64 bytes")
        digits = text("entropy", self._ask("entropy", {"n": str(n)}), "bytes")
        if not re.fullmatch(rf"(?:[0-9a-fA-F]{{2}}){{{n}}}", digits):
            raise ProtocolError(f"the reply to entropy does not hold the {n} bytes in hex that were requested")
        return bytes.fromhex(digits)

    def personalize(self, profile: Profile) -> None:
        """Write `profile` to a blank card, completely or not at all.

        Raises CardError with the code `denied` if the card holds a key, and ProtocolError if the reply names another serial.
        After LinkTimeout or LinkClosed, the serial in `info()` shows whether the profile was written.
        """
        with self._session.turn() as deadline:
            # Discard the fields that an earlier program may have set.
            self._session.ask("cancel", {}, deadline, resend=True)
            for values in profile.set_values():
                self._session.ask("set", values, deadline, resend=True)
            reply = self._session.ask("personalize", {}, deadline, resend=False)
        if reply.get("serial") != profile.serial:
            raise ProtocolError("the reply to personalize does not hold the serial that was set")

    def challenge(self, question: str) -> None:
        """Send the card the challenge `question`, 1 to 64 printable ASCII characters. Raises InputError for another text.

        The owner types the PIN and confirms with OK. The card sends the response as an event: see `wait_response`.
        Responses to earlier questions are dropped.
        """
        if not re.fullmatch(r"[ -~]{1,64}", question):
            raise InputError("question", "must be 1 to 64 printable ASCII characters")
        with self._session.turn() as deadline:
            self._session.ask("challenge", {"q": question}, deadline, resend=False)
            # A response that arrived before the card accepted this question answers an earlier question.
            self._session.forget_events("response")

    def cancel(self) -> None:
        """Switch the card off, in any state. Discard the fields of a profile that were set but not written."""
        self._ask("cancel")

    def wipe(self) -> None:
        """Make the card ask its owner `WIPE?`. OK erases the card, and C cancels.

        The outcome arrives as the event `wipe`. Earlier `wipe` events are dropped.
        """
        with self._session.turn() as deadline:
            self._session.ask("wipe", {}, deadline, resend=False)
            self._session.forget_events("wipe")

    def key(self, name: str) -> None:
        """Press the key `name`: `0` to `9`, `OK`, `C` or `PRESS`.

        Raises CardError with the code `denied` if the board has real keys, and InputError for another name.
        """
        self.press(name)

    def press(self, *names: str) -> None:
        """Press the keys `names`, one after the other, in one call with one deadline. Raises the errors of `key`."""
        with self._session.turn() as deadline:
            self._press(names, deadline)

    def enter(self, digits: str) -> str:
        """Press the keys `digits` and OK, and return the text on the display, in one call with one deadline.

        Raises the errors of `key`, and InputError if `digits` contains another character.
        """
        if not re.fullmatch(r"[0-9]*", digits):
            raise InputError("digits", "must be 0 to 9")
        with self._session.turn() as deadline:
            self._press((*digits, "OK"), deadline)
            return self._display(deadline)

    def selftest(self) -> None:
        """Make the card check its response generation, its entropy and its journal.

        Raises CardError with the code `fault` if a part has failed, which the message names. Raises ProtocolError for a
        malformed reply.
        """
        values = self._ask("selftest")
        for part in ("response", "entropy", "journal"):
            if text("selftest", values, part) != "pass":
                raise ProtocolError(f"the reply to selftest does not report a pass for {part}")

    def events(self) -> list[Event]:
        """Remove all events from the queue and return them, the oldest first. Do not wait for more events."""
        return self._session.drain_events()

    @property
    def events_dropped(self) -> int:
        """The number of events that were dropped because the queue was full. The queue keeps the newest 256 events."""
        return self._session.events_dropped

    def wait_event(self, word: str, timeout: float) -> Event:
        """Wait up to `timeout` seconds for an event of the kind `word`. Remove the oldest such event and return it.

        Other events stay in the queue. Other threads can make calls during the wait. Raises LinkTimeout if no such event
        arrives.
        """
        return self._session.wait_event(word, timeout)

    def wait_response(self, timeout: float) -> str:
        """Wait up to `timeout` seconds for the response to the question of the last `challenge`, and return it.

        Raises LinkTimeout if no response arrives, and ProtocolError for an empty response.
        """
        response = text("challenge", self.wait_event("response", timeout).values, "text")
        if not response:
            raise ProtocolError("the card sent an empty response")
        return response

    def _greet(self, url: str) -> None:
        try:
            self.hello()
        except LinkTimeout as error:
            seen = self._session.seen
            kind = CardStopped if _is_prompt(seen) else CardNotFound
            raise kind(f"{without_password(url)}: no card answers: {_describe_answer(seen)}") from error

    def _ask(self, word: str, values: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Send a request that may arrive twice, and return the values of the reply."""
        with self._session.turn() as deadline:
            return self._session.ask(word, values or {}, deadline, resend=True)

    def _display(self, deadline: float) -> str:
        shown = text("display", self._session.ask("display", {}, deadline, resend=True), "text")
        if len(shown) > _CELLS:
            raise ProtocolError(f"the reply to display has more than {_CELLS} characters")
        return shown

    def _press(self, names: tuple[str, ...], deadline: float) -> None:
        # Check all names before pressing the first key. The names may spell a PIN, so the message leaves them out.
        if not KEYS.issuperset(names):
            raise InputError("key", "must be 0 to 9, OK, C or PRESS")
        for name in names:
            self._session.ask("key", {"k": name}, deadline, resend=False)


def _is_prompt(seen: bytes) -> bool:
    return b">>>" in seen or b"raw REPL" in seen


def _describe_answer(seen: bytes) -> str:
    """Return words about the device that answered instead of a card. `seen` has the last bytes that were received."""
    if not seen:
        return "nothing came back. Is the card's program on the board, and running?"
    if _is_prompt(seen):
        return (
            "a MicroPython prompt answered. The card's program is stopped, or not on the board: "
            "reset the board, or install it, with: dscplus flash"
        )
    if re.search(rb">[0-9]+ hello nonce=", seen):
        return "only an echo of the request came back"
    # The bytes may echo requests of an earlier program, with a key.
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in mask(seen)[-40:])
    return f"another device answered: {shown}"
