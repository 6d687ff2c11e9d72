"""The kinds of device, each behind the same protocol: it offers a challenge and checks the answer."""

from collections.abc import Mapping

from dsc_host.login.devices.kinds.base import REFUSED, Attempt, Factor, Offered, Outcome
from dsc_host.login.devices.kinds.code_card import CodeCardFactor
from dsc_host.login.devices.kinds.dsc_card import CardFactor
from dsc_host.login.devices.kinds.phone_app import PhoneFactor
from dsc_host.login.devices.kinds.sent_code import SentCodeFactor
from dsc_host.login.devices.kinds.temporary_code import TemporaryCodeFactor
from dsc_host.login.model import Kind

FACTORS: Mapping[Kind, Factor] = {
    Kind.DSC_PLUS: CardFactor(),
    Kind.CODE_CARD: CodeCardFactor(),
    Kind.ONLINE_CARD: CodeCardFactor(),
    Kind.TEMPORARY_CODE: TemporaryCodeFactor(),
    Kind.PHONE_APP: PhoneFactor(),
    Kind.SMS: SentCodeFactor("sms"),
    Kind.VOICE: SentCodeFactor("voice"),
}

__all__ = ["FACTORS", "REFUSED", "Attempt", "Factor", "Offered", "Outcome"]
