"""Mutants of the gateway: its rules for logins at other programs, each broken on purpose in one place.

Part of `make mutants`.
"""

from tests.reliability.mutant import HOST, Mutant

_RADIUS = "tests/host/gateway/test_radius_logins.py"
MUTANTS = (
    Mutant(
        "a challenge at another program takes one answer",
        "login/service/gateway_calls.py",
        "        sessions.drop(tx.db, each)\n",
        "        pass\n",
        _RADIUS,
        HOST,
    ),
    Mutant(
        "only a device that opens everything logs in elsewhere",
        "gateway/radius/logins.py",
        " or entered.scope is not Scope.FULL:",
        ":",
        _RADIUS,
        HOST,
    ),
    Mutant(
        "a login leads back below the domain only",
        "gateway/forward_auth/tickets.py",
        'endswith(f".{self.domain}")',
        "endswith(self.domain)",
        "tests/host/gateway/test_forward_auth.py",
        HOST,
    ),
    Mutant(
        "a State is for one user and one client",
        "gateway/radius/replies.py",
        "    parts = (client.name.encode(), name)\n",
        "    parts = (b'', b'')\n",
        _RADIUS,
        HOST,
    ),
    Mutant(
        "a State takes one response of a card alone",
        "verifier/judgment.py",
        "tx.policy.attempts if asked.once else 0",
        "0",
        "tests/host/gateway/test_radius_cards.py",
        HOST,
    ),
    Mutant(
        "a static code behind the password is judged",
        "login/service/gateway_calls.py",
        "if not kinds.KINDS[device.kind].needs_challenge]",
        "]",
        "tests/host/gateway/test_radius_devices.py",
        HOST,
    ),
)
