"""Logins over RADIUS: name and password, then a challenge for the user's device (RFC 2865, with RFC 3579 for signatures)."""
