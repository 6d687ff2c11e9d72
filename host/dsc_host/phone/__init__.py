"""A simulated app on a phone: it has a real key, gives real responses, and keeps no PIN anywhere."""

from dsc_host.phone.app import PhoneApp, Push, Server, User
from dsc_host.phone.http_client import Refused, Remote, Unreachable
from dsc_host.phone.keys import biometrics_key, pin_key

__all__ = ["PhoneApp", "Push", "Refused", "Remote", "Server", "Unreachable", "User", "biometrics_key", "pin_key"]
