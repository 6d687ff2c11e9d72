"""The words on the pages: the names of device kinds, states and fields, and the sentences for errors and notices.

The words here are in English. The translations are in the catalogs.
"""

import math
from collections.abc import Mapping

from dsc_host.errors import DscError, InputError, OutOfMemory, TooManyChallenges, VerifierError
from dsc_host.login import (
    DeviceState,
    DeviceView,
    FundingMethod,
    HoldState,
    Kind,
    LoginError,
    Loss,
    OrderState,
    Role,
    Scope,
    ShareState,
    TooManyAttempts,
)
from dsc_host.portal.languages import Language

KINDS: Mapping[str, str] = {
    Kind.DSC_PLUS: "Digital Security Card+",
    Kind.PLATINUM: "Platinum token",
    Kind.GOLD: "Gold token",
    Kind.DIGITAL_CARD: "Digital Security Card",
    Kind.CODE_CARD: "Security code card",
    Kind.ONLINE_CARD: "Online security code card",
    Kind.TEMPORARY_CODE: "Temporary code",
    Kind.PHONE_APP: "App on your phone",
    Kind.SMS: "Code by SMS",
    Kind.VOICE: "Code by phone call",
    "none": "No device",
}
_PROPER = frozenset({Kind.DSC_PLUS, Kind.DIGITAL_CARD, Kind.PLATINUM, Kind.GOLD})
"""The kinds whose names are proper names."""
ANSWERS: Mapping[Kind, str] = {
    Kind.DSC_PLUS: "Response",
    Kind.PLATINUM: "Response",
    Kind.GOLD: "Response",
    Kind.DIGITAL_CARD: "Response",
    Kind.TEMPORARY_CODE: "Code",
    Kind.PHONE_APP: "Response",
    Kind.SMS: "Code",
    Kind.VOICE: "Code",
}
TITLES: Mapping[Kind, str] = {
    Kind.DSC_PLUS: "Confirm with your card",
    Kind.PLATINUM: "Confirm with your token",
    Kind.GOLD: "Confirm with your token",
    Kind.DIGITAL_CARD: "Confirm with your card",
    Kind.CODE_CARD: "Confirm with your security code card",
    Kind.ONLINE_CARD: "Confirm with your online security code card",
    Kind.TEMPORARY_CODE: "Confirm with your temporary code",
    Kind.PHONE_APP: "Confirm with the app on your phone",
    Kind.SMS: "Confirm with a code by SMS",
    Kind.VOICE: "Confirm with a code by phone call",
}
"""The titles of the pages that ask for a device's response, at the login and in a session."""
PROOFS: Mapping[str, str] = {
    "/activate": "Confirm: activate the device",
    "/close": "Confirm: close the account",
    "/devices/online": "Confirm: get an online security code card",
    "/devices/remove/confirm": "Confirm: remove the app",
    "/opt-in": "Confirm: opt back in",
    "/opt-out": "Confirm: opt out of the protection",
    "/password": "Confirm: change the password",
    "/phones": "Confirm: add a phone number",
    "/phones/remove": "Confirm: remove a phone number",
    "/pin": "Confirm: change the PIN",
    "/profile/address": "Confirm: change the postal address",
    "/profile/bank": "Confirm: change the bank instructions",
    "/profile/email": "Confirm: change the email address",
    "/request": "Confirm: request a card",
    "/return/sent": "Confirm: send the card back",
    "/share": "Confirm: share a device",
    "/share/cancel": "Confirm: stop sharing the device",
    "/sheet": "Confirm: show the codes",
}
"""The titles of the pages that ask for a device's response before an operation, by the path of the operation's form."""
STATES: Mapping[DeviceState, str] = {
    DeviceState.SHIPPED: "not activated yet",
    DeviceState.ACTIVE: "in use",
    DeviceState.MISPLACED: "suspended",
    DeviceState.LOST: "lost",
    DeviceState.STOLEN: "stolen",
    DeviceState.DAMAGED: "damaged",
    DeviceState.RETURNED: "sent back",
    DeviceState.ENDED: "ended",
}
ORDERS: Mapping[OrderState, str] = {
    OrderState.DRAFT: "not confirmed",
    OrderState.REQUESTED: "requested",
    OrderState.PERSONALIZED: "made, not yet sent",
    OrderState.SHIPPED: "on its way",
    OrderState.DONE: "activated",
    OrderState.CANCELLED: "canceled",
    OrderState.ENDED: "card no longer in use",
}
HOLDS: Mapping[HoldState, str] = {
    HoldState.HELD: "held",
    HoldState.RELEASED: "released",
    HoldState.KEPT: "kept",
}
GONE: Mapping[DeviceState, str] = {
    DeviceState.LOST: "The device was reported lost on {day}.",
    DeviceState.STOLEN: "The device was reported stolen on {day}.",
    DeviceState.DAMAGED: "The device was reported damaged on {day}.",
}
"""The reasons for keeping money, by the state of the device. `day` is the day when this was reported."""
FUNDING_METHODS: Mapping[FundingMethod, str] = {
    FundingMethod.ACH: "Direct debit (ACH)",
    FundingMethod.EFT: "Electronic transfer (EFT)",
    FundingMethod.WIRE: "Bank transfer",
}
FUNDING_HINTS: Mapping[FundingMethod, str] = {
    FundingMethod.ACH: "We collect the money from your bank in the US.",
    FundingMethod.EFT: "We collect the money from your bank outside the US.",
    FundingMethod.WIRE: "You order the transfer at your bank. Best for large amounts.",
}
"""The explanation of each way of payment."""
FUNDING_ARRIVALS: Mapping[FundingMethod, str] = {
    FundingMethod.ACH: "Usually within 4 business days.",
    FundingMethod.EFT: "Usually within 4 business days.",
    FundingMethod.WIRE: "Usually 1 business day after your bank sends it.",
}
"""The usual waiting time of each way of payment."""
SHARES: Mapping[ShareState, str] = {
    ShareState.DRAFT: "started",
    ShareState.PROVEN: "not confirmed",
    ShareState.PENDING: "being checked",
    ShareState.DONE: "shared",
    ShareState.REFUSED: "refused",
    ShareState.CANCELLED: "ended",
}
SCOPES: Mapping[Scope, str] = {
    Scope.FULL: "Full access to trading and to your account.",
    Scope.ACCOUNT: "Your account, without trading.",
    Scope.TRADING: "Trading, and withdrawals within the limit that applies without a device. No account settings.",
    Scope.STATEMENTS: "Only the statements of your closed account.",
}
LOSSES: Mapping[Loss, str] = {
    Loss.MISPLACED: "Misplaced, may be found",
    Loss.LOST: "Lost",
    Loss.STOLEN: "Stolen",
    Loss.DAMAGED: "Damaged",
}
LOSS_HINTS: Mapping[Loss, str] = {
    Loss.MISPLACED: "Once it is found, its owner can activate it again.",
}
DOCUMENTS: Mapping[str, str] = {
    "passport": "Passport",
    "id": "Identity card",
    "licence": "Driver's license",
    "ssn": "Social security number",
}
RESTRICTIONS: Mapping[str, str] = {
    "low_priced_stocks": "Trading in low-priced and over-the-counter stocks is restricted.",
    "bank_details": "Bank instructions can be changed only through support.",
    "email": "The email address and the postal address can be changed only through support.",
    "funding": "Direct debit (ACH) and electronic transfer (EFT) allow only one initial deposit of at most {amount}.",
}
ROLES: Mapping[str, str] = {
    Role.SUPPORT: "support",
    Role.ISSUER: "an issuer",
    Role.COMPLIANCE: "compliance",
    f"{Role.SUPPORT} or {Role.COMPLIANCE}": "support or compliance",
}
_PINS = ("PIN", "pin")
"""The names of fields for a PIN. An error about such a field is one sentence with the PIN as its subject."""
_FIELDS: Mapping[str, str] = {
    "again": "Repetition",
    "sure": "Confirmation",
    "name": "User name",
    "user": "User name",
    "owner": "Your other user name",
    "answer": "Code",
    "code": "Code",
    "number": "Number",
    "days": "Days",
    "identity": "Identity",
    "loss": "What happened",
    "cents": "US cents",
    "address": "Address",
    "email": "Email address",
    "bank": "Bank instructions",
    "iban": "IBAN",
    "routing": "Routing number",
    "account_number": "Account number",
    "amount": "Amount",
    "method": "Way of payment",
    "password": "Password",
    "phone": "Phone number",
    "tracking": "Tracking number",
    "serial": "Serial",
    "birth date": "Date of birth",
    "birth_date": "Date of birth",
    "citizenship": "Citizenship",
    "residence": "Country of residence",
    "document type": "Document type",
    "document_type": "Document type",
    "document number": "Document number",
    "document_number": "Document number",
    "device name": "Name",
    "page": "Page",
    "search": "Who is calling?",
    "note": "Note",
    "why": "Reason",
}
_NOTICES: Mapping[str, str] = {
    "ended": "You have been logged out. Log in again.",
    "left": "You are logged out.",
    "code_sent": "A new code is on its way. The previous code is no longer valid.",
    "wrong": "{number} responses were wrong. Choose a device below to try again with a new challenge. A wrong PIN gives a wrong"
    " response too.",
    "not_approved": "The login was not approved on the phone. Choose a device below to try again.",
    "password": "Your password was changed. All other sessions have ended.",
    "pin": "Your card's PIN was changed. All other sessions have ended.",
    "app_activated": "The app is ready. You can now approve logins here.",
    "device_activated": "{device} is now in use.",
    "not_activated": "The device was not activated: there were too many wrong answers. Start again.",
    "pin_kept": "The PIN was not changed: there were too many wrong answers. Start again.",
    "named": "The name was saved.",
    "choose_device": "Choose a device first. Under “Details” is everything that you can do with it.",
    "already_in": "Nobody has opted out of the protection.",
    "suspended": "Nobody can log in with the device any more. All other sessions have ended.",
    "app_removed": "The app was removed.",
    "session_ended": "The session has ended.",
    "sessions_ended": "All other sessions have ended.",
    "extended": "The session now lasts longer, until {until}.",
    "not_extended": "The session does not last longer. Only an answer with your finger or face extends it.",
    "removed": "No more messages go to {number}. All other sessions have ended.",
    "phone_waits": "The phone number {number} was confirmed. Codes go to it after some days. You were notified, and can stop"
    " this.",
    "phone": "The phone number {number} was confirmed. All other sessions have ended.",
    "own_email": "Your messages now go to {email}. Both addresses were notified.",
    "email": "The email address was changed. Both addresses were notified.",
    "own_bank": "The bank instructions of your account were changed. You were notified.",
    "bank": "The bank instructions of the account were changed, and its primary user was notified.",
    "own_address": "Your postal address was changed. You were notified.",
    "address": "The postal address was changed, and its owner was notified.",
    "cancelled": "The request was canceled.",
    "out": "{user} has opted out of the protection.",
    "in": "{user} has opted back in to the protection.",
    "own_out": "You have opted out of the protection.",
    "own_in": "You have opted back in to the protection.",
    "returned": "Thank you. The card is now out of use and on its way back.",
    "unshared": "The device is no longer shared.",
    "closed": "The account is closed. You can still read its statements with your user name and password.",
    "withdrawn": "The withdrawal of {amount} from the account of {owner} to {bank} was recorded. It arrives by {day}.",
    "withdrawn_before": "This withdrawal was already recorded. The same form moves the money only once.",
    "deposited": "The transfer of {amount} into the account of {owner} was recorded.",
    "deposited_before": "This transfer was already recorded. The same form moves the money only once.",
    "sent": "The card is on its way.",
    "received": "The card was received. If its deposit was still held, it was released.",
    "kept": "The money was taken from the account, and its owner was notified.",
    "identified": "The caller was identified.",
    "earlier_call": "This page was of an earlier call. Nothing was changed.",
    "call_ended": "The call has ended. Who is next?",
    "noted": "The note was saved.",
    "taken": "The device was taken out of use.",
    "messages": "Codes by SMS and call are enabled.",
    "corrected": "The correction waits for a second person.",
    "waits": "The change takes effect after some days. The owner was notified and can stop it.",
    "counts": "The change is now in effect.",
    "stopped": "The change was stopped.",
    "decided": "Your decision was recorded.",
    "made": "All cards were made.",
    "batch": "A batch of cards was made. Others are still waiting.",
    "none_left": "None of these cards was waiting any more. Nothing was changed.",
    "all_sent": "The cards are on their way.",
    "approved": "The login was approved.",
    "denied": "The login was denied.",
    "time": "Time has passed.",
}
_MOST_SECONDS, _MOST_MINUTES = 120, 120
"""The longest times to wait that an error gives in seconds and in minutes. A longer time is in hours."""
SUCCESS, INFO, WARNING = "success", "info", "warning"
NOTICE_KINDS: Mapping[str, str] = {
    "ended": INFO,
    "left": INFO,
    "wrong": WARNING,
    "not_approved": WARNING,
    "not_extended": WARNING,
    "removed": INFO,
    "app_removed": INFO,
    "choose_device": INFO,
    "already_in": INFO,
    "unshared": INFO,
    "not_activated": WARNING,
    "pin_kept": WARNING,
    "out": WARNING,
    "own_out": WARNING,
    "closed": INFO,
    "withdrawn_before": INFO,
    "deposited_before": INFO,
    "kept": INFO,
    "taken": WARNING,
    "earlier_call": WARNING,
    "call_ended": INFO,
    "corrected": INFO,
    "phone_waits": INFO,
    "waits": INFO,
    "denied": INFO,
    "none_left": INFO,
    "time": INFO,
}
"""The kinds of the notices. A notice without an entry reports a success. No notice is `DANGER`, because none reports harm."""


