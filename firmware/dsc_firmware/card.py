"""The card's state machine: keys are its input, and the display is its output.

`step` uses no hardware: it changes the card's state and returns effects. The caller carries the effects out, and reports the
outcome with another `step`. The display, the PIN and the question are parts of one buffer. The PIN and the question are
overwritten as soon as the card no longer needs them. `step` itself allocates no memory.
"""

from . import states
from .backoff import Wait
from .cells import put_end, put_masked, put_number, put_text
from .ports import CELLS, KEY_C, KEY_OK, KEY_PRESS, const, is_digit, put_decimal, ticks_diff, wipe

_PIN_SIZE = const(4)
_QUESTION_MAX = const(64)
_IDLE_MS = const(30000)
_NOTICES = (b"", b"NO KEY", b"ERROR", b"LOBATT")


class Card:
    """A card. Set `condition`, `locked`, `failures`, `checks_pin`, `question_size` and `unlocks` before the first key.

    `unlocks` is the number of unlock codes that are still accepted. `cells` is the display: 8 bytes of ASCII. `pin` is the PIN
    as typed. `question` is the question, or the unlock code in UNLOCK. `asked_by_line`: the question came over the line.
    """

    def __init__(self):
        memory = memoryview(bytearray(CELLS + _PIN_SIZE + _QUESTION_MAX))
        self.cells = memory[:CELLS]
        self.pin = memory[CELLS : CELLS + _PIN_SIZE]
        self._question = memory[CELLS + _PIN_SIZE :]
        self.state = states.OFF
        self.condition = states.BLANK
        self.locked = False
        self.checks_pin = False
        self.question_size = 6
        self.failures = 0
        self.unlocks = 0
        self.wait = Wait()
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
            self._key_in_locked,
            self._key_in_wipe,
            self._key_in_asking,
            self._key_in_unlock,
            self._key_in_notice,
        )
        put_text(self.cells, b"")

    @property
    def question(self):
        """Return a view of the question, as ASCII: the characters typed so far, or the question that came over the line."""
        return self._question[: self._asked]

    def step(self, event, now):
        """Process one event at `now` (ticks in ms), and return effects. An event is a key, or an event of `states`."""
        if event == states.TICK:
            return self._tick(now)
        if event <= states.ASKED:
            return self._outcome(event, now)
        self._since = now
        if event == KEY_PRESS and self.state != states.OFF:
            return self._off()
        return self._keys[self.state](event)

    def remaining(self, now):
        """Return the milliseconds until the card changes without input: 0 if it must change now, -1 if it is off."""
        left = self._idle_left(now)
        return min(left, self.wait.next_ms(now)) if self.state == states.WAIT else left

    def _idle_left(self, now):
        if self.state == states.OFF:
            return -1
        return max((states.RESPONSE_MS if self.state == states.RESPONSE else _IDLE_MS) - ticks_diff(now, self._since), 0)

    def put_question(self, number):
        """Set the question to the unlock challenge `number`, as 6 digits."""
        put_decimal(number, self._question[: states.UNLOCK_QUESTION])
        self._asked = states.UNLOCK_QUESTION

    def ask(self, question):
        """Accept a question of `question_size` bytes from the line. Return effects. Call `can_ask` first."""
        # Do not restart the idle time. Otherwise a host that asks again and again could keep a typed PIN in memory forever.
        self._forget_question()
        self._question[: len(question)] = question
        self._asked = len(question)
        self.asked_by_line = True
        return self._show_question() if self.state == states.CHALLENGE else states.NOTHING

    def can_ask(self):
        """Return whether the line may ask a question now."""
        return self.state in (states.PIN, states.CHALLENGE)

    def types_question(self):
        """Return whether the owner has begun to type a question, which the line must not replace."""
        return self._asked > 0 and not self.asked_by_line

    def ask_wipe(self, now):
        """Ask the owner `WIPE?` on the display. Return effects. Call `can_ask_wipe` first."""
        self._since = now
        self.state = states.WIPE
        return self._show(b"WIPE?")

    def can_ask_wipe(self):
        """Return whether the line may ask for a wipe now."""
        return self.state in (states.OFF, states.NOTICE, states.LOCKED, states.WAIT)

    def fail(self, now):
        """Show ERROR, forget all input, and return effects, because a port or an effect has failed."""
        self._since = now
        self.condition = states.BROKEN
        return self._notice()

    def _tick(self, now):
        changed = self.wait.tick(now)
        if self._idle_left(now) == 0:
            return self._off()
        return self._show_wait() if changed and self.state == states.WAIT else states.NOTHING

    def _outcome(self, event, now):
        if event == states.CANCEL:
            return self._off() if self.state != states.OFF else states.NOTHING
        if event == states.FAULT:
            return self.fail(now)
        if event == states.RIGHT and self.state in (states.PIN, states.UNLOCK):
            return self._accept()
        if event == states.WRONG and self.state == states.PIN:
            return self._reject_pin()
        if event == states.WRONG and self.state == states.UNLOCK:
            self._forget_question()
            return self._show_wait()
        if event == states.ASKED and self.state == states.LOCKED:
            self.state = states.ASKING
            return self._show_question()
        if event == states.ANSWERED and self.state == states.CHALLENGE:
            return self._answer()
        if event == states.ERASED and self.state == states.WIPE:
            return self._notice()
        return states.NOTHING

    def _key_in_off(self, key):
        if key != KEY_PRESS:
            return states.NOTHING
        if self.condition != states.READY:
            return self._notice()
        if self.locked:
            return self._lock()
        return self._enter_pin()

    def _enter_pin(self):
        self.state = states.PIN
        return self._show_pin()

    def _key_in_pin(self, key):
        if key == KEY_OK:
            if self._typed < _PIN_SIZE:
                return states.NOTHING
            return states.TRY if self.checks_pin else self._enter_challenge()
        if key == KEY_C:
            return self._erase_pin()
        if not is_digit(key) or self._typed == _PIN_SIZE:
            return states.NOTHING
        self.pin[self._typed] = key
        self._typed += 1
        return self._show_pin()

    def _erase_pin(self):
        if self._typed == 0:
            return self._off()
        self._typed -= 1
        self.pin[self._typed] = 0
        return self._show_pin()

    def _accept(self):
        if self.state == states.PIN:
            self._forget_pin()
            return self._enter_challenge()
        self._forget_question()
        return self._enter_pin()

    def _reject_pin(self):
        self._forget_pin()
        if self.locked:
            self._forget_question()
            return self._lock()
        put_text(self.cells, b"FAIL 0")
        self.cells[5] += self.failures
        return states.SHOW

    def _enter_challenge(self):
        self.state = states.CHALLENGE
        return self._show_question()

    def _key_in_challenge(self, key):
        return self._type(key, self.question_size, states.RESPOND)

    def _key_in_unlock(self, key):
        return self._type(key, CELLS, states.OPEN)

    def _type(self, key, size, done):
        if key == KEY_OK:
            return done if self._asked == size else states.NOTHING
        if key == KEY_C:
            return self._erase_question()
        if not is_digit(key) or self._asked == size:
            return states.NOTHING
        self._question[self._asked] = key
        self._asked += 1
        return self._show_question()

    def _erase_question(self):
        if self._asked == 0:
            return states.NOTHING
        self.asked_by_line = False
        self._asked -= 1
        self._question[self._asked] = 0
        return self._show_question()

    def _answer(self):
        self._forget_pin()
        self._forget_question()
        self.state = states.RESPONSE
        return states.SHOW

    def _key_in_response(self, key):
        return self._off() if key == KEY_OK else states.NOTHING

    def _key_in_notice(self, key):
        return states.NOTHING

    def _key_in_locked(self, key):
        if key != KEY_OK or self.unlocks == 0:
            return states.NOTHING
        return self._show_wait() if self.wait.seconds else states.ASK

    def _key_in_asking(self, key):
        if key != KEY_OK:
            return states.NOTHING
        self._forget_question()
        self.state = states.UNLOCK
        return self._show_question()

    def _key_in_wipe(self, key):
        if key == KEY_OK:
            return states.ERASE
        return self._off() if key == KEY_C else states.NOTHING

    def _notice(self):
        self._forget_pin()
        self._forget_question()
        self.state = states.NOTICE
        return self._show(_NOTICES[self.condition])

    def _lock(self):
        self.state = states.LOCKED
        return self._show(b"LOCKED")

    def _show_wait(self):
        """Show the seconds until the card accepts an unlock code. If it accepts a code now, or never again, show LOCKED."""
        if self.wait.seconds == 0 or self.unlocks == 0:
            return self._lock()
        self.state = states.WAIT
        put_number(self.cells, b"WAIT", self.wait.seconds)
        return states.SHOW

    def _off(self):
        self._forget_pin()
        self._forget_question()
        self.state = states.OFF
        return self._show(b"")

    def _forget_pin(self):
        wipe(self.pin)
        self._typed = 0

    def _forget_question(self):
        wipe(self._question)
        self._asked = 0
        self.asked_by_line = False

    def _show_pin(self):
        put_masked(self.cells, b"PIN>", self._typed)
        return states.SHOW

    def _show_question(self):
        if self._asked == 0:
            return self._show(b"UNLOCK>" if self.state == states.UNLOCK else b"CHALLNG>")
        put_end(self.cells, self._question, self._asked)
        return states.SHOW

    def _show(self, text):
        put_text(self.cells, text)
        return states.SHOW
