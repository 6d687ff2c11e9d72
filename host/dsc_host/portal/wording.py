"""What pages call things, and how they say that something went wrong or was done: in English here, in others by the
catalogues."""

from collections.abc import Mapping

from dsc_host.errors import DscError, InputError, OutOfMemory, TooManyChallenges, VerifierError
from dsc_host.login import DeviceState, HoldState, Kind, LoginError, Loss, OrderState, Role, Scope, ShareState
from dsc_host.portal.languages import Language

KINDS: Mapping[str, str] = {
    Kind.DSC_PLUS: "Digital Security Card+",
    Kind.CODE_CARD: "Security code card",
    Kind.ONLINE_CARD: "Online security code card",
    Kind.TEMPORARY_CODE: "Temporary code",
    Kind.PHONE_APP: "App on your phone",
    Kind.SMS: "Code by SMS",
    Kind.VOICE: "Code by a call",
    "platinum": "Platinum token (no longer issued)",
    "gold": "Gold token (no longer issued)",
    "digital_card": "Digital Security Card (no longer issued)",
    "none": "No device",
}
STATES: Mapping[DeviceState, str] = {
    DeviceState.SHIPPED: "to be activated",
    DeviceState.ACTIVE: "in use",
    DeviceState.MISPLACED: "put aside, may be activated again",
    DeviceState.LOST: "lost",
    DeviceState.STOLEN: "stolen",
    DeviceState.DAMAGED: "damaged",
    DeviceState.RETURNED: "sent back",
    DeviceState.ENDED: "ended",
}
ORDERS: Mapping[OrderState, str] = {
    OrderState.DRAFT: "not confirmed",
    OrderState.REQUESTED: "requested",
    OrderState.PERSONALISED: "made, not yet sent",
    OrderState.SHIPPED: "on its way",
    OrderState.DONE: "activated",
    OrderState.CANCELLED: "taken back",
    OrderState.ENDED: "its card is out of use",
}
HOLDS: Mapping[HoldState, str] = {
    HoldState.HELD: "held",
    HoldState.RELEASED: "free again",
    HoldState.KEPT: "kept",
}
SHARES: Mapping[ShareState, str] = {
    ShareState.DRAFT: "begun",
    ShareState.PROVEN: "not confirmed",
    ShareState.PENDING: "waits for compliance",
    ShareState.DONE: "shared",
    ShareState.REFUSED: "refused",
    ShareState.CANCELLED: "ended",
}
SCOPES: Mapping[Scope, str] = {
    Scope.FULL: "Everything: trading, and all of your account.",
    Scope.ACCOUNT: "Your account, but no trading.",
    Scope.TRADING: "Trading, and withdrawals within the limit without a device, but none of your account's settings.",
    Scope.STATEMENTS: "The statements of your closed account.",
}
LOSSES: Mapping[Loss, str] = {
    Loss.MISPLACED: "not at hand, may be found",
    Loss.LOST: "lost",
    Loss.STOLEN: "stolen",
    Loss.DAMAGED: "damaged",
}
RESTRICTIONS: Mapping[str, str] = {
    "low_priced_stocks": "Trading in low-priced and over-the-counter stocks is restricted.",
    "bank_details": "Bank details are changed only through support.",
    "email": "The email address is changed only through support.",
    "funding": "By direct debit only one first deposit is possible, of at most {amount}.",
}
ROLES: Mapping[str, str] = {
    Role.SUPPORT: "Support desk",
    Role.ISSUER: "Issuer",
    Role.COMPLIANCE: "Compliance",
}
_FIELDS: Mapping[str, str] = {
    "PIN": "PIN",
    "pin": "PIN",
    "name": "User name",
    "user": "User name",
    "owner": "User name of the device's owner",
    "answer": "Code",
    "number": "Number",
    "days": "Days",
    "identity": "Identity",
    "loss": "What has happened",
    "cents": "US cents",
    "address": "Address",
    "amount": "Amount",
    "password": "Password",
    "phone": "Phone number",
    "tracking": "Tracking number",
    "serial": "Serial",
    "birth date": "Date of birth",
    "citizenship": "Citizenship",
    "residence": "Country of residence",
    "document type": "Kind of document",
    "document number": "Document number",
}
_NOTICES: Mapping[str, str] = {
    "ended": "You have been logged out. Log in again.",
    "left": "You are logged out.",
    "wrong": "That was not right. Choose a device and try again.",
    "password": "Your password is changed. All other sessions have ended.",
    "pin": "The PIN of your card is changed. All other sessions have ended.",
    "activated": "The device is in use now.",
    "code": "That was not the code. Try again, or have another one sent.",
    "removed": "Nothing is sent to this number any more. All other sessions have ended.",
    "phone": "The phone number is confirmed. All other sessions have ended.",
    "cancelled": "The request is taken back.",
    "out": "The protection is switched off. What was lost by it is below.",
    "other_out": "Their protection is switched off: trading asks them for no device, and their limits are lower.",
    "in": "The protection is on again.",
    "returned": "Thank you. The card is out of use, and on its way back.",
    "unshared": "The device is not shared any more.",
    "closed": "The account is closed. Name and password open its statements.",
    "withdrawn": "The withdrawal is recorded.",
    "sent": "The card is on its way.",
    "received": "The card is received, and its deposit is free.",
    "kept": "The deposit is kept.",
    "identified": "The caller is known.",
    "taken": "The device is out of use.",
    "messages": "Codes by SMS and call are enabled.",
    "corrected": "The correction waits for a second person.",
    "waits": "It waits for some days. The owner was told, and may stop it.",
    "counts": "It counts now.",
    "stopped": "It is stopped.",
    "decided": "The request is decided.",
    "made": "The cards are made.",
    "time": "Time has passed.",
}


def explained(error: DscError, _: Language) -> str:
    """What went wrong, for whoever did it. It holds no secret, and nothing that helps whoever guesses."""
    if isinstance(error, LoginError):
        values = {name: _(ROLES.get(str(value), "")) or value for name, value in error.values.items()}
        return _sentence(_(error.words, **values))
    if isinstance(error, TooManyChallenges):
        return _("Too many challenges were asked for. Try again in {seconds} s.", seconds=round(error.retry_after))
    if isinstance(error, InputError):
        return _input(error, _)
    if isinstance(error, VerifierError | OutOfMemory):
        return _("This does not work at the moment. Nothing was changed; try again.")
    return _("That did not work.")


def noticed(key: str, _: Language) -> str:
    """What was done, by its key; empty for a key that there is not."""
    return _(_NOTICES.get(key, ""))


def _input(error: InputError, _: Language) -> str:
    field = _(_FIELDS.get(error.field, "")) or error.field
    return f"{field}: {_(error.words, **error.values)}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")
