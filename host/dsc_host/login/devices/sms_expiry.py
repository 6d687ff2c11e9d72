"""The end of full access by SMS and call-back, some weeks after they were enabled, and the reminders before this end.

Full access never ends without notice. It ends some days after the first reminder at the earliest, even if SMS and call-back
were enabled long ago.
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
    """Return the ids of the users whose full access by SMS or call-back ends soon, and who have not got the last reminder."""
    rules, column = tx.policy.sms, rows.devices.c
    if not rules.days:
        return []
    due = (
        column.kind.in_([kinds.SMS.name, kinds.VOICE.name])
        & (column.state == DeviceState.ACTIVE)
        & (column.made_at <= tx.now() - (rules.days - rules.near_days) * DAY)
        & (column.told != _IMMINENT)
    )
    return sorted({device.owner_id for device in rows.devices.all(tx.db, due)})


def remind(tx: LoginTransaction, user_id: str) -> None:
    """Remind a user that SMS and call-back will soon open only the account's pages.

    The first reminder is `near`, the last reminder is `imminent`. Do nothing if the reminder that is due was already sent.
    """
    user = locked_user(tx.db, user_id)
    # Leave out the devices that have had the last reminder: their end may be long past, and another device may end later.
    live = [device for device, _ in registry.live_of(tx, user) if kinds.of(device).number(device) and device.told != _IMMINENT]
    if not live:
        return
    ends_at = min(_ends_at(tx, device) for device in live)
    stage = _IMMINENT if ends_at - tx.now() <= tx.policy.sms.imminent_days * DAY else _NEAR
    late = [device for device in live if device.told != stage]
    if not late:
        return
    notices.notify(tx, user, "sms_ends", day=tx.calendar.day(ends_at))
    for device in late:
        data = replace(NumberData.of(device), ends_at=ends_at)
        rows.devices.change(tx.db, device.id, told=stage, data=json_column.write(data))
    tx.log("messages.remind", user, "done", stage)


def _ends_at(tx: LoginTransaction, device: Device) -> float:
    """Return the announced end of full access; before the first reminder, the end that this reminder will announce."""
    rules = tx.policy.sms
    announced = kinds.of(device).full_until(tx.policy, device)
    return announced or max(device.made_at + rules.days * DAY, tx.now() + rules.near_days * DAY)
