"""Signing in: the login, its sessions, and proofs by a device."""
