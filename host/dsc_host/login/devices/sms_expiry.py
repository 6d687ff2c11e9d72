"""The end of full access by SMS and call-back, some weeks after they were enabled, and the reminders before this end.

Full access never ends without notice. It ends some days after the first reminder at the earliest, even if SMS and call-back
were enabled long ago. If a change of the policy moves the announced end by more than a day, both reminders are sent again.
"""

from dataclasses import replace

from dsc_host.login import json_column, rows
from dsc_host.login.devices import kinds, registry
from dsc_host.login.devices.kinds.sent_code import NumberData
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device
from dsc_host.login.transaction import LoginTransaction, locked_user

_NEAR, _IMMINENT = "near", "imminent"


def to_remind(tx: LoginTransaction) -> list[str]:
    """Return the ids of the users whose full access by SMS or call-back ends soon, and who may need a reminder."""
    rules, column = tx.policy.sms, rows.devices.c
    if not rules.days:
        return []
    due = (
        column.kind.in_([kinds.SMS.name, kinds.VOICE.name])
        & (column.state == DeviceState.ACTIVE)
        & (column.made_at <= tx.now() - (rules.days - rules.near_days) * DAY)
        # After the last reminder, a change of the policy may have moved the end.
        & ((column.told != _IMMINENT) | (column.made_at > tx.now() - rules.days * DAY))
    )
    return sorted({device.owner_id for device in rows.devices.all(tx.db, due)})


def remind(tx: LoginTransaction, user_id: str) -> None:
    """Remind a user that SMS and call-back will soon open only the account's pages.

    The first reminder is `near`, the last reminder is `imminent`. Do nothing if the reminder that is due was already sent.
    """
    user = locked_user(tx.db, user_id)
    numbers = [device for device, _ in registry.live_of(tx, user) if kinds.of(device).number(device)]
    # Leave out the devices that have had the last reminder: their end may be long past, and another device may end later.
    live = [device for device in numbers if _reminded(tx, device) != _IMMINENT]
    if not live:
        return
    ends_at = min(_ends_at(tx, device) for device in live)
    stage = _IMMINENT if ends_at - tx.now() <= tx.policy.sms.imminent_days * DAY else _NEAR
    late = [device for device in live if _reminded(tx, device) != stage]
    if not late:
        return
    notices.notify(tx, user, "sms_ends", day=tx.calendar.day(ends_at))
    for device in late:
        # The end of a device that was enabled later does not come earlier because the end of another device is announced.
        own_end = max(ends_at, device.made_at + tx.policy.sms.days * DAY)
        data = replace(NumberData.of(device), ends_at=own_end)
        rows.devices.change(tx.db, device.id, told=stage, data=json_column.write(data))
    tx.log("messages.remind", user, "done", stage)


def _reminded(tx: LoginTransaction, device: Device) -> str:
    """Return the stage of the device's last reminder; empty if the end has moved by more than a day since this reminder."""
    announced, ends_at = NumberData.of(device).ends_at, kinds.of(device).full_until(tx.policy, device)
    has_moved = announced is not None and ends_at is not None and ends_at > announced + DAY
    return "" if has_moved else device.told


def _ends_at(tx: LoginTransaction, device: Device) -> float:
    """Return the announced end of full access; before the first reminder, the end that this reminder will announce."""
    rules = tx.policy.sms
    announced = kinds.of(device).full_until(tx.policy, device)
    return announced or max(device.made_at + rules.days * DAY, tx.now() + rules.near_days * DAY)
