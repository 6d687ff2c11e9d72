"""Phones: their numbers, and the app."""
