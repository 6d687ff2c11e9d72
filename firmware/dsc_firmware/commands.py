"""The handlers of a host's requests, as docs/reference/protocol.md describes them."""

import gc

from . import VERSION, states
from . import journal as storage
from .entropy import EntropyError
from .ocra import Ocra
from .ports import KEY_C, KEY_OK, KEY_PRESS, const, decimal, is_digit, wipe
from .profile import Profile, ProfileError

_NONCE_MAX = const(32)
_ENTROPY_MAX = const(64)
_UNCHECKED = ("hello", "info", "display")
_KEYS = {b"OK": KEY_OK, b"C": KEY_C, b"PRESS": KEY_PRESS}
# The words for the conditions of the card, in the order of the numbers in states.py.
_CONDITIONS = (b"ready", b"blank", b"error", b"low")

# A test vector of RFC 6287, appendix C.2. It needs SHA-256 and no other hash, and every MicroPython has SHA-256.
_TEST_SUITE = "OCRA-1:HOTP-SHA256-8:QA08"
_TEST_KEY = b"12345678901234567890123456789012"
_TEST_QUESTION = b"CLI22220SRV11110"
_TEST_RESPONSE = b"28247970"


class Refused(Exception):
    """A request is refused. `code` is the protocol's error code, and `words` is a message for a person."""

    def __init__(self, code, words):
        super().__init__(words)
        self.code = code
        self.words = words


def known_answer():
    """Return whether the card computes the published response to a published question."""
    out = bytearray(len(_TEST_RESPONSE))
    Ocra(_TEST_SUITE).respond(out, _TEST_KEY, _TEST_QUESTION)
    return out == _TEST_RESPONSE


