"""The card's state machine: keys in, display out, as in the manual.

Pure: `step` changes the state and returns effects; it touches no pin, no file and no clock. Whoever calls it carries the
effects out and tells the outcome by another `step`. PIN, question and display live in one buffer, made once; each part is
overwritten when the state that needs it is left. Nothing is allocated between a key and its display.
"""

from .ports import CELLS, KEY_C, KEY_OK, KEY_PRESS, const, is_digit, ticks_diff, wipe

OFF = const(0)
PIN = const(1)
CHALLENGE = const(2)
RESPONSE = const(3)
NOTICE = const(4)
LOCKED = const(5)
WIPE = const(6)

STATES = ("off", "pin", "challenge", "response", "notice", "locked", "wipe")

# Events that are not keys.
TICK = const(0)
RIGHT = const(1)  # the PIN that was tried is right
WRONG = const(2)  # it is not; `failures` has been counted up
ANSWERED = const(3)  # the response stands in `cells`
ERASED = const(4)  # the record is gone
FAULT = const(5)  # an effect could not be carried out
CANCEL = const(6)  # the line asks for off

# Effects, as bits.
NOTHING = const(0)
SHOW = const(1)  # show `cells`
TRY = const(2)  # count a PIN try, then compare `pin`; step RIGHT, WRONG or FAULT
RESPOND = const(4)  # store the counter, then put the response to `question` into `cells`; step ANSWERED or FAULT
ERASE = const(8)  # erase the record; step ERASED or FAULT

_PIN_SIZE = const(4)
_QUESTION_MAX = const(64)
_IDLE_MS = const(30000)
RESPONSE_MS = const(60000)
_SPACE = const(0x20)
_STAR = const(0x2A)

# What a card can be when it is woken, and what it then shows.
READY = const(0)
BLANK = const(1)
BROKEN = const(2)
LOW = const(3)
_NOTICES = (b"", b"NO KEY", b"ERROR", b"LOBATT")


