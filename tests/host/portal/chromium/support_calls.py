"""Calls to support on a walk, with an identified caller."""

from tests.host.portal.chromium.walk import Walk

from dsc_host.login import Identity
from dsc_host.portal.demo.demonstration import ANNA


def identified(walk: Walk, name: str, who: Identity = ANNA, **options: object) -> Walk:
    """Open support's page in another browser in which this caller is already identified."""
    desk = walk.another(**options).enter("sue")
    assert walk.shown.system.staff.identify(desk.token, name, who)
    return desk.open("/desk")