class Commands:
    """The request handlers of one App."""

    def __init__(self, app):
        self._app = app
        self._profile = Profile()
        self._handlers = {
            "hello": self._hello,
            "info": self._info,
            "display": self._display,
            "entropy": self._entropy,
            "set": self._set,
            "personalize": self._personalize,
            "challenge": self._challenge,
            "cancel": self._cancel,
            "wipe": self._wipe,
            "key": self._key,
            "selftest": self._selftest,
        }

    def serve(self, request):
        """Answer one request. Ignore a request without a checksum, unless its word is in `_UNCHECKED`."""
        if not request.checked and request.word not in _UNCHECKED:
            return
        try:
            handler = self._handlers.get(request.word)
            if handler is None:
                raise Refused("unknown", "no such request")
            handler(request)
        except Refused as refusal:
            self._app.sender.error(request.number, refusal.code, refusal.words)

    def _reply(self, request):
        sender = self._app.sender
        sender.reply(request.number)
        return sender

    def _now(self):
        return self._app.board.clock.ticks_ms()

    def _hello(self, request):
        nonce = request.get(b"nonce")
        if nonce is not None and len(nonce) > _NONCE_MAX:
            raise Refused("bad-arg", "nonce: at most 32 characters")
        reply = self._reply(request)
        if nonce is not None:
            reply.value(b"nonce", nonce)
        reply.value(b"protocol", b"1")
        reply.value(b"firmware", VERSION.encode())
        reply.value(b"serial", self._app.record.serial)
        reply.value(b"board", self._app.board.name.encode())
        reply.value(b"state", states.STATES[self._app.card.state].encode())
        reply.value(b"caps", self._app.board.caps.encode())
        reply.send()

    def _info(self, request):
        record = self._app.record
        reply = self._reply(request)
        reply.value(b"serial", record.serial)
        reply.value(b"suite", record.suite)
        reply.value(b"pin", b"" if record.blank else b"card" if record.checks_pin else b"ocra")
        reply.value(b"counter", str(record.counter).encode())
        reply.value(b"tries", str(max(record.tries - record.failures, 0)).encode() if record.checks_pin else b"")
        reply.value(b"locked", b"1" if record.locked else b"0")
        reply.value(b"unlock", str(record.unlocks).encode() if record.can_unlock else b"")
        reply.value(b"condition", _CONDITIONS[self._app.card.condition])
        mem_free = getattr(gc, "mem_free", None)
        # Collect garbage first, because its memory is free too. If the collector is turned off, respect that.
        if mem_free and gc.isenabled():
            gc.collect()
        reply.value(b"free", str(mem_free()).encode() if mem_free else b"")
        reply.send()

    def _display(self, request):
        reply = self._reply(request)
        reply.value(b"text", self._app.shown())
        reply.send()

    def _entropy(self, request):
        n = self._count(request)
        try:
            data = self._app.entropy.read(n)
        except EntropyError:
            self._app.fail()
            raise Refused("fault", "the entropy source failed its test")
        reply = self._reply(request)
        reply.hex_value(b"bytes", data)
        reply.send()
        wipe(data)

    def _count(self, request):
        text = request.get(b"n")
        if text is None:
            return 32
        n = decimal(text, _ENTROPY_MAX)
        if n < 1:
            raise Refused("bad-arg", "n: 1 to 64")
        return n

    def _set(self, request):
        self._require_blank()
        if len(request) == 0:
            raise Refused("bad-arg", "set: name at least one field")
        for i in range(len(request)):
            self._checked(self._profile.stage, str(request.name(i), "ascii"), request.value(i))
        self._reply(request).send()

    def _personalize(self, request):
        self._require_blank()
        self._checked(self._profile.check)
        stored = self._app.take_on(self._profile)
        self._profile.forget()
        if not stored:
            raise Refused("fault", "the record could not be written")
        reply = self._reply(request)
        reply.value(b"serial", self._app.record.serial)
        reply.send()

    def _require_blank(self):
        status = self._app.journal.status
        if status == storage.READY:
            raise Refused("denied", "the card holds a key; wipe it first")
        if status == storage.BROKEN:
            raise Refused("fault", "the card's record is damaged; wipe it first")

    def _checked(self, action, *values):
        try:
            action(*values)
        except ProfileError as error:
            raise Refused("bad-arg", str(error))

    def _challenge(self, request):
        app, card = self._app, self._app.card
        if card.locked and card.state != states.OFF:
            raise Refused("locked", "card is locked")
        if not card.can_ask():
            raise Refused("state", "card is " + states.STATES[card.state])
        if card.types_question():
            raise Refused("busy", "the owner is typing a challenge")
        question = request.get(b"q")
        if question is None or len(question) != card.question_size or not app.ocra.accepts(question):
            kind = app.ocra.format
            raise Refused("bad-arg", "q: %d %s" % (card.question_size, "digits" if kind == "N" else "characters of Q" + kind))
        app.apply(card.ask(question), self._now())
        self._reply(request).send()

    def _cancel(self, request):
        self._profile.forget()
        self._app.apply(self._app.card.step(states.CANCEL, self._now()), self._now())
        self._reply(request).send()

    def _wipe(self, request):
        card = self._app.card
        if self._app.journal.status == storage.BLANK:
            raise Refused("state", "card is blank")
        if not card.can_ask_wipe():
            raise Refused("state", "card is in use")
        self._app.apply(card.ask_wipe(self._now()), self._now())
        self._reply(request).send()

    def _key(self, request):
        if "keys" not in self._app.board.caps:
            raise Refused("denied", "this board has keys of its own")
        self._app.press(self._key_named(request.get(b"k")), self._now())
        self._reply(request).send()

    def _key_named(self, name):
        if name is not None and len(name) == 1 and is_digit(name[0]):
            return name[0]
        # Compare bytes: a value from the line may be invalid as text.
        key = _KEYS.get(bytes(name)) if name is not None else None
        if key is None:
            raise Refused("bad-arg", "k: 0 to 9, OK, C or PRESS")
        return key

    def _selftest(self, request):
        app = self._app
        for part, passed in (
            (b"response", known_answer()),
            (b"entropy", app.entropy.start()),
            (b"journal", app.journal.sound()),
        ):
            if not passed:
                app.fail()
                raise Refused("fault", str(part, "ascii") + ": failed")
        reply = self._reply(request)
        for name in (b"response", b"entropy", b"journal"):
            reply.value(name, b"pass")
        reply.send()
