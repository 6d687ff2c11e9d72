"""The errors of the protocol, with the codes that RFC 6749, OpenID Connect and their extensions define."""

from dsc_host.errors import DscError


class ProtocolError(DscError):
    """An error that a client gets: a code, a sentence for its developers, and the status at endpoints without a browser."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status


class UnsafeRequest(DscError):
    """A request that leads back to no address, because its client or its address is not known. The visitor sees a page."""


def invalid_client() -> ProtocolError:
    """Return the error for a client that is unknown or has not proven itself."""
    return ProtocolError("invalid_client", "the client is unknown, or has not proven itself", 401)


def invalid_grant() -> ProtocolError:
    """Return the error for a code or a refresh token that opens nothing."""
    return ProtocolError("invalid_grant", "the code or the refresh token is invalid, was used, has expired or was revoked")


def invalid_token() -> ProtocolError:
    """Return the error for an access token that opens nothing (RFC 6750)."""
    return ProtocolError("invalid_token", "the access token is invalid, has expired or was revoked", 401)
