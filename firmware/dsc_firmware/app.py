"""Binds the card to a board's ports: carries its effects out, in the order that keeps the journal's promises."""

from . import card as machine
from . import journal as storage
from .card import Card
from .commands import Commands
from .entropy import Entropy
from .journal import Journal
from .link import Receiver, Sender
from .ports import CELLS, KEY_PRESS, const, wipe
from .profile import DEFAULT_SUITE, ProfileError, code_of, parse_suite

FOREVER = const(3600000)
_KEYS_A_PASS = const(16)
_COUNTER_END = 0xFFFFFFFFFFFFFFFF
_SPACE = const(0x20)


def same(a, b):
    """Whether two buffers of one length are equal, in a time that does not depend on where they differ."""
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


class App:
    """The card on one board. Call `poll` for ever; sleep no longer than it says, less when a key or a byte arrives."""

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
        self._was = self.card.state
        self._start()

    def _start(self):
        self.journal.load()
        self.entropy.start()
        self.refresh()
        self.board.display.show(self.card.cells)
        if self.card.condition == machine.BROKEN:
            self.fail()
        self.sender.event(b"boot")
        self.sender.value(b"state", machine.STATES[self.card.state].encode())
        self.sender.send()

    @property
    def record(self):
        return self.journal.record

    def refresh(self):
        """Make the card what its record and its entropy source say."""
        card, record = self.card, self.record
        card.condition = self._condition()
        card.locked = record.locked
        card.failures = record.failures
        card.checks_pin = record.checks_pin
        card.question_size = self.ocra.length

    def _condition(self):
        if not self.entropy.healthy or self.journal.status == storage.BROKEN:
            return machine.BROKEN
        if self.journal.status == storage.BLANK:
            return machine.BLANK
        return machine.READY if self._load_suite() else machine.BROKEN

    def _load_suite(self):
        # A record from a board with more hashes than this one is kept, and the card says that it can't be used here.
        try:
            self.ocra = parse_suite(self.record.suite)
        except ProfileError:
            return False
        return True

    def poll(self):
        """One pass: time, keys, line. Returns the milliseconds until the next must come."""
        now = self.board.clock.ticks_ms()
        self.apply(self.card.step(machine.TICK, now), now)
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
        """Take one key."""
        if key == KEY_PRESS and self.card.state == machine.OFF:
            self._check_battery()
        self.apply(self.card.step(key, now), now)

    def _check_battery(self):
        # A card that is broken says so until restart, whatever its battery does.
        if self.card.condition == machine.BROKEN:
            return
        if self._battery is not None and self._battery.low():
            self.card.condition = machine.LOW
        elif self.card.condition == machine.LOW:
            self.refresh()

    def fail(self):
        """Show ERROR, and stay there until restart."""
        now = self.board.clock.ticks_ms()
        self.apply(self.card.fail(now), now)

    def apply(self, effects, now):
        """Carry out a step's effects, and those of the steps that follow from them; tell the line what changed."""
        card = self.card
        # The step that made these effects has changed the state already, so the state before it is remembered from last time.
        before = self._was
        asked_by_line = card.asked_by_line
        while effects & ~machine.SHOW:
            effects = card.step(self._carry_out(effects), now)
        if effects & machine.SHOW:
            self.board.display.show(card.cells)
            self._tell(b"display", b"text", self.shown())
        if card.state == before:
            return
        self._was = card.state
        if card.state == machine.RESPONSE and asked_by_line:
            self._tell(b"response", b"text", self.shown())
        if before == machine.WIPE:
            self._tell(b"wipe", b"done", b"1" if self.journal.status == storage.BLANK else b"0")

    def _carry_out(self, effects):
        if effects & machine.TRY:
            return self._try_pin()
        if effects & machine.RESPOND:
            return self._respond()
        return self._erase()

    def _try_pin(self):
        record, card = self.record, self.card
        record.failures += 1
        if not self.journal.store():
            return machine.FAULT
        code_of(record.key, card.pin, self._tried)
        right = same(self._tried, record.code)
        wipe(self._tried)
        if right:
            record.failures = 0
        card.failures = record.failures
        card.locked = record.locked
        if not right:
            return machine.WRONG
        return machine.RIGHT if self.journal.store() else machine.FAULT

    def _respond(self):
        record, card = self.record, self.card
        counter = record.counter
        if self.ocra.counter and not self._spend(counter):
            return machine.FAULT
        for i in range(CELLS):
            card.cells[i] = _SPACE
        self.ocra.respond(card.cells[: self.ocra.digits], record.key, card.question, counter, card.pin)
        return machine.ANSWERED

    def _spend(self, counter):
        if counter >= _COUNTER_END:
            return False
        self.record.counter = counter + 1
        return self.journal.store()

    def _erase(self):
        erased = self.journal.erase()
        self.refresh()
        return machine.ERASED if erased else machine.FAULT

    def take_on(self, profile):
        """Make a checked profile the card's own, in one record. Returns whether it could be stored."""
        profile.fill(self.record)
        stored = self.journal.store_twice()
        if not stored:
            self.record.clear()
        now = self.board.clock.ticks_ms()
        self.refresh()
        self.apply(self.card.step(machine.CANCEL if stored else machine.FAULT, now), now)
        return stored

    def shown(self):
        """What the display shows, as a view without the spaces on its right."""
        cells = self.card.cells
        end = CELLS
        while end and cells[end - 1] == _SPACE:
            end -= 1
        return cells[:end]

    def _tell(self, word, name, data):
        self.sender.event(word)
        self.sender.value(name, data)
        self.sender.send()
