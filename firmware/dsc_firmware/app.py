"""The connection of the state machine with a board's ports. A change of the record is stored before its result is shown."""

import struct

from . import journal as storage
from . import states
from .card import Card
from .commands import Commands
from .entropy import Entropy, EntropyError
from .journal import Journal
from .link import Receiver, Sender
from .ocra import Ocra
from .ports import CELLS, KEY_PRESS, const, put_decimal, wipe
from .profile import DEFAULT_SUITE, ProfileError, code_of, parse_suite

FOREVER = const(3600000)
_KEYS_A_PASS = const(16)
_COUNTER_END = 0xFFFFFFFFFFFFFFFF
_SPACE = const(0x20)
_UNLOCK_SUITE = "OCRA-1:HOTP-SHA256-8:QN06"
_UNLOCK_QUESTIONS = const(1000000)


def same(a, b):
    """Return whether two buffers of the same length are equal. The time does not depend on where they differ."""
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


class App:
    """The card on one board. Call `poll` again and again, as long as the board has power."""

    def __init__(self, board):
        self.board = board
        self.card = Card()
        self._battery = getattr(board, "battery", None)
        self.journal = Journal(board.flash)
        self.entropy = Entropy(board.entropy)
        self.ocra = parse_suite(DEFAULT_SUITE)
        self.sender = Sender(board.line)
        self._receiver = Receiver(Commands(self).serve)
        self._tried = bytearray(storage.CODE_SIZE)
        self._unlocking = memoryview(bytearray(states.UNLOCK_QUESTION + CELLS))
        self._was = self.card.state
        self._start()

    def _start(self):
        self.journal.load()
        self.entropy.start()
        self.refresh()
        # The time without power is unknown, so the wait starts again.
        self._wait()
        self.board.display.show(self.card.cells)
        if self.card.condition == states.BROKEN:
            self.fail()
        self.sender.event(b"boot")
        self.sender.value(b"state", states.STATES[self.card.state].encode())
        self.sender.send()

    @property
    def record(self):
        """Return the card's record."""
        return self.journal.record

    def refresh(self):
        """Update the card from its record and its entropy source."""
        card, record = self.card, self.record
        card.condition = self._condition()
        card.locked = record.locked
        card.failures = record.failures
        card.checks_pin = record.checks_pin
        card.unlocks = record.unlocks
        card.question_size = self.ocra.length

    def _condition(self):
        if not self.entropy.healthy or self.journal.status == storage.BROKEN:
            return states.BROKEN
        if self.journal.status == storage.BLANK:
            return states.BLANK
        return states.READY if self._load_suite() else states.BROKEN

    def _load_suite(self):
        # The suite may need a hash that this board does not have. The card then keeps the record, and shows ERROR.
        try:
            self.ocra = parse_suite(self.record.suite)
        except ProfileError:
            return False
        return True

    def poll(self):
        """Process the time, the keys and the line once. Return the milliseconds after which the caller must call again.

        The caller must call earlier if a key or the line may have input.
        """
        now = self.board.clock.ticks_ms()
        self.apply(self.card.step(states.TICK, now), now)
        for _ in range(_KEYS_A_PASS):
            key = self.board.keypad.get()
            if key is None:
                break
            self.press(key, now)
        waiting = self.board.line.read()
        if waiting:
            self._receiver.feed(waiting)
        left = self.card.remaining(now)
        return FOREVER if left < 0 else left

    def press(self, key, now):
        """Process one key at `now` (ticks in ms)."""
        if key == KEY_PRESS and self.card.state == states.OFF:
            self._check_battery()
        self.apply(self.card.step(key, now), now)

    def _check_battery(self):
        # A broken card shows ERROR until its restart, even if its battery is low.
        if self.card.condition == states.BROKEN:
            return
        if self._battery is not None and self._battery.low():
            self.card.condition = states.LOW
        elif self.card.condition == states.LOW:
            self.refresh()

    def fail(self):
        """Show ERROR until the restart of the card."""
        now = self.board.clock.ticks_ms()
        self.apply(self.card.fail(now), now)

    def apply(self, effects, now):
        """Carry out the effects of a step, and those of the steps that follow from it. Report the changes on the line."""
        card = self.card
        # The step that returned these effects has already changed the state. So compare with the state after the last call.
        before = self._was
        asked_by_line = card.asked_by_line
        while effects & ~states.SHOW:
            effects = card.step(self._carry_out(effects), now)
        if effects & states.SHOW:
            self.board.display.show(card.cells)
            self._tell(b"display", b"text", self.shown())
        if card.state == before:
            return
        self._was = card.state
        if card.state == states.RESPONSE and asked_by_line:
            self._tell(b"response", b"text", self.shown())
        if before == states.WIPE:
            self._tell(b"wipe", b"done", b"1" if self.journal.status == storage.BLANK else b"0")

    def _carry_out(self, effects):
        if effects & states.TRY:
            return self._try_pin()
        if effects & states.RESPOND:
            return self._respond()
        if effects & states.ASK:
            return self._ask()
        return self._open() if effects & states.OPEN else self._erase()

    def _try_pin(self):
        record, card = self.record, self.card
        record.failures += 1
        if not self.journal.store():
            return states.FAULT
        code_of(record.key, card.pin, self._tried)
        right = same(self._tried, record.code)
        wipe(self._tried)
        if right:
            record.failures = 0
        card.failures = record.failures
        card.locked = record.locked
        if not right:
            return states.WRONG
        return states.RIGHT if self.journal.store() else states.FAULT

    def _respond(self):
        record, card = self.record, self.card
        counter = record.counter
        if self.ocra.counter and not self._spend(counter):
            return states.FAULT
        for i in range(CELLS):
            card.cells[i] = _SPACE
        self.ocra.respond(card.cells[: self.ocra.digits], record.key, card.question, counter, card.pin)
        return states.ANSWERED

    def _spend(self, counter):
        if counter >= _COUNTER_END:
            return False
        self.record.counter = counter + 1
        return self.journal.store()

    def _ask(self):
        if self.record.asked == 0 and not self._draw():
            return states.FAULT
        self.card.put_question(self.record.asked - 1)
        return states.ASKED

    def _draw(self):
        """Choose and store an unlock challenge, which stays until the owner tries a code. Return whether that succeeded."""
        try:
            # Read more bytes than are needed, so that the health tests find a source that repeats one byte.
            data = self.entropy.read(16)
        except EntropyError:
            return False
        self.record.asked = struct.unpack_from("<I", data)[0] % _UNLOCK_QUESTIONS + 1
        return self.journal.store()

    def _open(self):
        record = self.record
        number = record.asked - 1
        record.asked = 0
        record.unlock_failures += 1
        if not self.journal.store():
            return states.FAULT
        right = self._opens(number)
        if right:
            record.failures = record.unlock_failures = 0
        self.refresh()
        self._wait()
        if not right:
            return states.WRONG
        return states.RIGHT if self.journal.store() else states.FAULT

    def _opens(self, number):
        """Return whether the typed code is the response to the unlock challenge `number`."""
        question, code = self._unlocking[: states.UNLOCK_QUESTION], self._unlocking[states.UNLOCK_QUESTION :]
        put_decimal(number, question)
        Ocra(_UNLOCK_SUITE).respond(code, self.record.unlock_key, question)
        right = same(code, self.card.question)
        wipe(self._unlocking)
        return right

    def _wait(self):
        self.card.wait.start(self.record.unlock_failures, self.board.clock.ticks_ms())

    def _erase(self):
        erased = self.journal.erase()
        self.refresh()
        self._wait()
        return states.ERASED if erased else states.FAULT

    def take_on(self, profile):
        """Store the checked `profile` as the card's record. Return whether that succeeded. If not, show ERROR."""
        profile.fill(self.record)
        stored = self.journal.store_twice()
        if not stored:
            self.record.clear()
        now = self.board.clock.ticks_ms()
        self.refresh()
        self.apply(self.card.step(states.CANCEL if stored else states.FAULT, now), now)
        return stored

    def shown(self):
        """Return the text on the display as a view, without the spaces on its right."""
        cells = self.card.cells
        end = CELLS
        while end and cells[end - 1] == _SPACE:
            end -= 1
        return cells[:end]

    def _tell(self, word, name, data):
        self.sender.event(word)
        self.sender.value(name, data)
        self.sender.send()