def in_sentence(_: Language, kind: Kind) -> str:
    """Return the name of a kind for the middle of a sentence. In English, only proper names keep their capital letter."""
    name = _(KINDS[kind])
    return name if _.code != "en" or kind in _PROPER else f"{name[0].lower()}{name[1:]}"


def kind_name(_: Language, kind: str, *, issued: bool) -> str:
    """Return the name of a kind of device, with a mark if it is no longer issued."""
    name = _(KINDS[kind])
    return name if issued else _("{device} (no longer issued)", device=name)


def device_name(device: DeviceView) -> str:
    """Return a text that distinguishes the device from others of its kind: the name that the user gave it, and its label."""
    return name_with_label(device.name, device.label)


def name_with_label(name: str, label: str) -> str:
    """Return the name that a user gave a device, then its label in parentheses. If one is missing, return only the other."""
    return f"{name} ({label})" if name and label else name or label


def explained(error: DscError, _: Language) -> str:
    """Return a sentence that explains an error to the visitor but does not help an attacker."""
    if isinstance(error, TooManyAttempts) and error.retry_after > _MOST_SECONDS:
        return _sentence(_later(error, _))
    if isinstance(error, LoginError):
        # Translate only the values that are roles: a user may have the name of a role.
        values = {name: _(ROLES.get(str(value), "")) or value for name, value in error.values.items() if name == "role"}
        return _sentence(_(error.words, **{**error.values, **values}))
    if isinstance(error, TooManyChallenges):
        return _("Too many challenges were requested. Try again in {seconds} s.", seconds=max(1, math.ceil(error.retry_after)))
    if isinstance(error, InputError):
        return _input(error, _)
    if isinstance(error, VerifierError | OutOfMemory):
        return _("This is not possible at the moment. Nothing was changed. Try again.")
    return _("That did not work.")


