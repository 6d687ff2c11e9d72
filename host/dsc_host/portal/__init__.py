"""The login system's web pages: for users, for staff, and for a demonstration."""

from dsc_host.portal.app import application
from dsc_host.portal.demo.demonstration import Demonstration, begin

__all__ = ["Demonstration", "application", "begin"]
