"""The dates of validity in PSKC: `StartDate` and `ExpiryDate`, of a key's `Policy` and of its device (RFC 6030, 4.1 and 5)."""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element  # its parser is not used

from dsc_host.errors import InputError
from dsc_host.verifier.model import MOST_SECONDS

_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?")


class Validity(NamedTuple):
    """The period in which a key may be used, in Unix seconds. None means no limit."""

    begin: float | None = None
    end: float | None = None


def of_key(package: Element, key: Element) -> Validity:
    """Return the period in which both a key and its device are valid. A date without a time zone is in UTC.

    A start before 1970 and an end after the year 2286 are no limits: systems write dates such as 9999-12-31 for "never".

    Raises `InputError` if a date is malformed, or is outside of `Policy` and `DeviceInfo`.
    """
    begins = [_date(element, "StartDate") for element in (package.find("DeviceInfo"), key.find("Policy"))]
    ends = [_date(element, "ExpiryDate") for element in (package.find("DeviceInfo"), key.find("Policy"))]
    if key.find("StartDate") is not None or key.find("ExpiryDate") is not None:
        raise InputError("policy", "has a date outside of Policy, as in drafts of RFC 6030; export it as PSKC 1.0")
    return Validity(
        max((each for each in begins if each is not None and each >= 0), default=None),
        min((each for each in ends if each is not None and each <= MOST_SECONDS), default=None),
    )


def as_date(moment: float | None) -> datetime | None:
    """Return a Unix time as a date in UTC, for a file."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC)


def _date(element: Element | None, name: str) -> float | None:
    text = None if element is None else element.findtext(name)
    if text is None:
        return None
    try:
        if _DATE_TIME.fullmatch(text.strip()) is None:
            raise ValueError
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise InputError(name, "must be a date and time such as 2027-12-31T23:59:59Z") from None
