"""Calls to support on a walk: the caller is identified."""

from tests.host.portal.chromium.walking import Walk

from dsc_host.login import Identity
from dsc_host.portal.demo.demonstration import ANNA


def identified(walk: Walk, name: str, who: Identity = ANNA, **options: object) -> Walk:
    """Open support's page in another browser, where this caller is identified already."""
    desk = walk.another(**options).enter("sue")
    assert walk.shown.system.staff.identify(desk.token, name, who)
    return desk.open("/desk")