def _later(error: TooManyAttempts, _: Language) -> str:
    """Return the words of an error with a long time to wait, in minutes or hours. The time is rounded up."""
    minutes = math.ceil(error.retry_after / 60)
    if minutes <= _MOST_MINUTES:
        return _("too many attempts; try again in {minutes} min", minutes=minutes)
    return _("too many attempts; try again in {hours} h", hours=math.ceil(minutes / 60))


def explained_at_field(error: InputError, _: Language) -> str:
    """Return the sentence that explains an error beside its field. It does not repeat the field's label."""
    if error.field in _PINS:
        return _input(error, _)
    return _sentence(_(error.words, **error.values))


def notice_words(key: str) -> str:
    """Return the sentence of the notice with this key, in English, with the names of its values in braces."""
    return _NOTICES[key]


def notice_kind(key: str) -> str:
    """Return the kind of the notice with this key, which decides its color and its sign."""
    return NOTICE_KINDS.get(key, SUCCESS)


def _input(error: InputError, _: Language) -> str:
    if error.field in _PINS:
        return _sentence(_("The PIN {problem}", problem=_(error.words, **error.values)))
    field = _(_FIELDS.get(error.field, "")) or error.field
    sign = "" if field.endswith("?") else ":"
    return f"{field}{sign} {_sentence(_(error.words, **error.values))}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")
