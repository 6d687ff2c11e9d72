"""Calls to support: the identification of callers, and the changes that support makes for them."""
