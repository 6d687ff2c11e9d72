"""The part of a page that asks for a device's response, which depends on the kind of device."""

import re
from dataclasses import replace

from dsc_host.login import Kind, Offer
from dsc_host.portal.components import Instructions
from dsc_host.portal.instructions import INSTRUCTIONS, marked
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, SentMessage, Shown, View
from dsc_host.portal.wording import ANSWERS, KINDS

_LONGEST = 64
_CARD_DIGITS = 8
_SENT = (Kind.SMS, Kind.VOICE)
_NO_LONGER_ISSUED = (Kind.PLATINUM, Kind.GOLD, Kind.DIGITAL_CARD)
_CODES = (Kind.CODE_CARD, Kind.ONLINE_CARD)


def with_answer_form(visit: Visit, offer: Offer, view: View, form: Form, *, new_pin: bool = False) -> View:
    """Return the view with this form, and with the challenge, the instructions and the fields for the response.

    If `new_pin` is set, the response must be made with a PIN that was just chosen, and the view already has the instructions.
    """
    _ = visit._
    steps = () if new_pin else _instructions(_, offer)
    asked = replace(
        view,
        facts=view.facts or _device(_, offer),
        words=(*view.words, *steps) if len(steps) == 1 else view.words,
        blocks=(*view.blocks, Instructions(steps)) if len(steps) > 1 else view.blocks,
        shown=_shown(_, offer),
        forms=(replace(form, fields=(*form.fields, *_fields(visit, offer))),),
    )
    return visit.extended(asked, offer, new_pin=new_pin)


def is_push(offer: Offer) -> bool:
    """Return whether the user answers the offer on the phone. The page then has no field for an answer."""
    return "number" in offer.shows


def read_answer(visit: Visit, offer: Offer) -> str:
    """Return the answer in the form. The codes of a code card are separated by spaces.

    If the kind of device fixes the number of digits, spaces and hyphens are removed: people type them between digits.
    """
    if offer.kind in _CODES:
        return " ".join(filter(None, (visit.value(name) for name in _names(offer)))) or visit.value("answer")
    text = visit.value("answer")
    return text if _digits(visit, offer) is None else re.sub(r"[\s-]", "", text)


def wrong_answer(_: Language, offer: Offer) -> str:
    """Return the words about a wrong answer. They say how many tries are left, and what to do or what follows the last one.

    A card cannot notice that its PIN is wrong, so its owner is told to check the PIN too.
    """
    if offer.kind is Kind.DSC_PLUS:
        return _(
            "Wrong response. Tries\u00a0left:\u00a0{left}. Check the PIN and the challenge, and enter both on the card again.",
            left=offer.left,
        )
    return _(
        "That answer was not correct. Tries left:\u00a0{left}. After the last one, you must start again.",
        left=offer.left,
    )


def digits_error(visit: Visit, offer: Offer) -> str:
    """Return the sentence about an answer with a wrong number of digits. Return empty text if the number is right or not fixed.

    Such an answer is a typing error. The page asks again, and the answer does not count as a wrong one.
    """
    _, digits, given = visit._, _digits(visit, offer), len(re.findall("[0-9]", visit.value("answer")))
    if digits in (None, given):
        return ""
    if offer.kind in _SENT:
        return _("A code has {digits} digits; yours has {given}.", digits=digits, given=given)
    return _("A response has {digits} digits; yours has {given}.", digits=digits, given=given)


def _digits(visit: Visit, offer: Offer) -> int | None:
    """Return the number of digits of the answer, or None if the kind of device does not fix that number."""
    if offer.kind in _SENT:
        return visit.system.policy.login.code_digits
    return _CARD_DIGITS if offer.kind is Kind.DSC_PLUS else None


def _shown(_: Language, offer: Offer) -> tuple[Shown, ...]:
    """Return the values that the user reads from the page."""
    labels = {"challenge": _("Challenge"), "indexes": _("Index numbers"), "number": _("Number")}
    return tuple(Shown(labels[name], value, large=name == "number") for name, value in offer.shows.items() if name in labels)


def _device(_: Language, offer: Offer) -> tuple[tuple[str, str], ...]:
    """Return the kind and the label of a device that is no longer issued. The title and the instructions do not name it."""
    return ((_(KINDS[offer.kind]), offer.label),) if offer.kind in _NO_LONGER_ISSUED and offer.label else ()


def _instructions(_: Language, offer: Offer) -> tuple[str, ...]:
    """Return the instructions for answering this offer."""
    if is_push(offer):
        return (_("A notification was sent to your phone. To approve it there, enter the number below on the phone."),)
    return tuple(marked(_(each), number=offer.shows.get("sent_to", "")) for each in INSTRUCTIONS[offer.kind])


def _fields(visit: Visit, offer: Offer) -> tuple[Field, ...]:
    """Return the fields for the answer: none for a push, one for each code of a code card, and otherwise a single field."""
    if is_push(offer):
        return ()
    _ = visit._
    if offer.kind in _CODES:
        fields = zip(_names(offer), offer.shows["indexes"].split(), strict=True)
        hint = _("{letters} characters.", letters=offer.letters) if offer.letters else ""
        return tuple(
            Field(name, _("Code {number}", number=index), "text", hint, longest=_LONGEST, secret=True) for name, index in fields
        )
    kind = "code" if offer.digits else "text"
    # With "one-time-code", browsers fill in a code from a message. They must not fill it in as the response of a card.
    filled = "one-time-code" if offer.kind in _SENT else "off"
    hint, sent = _hint(visit, offer), _sent(visit, offer)
    return (Field("answer", _(ANSWERS[offer.kind]), kind, hint, autocomplete=filled, longest=_LONGEST, secret=True, sent=sent),)


def _names(offer: Offer) -> tuple[str, ...]:
    """Return the names of the fields for the codes of a card. The first name is `answer`, because errors are shown there."""
    return tuple("answer" if at == 0 else f"answer{at + 1}" for at in range(len(offer.shows["indexes"].split())))


def _sent(visit: Visit, offer: Offer) -> SentMessage | None:
    """Return the message with the code of this offer, or None if no code was sent for it."""
    if offer.sent_at is None:
        return None
    user = visit.visitor().name if visit.is_logged_in() else visit.system.step(visit.token).user
    return SentMessage("code", user, offer.sent_at)


def _hint(visit: Visit, offer: Offer) -> str:
    """Return the hint: the number of digits, if the kind of device fixes it, and the minutes to answer, if more than one."""
    _, rules = visit._, visit.system.policy.login
    minutes = int(min(rules.step_validity, visit.system.context.cards.policy.validity)) // 60
    if offer.kind in _SENT:
        minutes = min(rules.step_validity, rules.code_validity) // 60
    digits = _digits(visit, offer)
    if digits is None:
        return _("Within {minutes} minutes.", minutes=minutes) if minutes > 1 else ""
    return _("{digits} digits, within {minutes} minutes.", digits=digits, minutes=minutes) if minutes > 1 else ""
