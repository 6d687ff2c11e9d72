"""Checks of the ports of the servers: whether a port is free, the server answers, or another program listens."""

import errno
import http.client
import socket

from dsc_host.cli.checks.finding import Finding, Findings, failed, ok, warning

_SECONDS = 5.0


def check_http(check: str, port: int, *, host: str = "127.0.0.1", name: str = "") -> Findings:
    """Yield a finding about a server that answers `/health`: the HTTP service, or the portal.

    `name` is the host name in the request, because the portal refuses requests for host names that are not its own.
    """
    where = f"{host} port {port}"
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", "/health", headers={"Host": name} if name else {})
        status = connection.getresponse().status
    except ConnectionRefusedError:
        yield ok(check, f"{where} is free: no server listens on it")
        return
    except TimeoutError:
        yield warning(
            check,
            f"a program listens on {where}, but does not answer within {_SECONDS:g} seconds",
            "if it is the server, see its log and restart it; otherwise let the server use another port",
        )
        return
    except (OSError, http.client.HTTPException):
        yield _other(check, where)
        return
    except ValueError:
        # The name has characters that no request can send.
        yield failed(check, f"{name} is not a host name", "correct --public, for example login.example.com")
        return
    finally:
        connection.close()
    if status == 200:
        yield ok(check, f"the server on {where} answers, and so does its database")
    elif status == 503:
        yield failed(
            check, f"the server on {where} cannot reach its database", "see its log, and the finding about the database"
        )
    elif status == 421:
        yield warning(
            check, f"the portal on {where} serves another host name", "pass the --public NAME that the portal was started with"
        )
    else:
        yield _other(check, where)


def _other(check: str, where: str) -> Finding:
    return warning(check, f"another program listens on {where}", "end that program, or let the server use another port")


def check_udp(check: str, port: int, *, host: str = "127.0.0.1") -> Findings:
    """Yield a finding about the port of the RADIUS server."""
    where = f"{host} port {port}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                yield ok(check, f"a server listens on {where}")
            else:
                yield warning(check, f"{where} cannot be used: {error.strerror}", "choose another port")
            return
    yield ok(check, f"{where} is free: no server listens on it")
