"""A pyserial port to a simulated card.

`sim://NAME` is the `url` of a card that is open in this process. `sim://` makes a blank card, which exists until the port is
closed. `sim://?engine=micropython&seed=1` makes a blank card with these options. Reads block in real time, up to the port's
timeout.
"""

from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from serial.serialutil import PortNotOpenError, SerialBase, SerialException

from dsc_simulator.card import SimulatedCard, find
from dsc_simulator.errors import SimulatorError

_OPTIONS = ("engine", "seed")


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    unknown = set(options) - set(_OPTIONS)
    if unknown:
        raise SerialException(f"sim://: {', '.join(sorted(unknown))}: unknown option; the options are {', '.join(_OPTIONS)}")
    if "seed" in options:
        if not options["seed"].isdecimal():
            raise SerialException("sim://: seed: must be a whole number")
        options["seed"] = int(options["seed"])
    return options


def _make(url: SplitResult) -> SimulatedCard:
    if url.path or url.fragment:
        raise SerialException(f"{url.geturl()}: write sim://NAME, or sim://?option=value")
    try:
        return SimulatedCard(**_options(url.query))
    except SimulatorError as error:
        raise SerialException(f"sim://: {error}") from error


def _find(url: SplitResult) -> SimulatedCard:
    if url.query:
        raise SerialException(f"{url.geturl()}: a card that is open takes no options")
    card = find(url.netloc)
    if card is None:
        raise SerialException(f"{url.geturl()}: no simulated card of that name is open in this program; sim:// makes one")
    return card


class Serial(SerialBase):
    """The host's end of a simulated card's serial line. Speed and handshake settings are accepted but have no effect."""

    # These attributes are in pyserial's base class, but not in its type stubs.
    _port: str | None
    _timeout: float | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._card: SimulatedCard | None = None
        self._own = False
        self._cancelled = False
        super().__init__(*args, **kwargs)

    def open(self) -> None:
        """Find or make the card. Raise SerialException if there is no card with this name, or if an option is wrong."""
        if self._port is None:
            raise SerialException("Port must be configured before it can be used.")
        if self.is_open:
            raise SerialException("Port is already open.")
        url = urlsplit(self._port)
        self._own = not url.netloc
        self._card = _make(url) if self._own else _find(url)
        self._cancelled = False
        self.is_open = True

    def close(self) -> None:
        """Close the port, and the card if the port made it."""
        card, self._card = self._card, None
        self.is_open = False
        if card is not None:
            card.wake()
        if card is not None and self._own:
            card.close()

    @property
    def card(self) -> SimulatedCard:
        """The card of this port. Raises PortNotOpenError after `close`, and SerialException if the card was closed."""
        if self._card is None:
            raise PortNotOpenError()
        if self._card.closed:
            raise SerialException("the simulated card was closed")
        return self._card

    @property
    def in_waiting(self) -> int:
        """The number of bytes that can be read without waiting."""
        return self.card.waiting

    def read(self, size: int = 1) -> bytes:
        """Read up to `size` bytes. Wait for all of them, at most until the timeout."""
        card = self.card
        data = card.receive(size, self._timeout, lambda: self._cancelled or self._card is not card)
        self._cancelled = False
        return data

    def cancel_read(self) -> None:
        """End a `read` in which another thread waits."""
        self._cancelled = True
        self.card.wake()

    def write(self, data: Any) -> int:
        """Send bytes to the card, and return their number. Raise SerialException if the firmware crashes or the power fails."""
        payload = bytes(memoryview(data))
        try:
            self.card.send(payload)
        except SimulatorError as error:
            raise SerialException(f"the simulated card failed: {error}") from error
        return len(payload)

    def reset_input_buffer(self) -> None:
        """Discard the bytes that the card has sent."""
        self.card.receive()

    def reset_output_buffer(self) -> None:
        """Do nothing: when `write` returns, the card has handled the bytes."""

    def flush(self) -> None:
        """Do nothing: when `write` returns, the card has handled the bytes."""

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """Do nothing: speed, parity and handshake have no meaning here."""

    def _update_rts_state(self) -> None:
        """Do nothing: RTS is not wired."""

    def _update_dtr_state(self) -> None:
        """Do nothing: DTR is not wired."""

    def _update_break_state(self) -> None:
        """Do nothing: this line has no break signal."""

    @property
    def cts(self) -> bool:
        """Clear To Send: always on."""
        return True

    @property
    def dsr(self) -> bool:
        """Data Set Ready: always on."""
        return True

    @property
    def ri(self) -> bool:
        """Ring Indicator: always off."""
        return False

    @property
    def cd(self) -> bool:
        """Carrier Detect: always on."""
        return True
