"""Logins, sessions, and proofs by a device."""
