"""Protocols for other programs that log their users in with the login system."""
