"""The login system's web pages, for users and for staff."""

from dsc_host.portal.app import application

__all__ = ["application"]
