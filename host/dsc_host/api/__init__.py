"""The verifier over HTTP: an ASGI application that issues challenges, verifies responses and keeps the cards' records.

Import only the names listed here, and `dsc_host.api.processes`, which needs uvicorn.
"""

from dsc_host.api.app import application
from dsc_host.api.description import describe
from dsc_host.api.tokens import Scope, Token, Tokens, add_token

__all__ = ["Scope", "Token", "Tokens", "add_token", "application", "describe"]
