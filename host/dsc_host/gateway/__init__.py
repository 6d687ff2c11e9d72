"""Protocols with which other programs log their users in with the login system."""
