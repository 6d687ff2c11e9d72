"""Cards that answer a challenge: the page shows the challenge, and the verifier judges the card's response.

Only the Digital Security Card+ is still issued. A user who has a Digital Security Card without the plus, a Platinum token or a
Gold token can log in with it once the operator has recorded it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsc_host.login.devices.kinds.base import REFUSED, Attempt, DeviceData, DeviceKind, Offered, Outcome
from dsc_host.login.model import DeviceState, Kind, Loss, Status
from dsc_host.login.policy.model import Policy
from dsc_host.login.policy.serials import is_of
from dsc_host.login.rows import Device
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.ocra import fold_response
from dsc_host.records.transaction import Refused
from dsc_host.verifier import card_lookup, challenges, judgment, lifecycle
from dsc_host.verifier.model import State
from dsc_host.verifier.transaction import CardTransaction


@dataclass(frozen=True, slots=True)
class CardData(DeviceData):
    """The values that are stored with a card."""

    activates_at: float | None = None
    """The Unix time of which the owner was notified as that of the imminent automatic activation; None before this notice."""


class ChallengeCard(DeviceKind):
    """The common base of the cards."""

    physical = True
    lasting = True
    enrolled = True
    changes_pin = True
    digits = True
    losses = tuple(Loss)

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered | Refused:
        """Issue a challenge for the card."""
        issued = challenges.issue(attempt.tx.cards, found(attempt.device.serial), conceal=False)
        if isinstance(issued, Refused):
            return issued
        return Offered({"challenge": issued.question}, {"challenge": issued.id})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Have the verifier judge the response."""
        verdict = judgment.judge(attempt.tx.cards, "verify", _answers(kept, answer))
        return Outcome(Status.ACCEPTED, duress=verdict.duress) if verdict else REFUSED

    def check_activation(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check a response. Reactivate a misplaced card for the check, and keep it active only if the response is correct."""
        if attempt.device.state != DeviceState.MISPLACED:
            return self.check(attempt, kept, answer)
        serial, cards = found(attempt.device.serial), attempt.tx.cards
        if not is_misplaced(cards, serial):
            # The operator of the verifier has changed the card's state since the card was misplaced.
            return REFUSED
        lifecycle.move(cards, serial, State.ACTIVE, "found")
        outcome = self.check(attempt, kept, answer)
        if outcome.status is not Status.ACCEPTED:
            lifecycle.move(cards, serial, State.SUSPENDED, str(Loss.MISPLACED))
        return outcome

    def check_new_pin(self, attempt: Attempt, kept: Mapping[str, Any], answer: str, pin: str) -> Outcome:
        """Have the verifier judge the response, and replace the PIN if the response is correct."""
        verdict = judgment.judge(attempt.tx.cards, "card.change-pin", _answers(kept, answer), pin)
        return Outcome(Status.ACCEPTED) if verdict else REFUSED

    def is_returnable(self, policy: Policy, device: Device) -> bool:
        """Return whether the policy lists the series of this card as returnable."""
        return is_of(found(device.serial), policy.request.returnable)

    def can_answer(self, tx: LoginTransaction, device: Device) -> bool:
        """Return whether the card is neither suspended, lost nor retired in the verifier."""
        return lifecycle.is_in_state(tx.cards, found(device.serial), State.ENROLLED, State.ACTIVE)

    def activates_at(self, device: Device) -> float | None:
        """Return the Unix time of the imminent activation of which the owner was notified; None if there is none."""
        return CardData.of(device).activates_at if device.state == DeviceState.SHIPPED else None

    def with_activation(self, device: Device, at: float) -> CardData:
        """Return the values of a card whose owner is notified that it will be activated at the Unix time `at`."""
        return CardData(at)

    def disable(self, tx: LoginTransaction, device: Device, reason: str) -> None:
        """Suspend the card if it was misplaced; otherwise mark it as lost."""
        lifecycle.move_if_possible(
            tx.cards, found(device.serial), State.SUSPENDED if reason == Loss.MISPLACED else State.LOST, reason
        )


class DscCard(ChallengeCard):
    """The kind of the Digital Security Card+."""

    name = Kind.DSC_PLUS

    def replaces(self, other: DeviceKind) -> bool:
        """Return True for all cards: the activation of this card permanently ends a misplaced card of any kind."""
        return isinstance(other, ChallengeCard)


class DigitalCard(ChallengeCard):
    """The kind of the Digital Security Card without the plus."""

    name = Kind.DIGITAL_CARD


class Platinum(ChallengeCard):
    """The kind of the Platinum token."""

    name = Kind.PLATINUM


class Gold(ChallengeCard):
    """The kind of the Gold token."""

    name = Kind.GOLD


def is_misplaced(cards: CardTransaction, serial: str) -> bool:
    """Return whether the verifier has suspended this card or key because it was misplaced."""
    suspended = lifecycle.is_in_state(cards, serial, State.SUSPENDED)
    return suspended and card_lookup.locked_card(cards, serial).state_reason == Loss.MISPLACED


def _answers(kept: Mapping[str, Any], answer: str) -> list[tuple[str, str]]:
    return [(kept["challenge"], fold_response(answer))]
