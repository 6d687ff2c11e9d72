"""The kinds of device. Each kind is a class that defines everything special about it. A new kind is added to `KINDS` here."""

from dsc_host.login.devices.kinds.base import REFUSED, Attempt, DeviceData, DeviceKind, Offered, Outcome, secret_of
from dsc_host.login.devices.kinds.challenge_card import DigitalCard, DscCard, Gold, Platinum
from dsc_host.login.devices.kinds.code_card import CodeCard, OnlineCard
from dsc_host.login.devices.kinds.phone_app import PhoneApp
from dsc_host.login.devices.kinds.sent_code import Sms, Voice
from dsc_host.login.devices.kinds.temporary_code import TemporaryCode
from dsc_host.login.rows import Device

DSC_CARD = DscCard()
PLATINUM = Platinum()
GOLD = Gold()
DIGITAL_CARD = DigitalCard()
CARDS = (DSC_CARD, PLATINUM, GOLD, DIGITAL_CARD)
"""The kinds of cards that answer a challenge. Users can request only `DSC_CARD`. The operator records cards of other kinds."""
CODE_CARD = CodeCard()
ONLINE_CARD = OnlineCard()
TEMPORARY_CODE = TemporaryCode()
PHONE_APP = PhoneApp()
SMS = Sms()
VOICE = Voice()

KINDS: dict[str, DeviceKind] = {
    kind.name: kind for kind in (*CARDS, CODE_CARD, ONLINE_CARD, TEMPORARY_CODE, PHONE_APP, SMS, VOICE)
}
"""All kinds by their names."""


def of(device: Device) -> DeviceKind:
    """Return the kind of a device."""
    return KINDS[device.kind]


__all__ = [
    "CARDS",
    "CODE_CARD",
    "DSC_CARD",
    "KINDS",
    "ONLINE_CARD",
    "PHONE_APP",
    "REFUSED",
    "SMS",
    "TEMPORARY_CODE",
    "VOICE",
    "Attempt",
    "DeviceData",
    "DeviceKind",
    "Offered",
    "Outcome",
    "of",
    "secret_of",
]
