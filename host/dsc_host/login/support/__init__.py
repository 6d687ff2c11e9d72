"""Calls to support: identify the caller, give temporary codes, report losses."""
