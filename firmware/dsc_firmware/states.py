"""The states of the card, and the events and effects of its steps, as small integers."""

from .ports import const

OFF = const(0)
PIN = const(1)
CHALLENGE = const(2)
RESPONSE = const(3)
NOTICE = const(4)
LOCKED = const(5)
WIPE = const(6)
ASKING = const(7)
UNLOCK = const(8)
WAIT = const(9)

STATES = ("off", "pin", "challenge", "response", "notice", "locked", "wipe", "asking", "unlock", "wait")

# The events that are not keys.
TICK = const(0)  # time has passed
RIGHT = const(1)  # the PIN or unlock code is right
WRONG = const(2)  # the PIN or unlock code is wrong, and the failure was counted
ANSWERED = const(3)  # the response is in `cells`
ERASED = const(4)  # the record is erased
FAULT = const(5)  # an effect failed
CANCEL = const(6)  # the line turns the card off
ASKED = const(7)  # the unlock challenge is in `question`

# The effects, as bits. The caller carries an effect out. The last words name the events that may be its outcome.
NOTHING = const(0)
SHOW = const(1)  # show `cells`
TRY = const(2)  # count a PIN try, then compare `pin`: RIGHT, WRONG or FAULT
RESPOND = const(4)  # store the next counter, then put the response to `question` into `cells`: ANSWERED or FAULT
ERASE = const(8)  # erase the record: ERASED or FAULT
ASK = const(16)  # choose an unlock challenge and put it into `question`: ASKED or FAULT
OPEN = const(32)  # count an unlock try, then compare the code in `question`: RIGHT, WRONG or FAULT

UNLOCK_QUESTION = const(6)
RESPONSE_MS = const(60000)

# The conditions of the card. The condition determines what the card shows when it is switched on.
READY = const(0)
BLANK = const(1)
BROKEN = const(2)
LOW = const(3)
