"""The app on a phone, made of software: a real key, real responses, and no PIN kept anywhere."""

from dsc_host.phone.app import PhoneApp, Push, Server, User
from dsc_host.phone.http_client import Refused, Remote, Unreachable
from dsc_host.phone.keys import biometrics_key, pin_key

__all__ = ["PhoneApp", "Push", "Refused", "Remote", "Server", "Unreachable", "User", "biometrics_key", "pin_key"]