class Card:
    """One card. Set `condition`, `locked`, `checks_pin` and `question_size` from its record before the first key.

    `cells` is the display (8 bytes of ASCII), `pin` what was typed, `question` what is asked; `asked_by_line` says whether
    the question as it stands came by the serial line.
    """

    def __init__(self):
        memory = memoryview(bytearray(CELLS + _PIN_SIZE + _QUESTION_MAX))
        self.cells = memory[:CELLS]
        self.pin = memory[CELLS : CELLS + _PIN_SIZE]
        self._question = memory[CELLS + _PIN_SIZE :]
        self.state = OFF
        self.condition = BLANK
        self.locked = False
        self.checks_pin = False
        self.question_size = 6
        self.failures = 0
        self.asked_by_line = False
        self._typed = 0
        self._asked = 0
        self._since = 0
        self._keys = (
            self._key_in_off,
            self._key_in_pin,
            self._key_in_challenge,
            self._key_in_response,
            self._key_in_notice,
            self._key_in_notice,
            self._key_in_wipe,
        )
        self._write(b"")

    @property
    def question(self):
        """The question as asked so far, a view of ASCII."""
        return self._question[: self._asked]

    def step(self, event, now):
        """Take one event, a key or one of those above, at `now` (ticks in ms). Returns effects."""
        if event == TICK:
            return self._off() if self.remaining(now) == 0 else NOTHING
        if event <= CANCEL:
            return self._outcome(event, now)
        self._since = now
        if event == KEY_PRESS and self.state != OFF:
            return self._off()
        return self._keys[self.state](event)

    def remaining(self, now):
        """Milliseconds until the card turns itself off, 0 when it is due, -1 when it is off."""
        if self.state == OFF:
            return -1
        left = (RESPONSE_MS if self.state == RESPONSE else _IDLE_MS) - ticks_diff(now, self._since)
        return max(left, 0)

    def ask(self, question):
        """Fill in a question from the line. Returns effects. Only while `can_ask`, and only with `question_size` bytes.

        The time until the card turns itself off runs on: a host must not be able to keep a PIN in memory.
        """
        self._forget_question()
        self._question[: len(question)] = question
        self._asked = len(question)
        self.asked_by_line = True
        return self._show_question() if self.state == CHALLENGE else NOTHING

    def can_ask(self):
        return self.state == PIN or self.state == CHALLENGE

    def types_question(self):
        """Whether the owner has begun to type a question, which no other may replace."""
        return self._asked > 0 and not self.asked_by_line

    def ask_wipe(self, now):
        """Ask the owner `WIPE?` on the display. Returns effects. Not in the middle of a login."""
        self._since = now
        self.state = WIPE
        return self._show(b"WIPE?")

    def can_ask_wipe(self):
        return self.state == OFF or self.state == NOTICE or self.state == LOCKED

    def fail(self, now):
        """Something outside the card's control broke: show ERROR, holding nothing. Returns effects."""
        self._since = now
        self.condition = BROKEN
        return self._notice()

    def _outcome(self, event, now):
        if event == CANCEL:
            return self._off() if self.state != OFF else NOTHING
        if event == FAULT:
            return self.fail(now)
        if event == RIGHT and self.state == PIN:
            return self._accept_pin()
        if event == WRONG and self.state == PIN:
            return self._reject_pin()
        if event == ANSWERED and self.state == CHALLENGE:
            return self._answer()
        if event == ERASED and self.state == WIPE:
            return self._notice()
        return NOTHING

    def _key_in_off(self, key):
        if key != KEY_PRESS:
            return NOTHING
        if self.condition != READY:
            return self._notice()
        if self.locked:
            return self._lock()
        self.state = PIN
        return self._show_pin()

    def _key_in_pin(self, key):
        if key == KEY_OK:
            if self._typed < _PIN_SIZE:
                return NOTHING
            return TRY if self.checks_pin else self._enter_challenge()
        if key == KEY_C:
            return self._erase_pin()
        if not is_digit(key) or self._typed == _PIN_SIZE:
            return NOTHING
        self.pin[self._typed] = key
        self._typed += 1
        return self._show_pin()

    def _erase_pin(self):
        if self._typed == 0:
            return self._off()
        self._typed -= 1
        self.pin[self._typed] = 0
        return self._show_pin()

    def _accept_pin(self):
        self._forget_pin()
        return self._enter_challenge()

    def _reject_pin(self):
        self._forget_pin()
        if self.locked:
            self._forget_question()
            return self._lock()
        self._write(b"FAIL 0")
        self.cells[5] += self.failures
        return SHOW

    def _enter_challenge(self):
        self.state = CHALLENGE
        return self._show_question()

    def _key_in_challenge(self, key):
        if key == KEY_OK:
            return RESPOND if self._asked == self.question_size else NOTHING
        if key == KEY_C:
            return self._erase_question()
        if not is_digit(key) or self._asked == self.question_size:
            return NOTHING
        self._question[self._asked] = key
        self._asked += 1
        return self._show_question()

    def _erase_question(self):
        if self._asked == 0:
            return NOTHING
        self.asked_by_line = False
        self._asked -= 1
        self._question[self._asked] = 0
        return self._show_question()

    def _answer(self):
        self._forget_pin()
        self._forget_question()
        self.state = RESPONSE
        return SHOW

    def _key_in_response(self, key):
        return self._off() if key == KEY_OK else NOTHING

    def _key_in_notice(self, key):
        return NOTHING

    def _key_in_wipe(self, key):
        if key == KEY_OK:
            return ERASE
        return self._off() if key == KEY_C else NOTHING

    def _notice(self):
        self._forget_pin()
        self._forget_question()
        self.state = NOTICE
        return self._show(_NOTICES[self.condition])

    def _lock(self):
        self.state = LOCKED
        return self._show(b"LOCKED")

    def _off(self):
        self._forget_pin()
        self._forget_question()
        self.state = OFF
        return self._show(b"")

    def _forget_pin(self):
        wipe(self.pin)
        self._typed = 0

    def _forget_question(self):
        wipe(self._question)
        self._asked = 0
        self.asked_by_line = False

    def _show_pin(self):
        self._write(b"PIN>")
        for i in range(4, 4 + self._typed):
            self.cells[i] = _STAR
        return SHOW

    def _show_question(self):
        if self._asked == 0:
            return self._show(b"CHALLNG>")
        # A question longer than the display scrolls: its end is what the owner is typing.
        first = max(0, self._asked - CELLS)
        self._write(b"")
        for i in range(first, self._asked):
            self.cells[i - first] = self._question[i]
        return SHOW

    def _show(self, text):
        self._write(text)
        return SHOW

    def _write(self, text):
        for i in range(CELLS):
            self.cells[i] = text[i] if i < len(text) else _SPACE
