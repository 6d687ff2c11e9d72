"""The errors of the protocol, with the codes that RFC 6749, OpenID Connect and their extensions define."""

from dsc_host.errors import DscError


class ProtocolError(DscError):
    """An error that a client gets: a code, and a sentence for the client's developers.

    `status` is the HTTP status of the answer if the client calls an endpoint directly.
    """

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status


class UnsafeRequest(DscError):
    """A request whose client or address is unknown, so the browser is not redirected. The visitor sees a page instead."""


def invalid_client() -> ProtocolError:
    """Return the error for a client that is unknown or has failed to authenticate."""
    return ProtocolError("invalid_client", "the client is unknown, or has failed to authenticate", 401)


def invalid_grant() -> ProtocolError:
    """Return the error for a code or a refresh token that is not valid."""
    return ProtocolError("invalid_grant", "the code or the refresh token is invalid, was used, has expired or was revoked")


def invalid_token() -> ProtocolError:
    """Return the error for an access token that is not valid (RFC 6750)."""
    return ProtocolError("invalid_token", "the access token is invalid, has expired or was revoked", 401)
