"""The login system's rules, each broken on purpose in one place: limits, scopes, sharing, single use.

Part of `make mutants`.
"""

from tests.reliability.mutant import HOST, Mutant

_LIMITS = "tests/login/test_days_and_limits.py"
_SPENDING = "tests/login/test_spending.py"
_STANDING = "tests/login/test_standing.py"
_SHARING = "tests/login/test_sharing.py"
_SHARING_ENDS = "tests/login/test_sharing_ends.py"
_ENTERING = "tests/login/test_entering.py"
_ANSWER_LIMITS = "tests/login/test_answer_limits.py"
_CONFIRMING = "tests/login/test_confirming.py"
_PHONE = "tests/login/test_phone_desk.py"


def _login(breaks: str, module: str, old: str, new: str, tests: str) -> Mutant:
    return Mutant(breaks, f"login/{module}", old, new, tests, HOST)


MUTANTS = (
    # Limits.
    _login("a day's limit is kept", "limits.py", "amount <= min(today, five)", "amount <= five", _LIMITS),
    _login("the limit of five business days is kept", "limits.py", "amount <= min(today, five)", "amount <= today", _LIMITS),
    _login(
        "money that was taken out counts",
        "limits.py",
        "today = level.per_day - spent(",
        "today = level.per_day - 0 * spent(",
        _LIMITS,
    ),
    _login("five business days are five", "limits.py", "DAYS = 5\n", "DAYS = 4\n", _LIMITS),
    _login(
        "another account's withdrawals do not count",
        "spending.py",
        ".where(column.account_id == account_id, column.at >= moment)",
        ".where(column.at >= moment)",
        _SPENDING,
    ),
    _login(
        "the device of the session sets the limit",
        "spending.py",
        "[device.kind for device, _ in live if device.id == session.device_id]",
        "[device.kind for device, _ in live]",
        _SPENDING,
    ),
    _login(
        "opting out lowers the limit",
        "spending.py",
        "live = [] if user.opted_out else devices.live_of(at, db, user)",
        "live = devices.live_of(at, db, user)",
        _SPENDING,
    ),
    _login(
        "a closed account pays nothing out",
        "spending.py",
        "    if account.closed_at is not None:\n        return Allowance(False, Decimal(0), Decimal(0))\n",
        "",
        _SPENDING,
    ),
    # Scopes and sessions.
    _login(
        "a session does what its scope says", "sessions.py", "    if session.scope not in scopes:", "    if False:", _STANDING
    ),
    _login("a session ends when its time is over", "sessions.py", "now >= session.expires_at or ", "", _ENTERING),
    _login(
        "a login that is half-way is no session",
        "sessions.py",
        "user is None or session.stage not in stages or",
        "user is None or",
        _ENTERING,
    ),
    _login(
        "a session ends when it is idle",
        "sessions.py",
        "now < session.seen_at + at.policy.sessions.idle",
        "session.seen_at > 0",
        _ENTERING,
    ),
    _login(
        "nobody skips the device who has not opted out",
        "entering.py",
        "        if not user.opted_out:\n",
        "        if False:\n",
        _ENTERING,
    ),
    # Sharing.
    _login(
        "a device is shared by users of one person",
        "sharing.py",
        "    if people.identity_of(db, user) != people.identity_of(db, owner):\n        raise DifferentIdentity(",
        "    if False:\n        raise DifferentIdentity(",
        _SHARING,
    ),
    _login(
        "nobody shares who has a temporary device",
        "sharing.py",
        "    if any(Kind(each.kind) in TEMPORARY for _, (each, _) in held):",
        "    if False:",
        _SHARING,
    ),
    _login(
        "the most secure device is the one that is shared",
        "sharing.py",
        "    if at.policy.level(device.kind) > best:",
        "    if False:",
        _SHARING,
    ),
    _login(
        "what a shared device takes the place of is set aside",
        "sharing.py",
        "records.uses.change(db, use.id, state=str(UseState.PARKED))",
        "records.uses.change(db, use.id, state=str(UseState.ACTIVE))",
        _SHARING,
    ),
    _login(
        "compliance decides once",
        "sharing.py",
        "    if share.state != ShareState.PENDING:",
        "    if False:",
        _SHARING,
    ),
    _login(
        "what was set aside comes back when sharing ends",
        "sharing.py",
        "        records.uses.change(db, use.id, state=str(UseState.ACTIVE))\n",
        "        pass\n",
        _SHARING_ENDS,
    ),
    # Single use.
    _login(
        "an answer lets one login in",
        "entering.py",
        "    sessions.end(db, session)\n    records.uses.change(db, use.id, failures=0, locked_until=None)",
        "    records.uses.change(db, use.id, failures=0, locked_until=None)",
        _ENTERING,
    ),
    _login(
        "a locked device lets nobody in",
        "entering.py",
        "        if answer_limits.locked_for(at, db, use) or not devices.is_live(device, use, at.now()):",
        "        if not devices.is_live(device, use, at.now()):",
        _ANSWER_LIMITS,
    ),
    _login(
        "a number is confirmed within a few tries",
        "confirming.py",
        '{**asked, "tries": tries} if tries < at.policy.login.code_attempts else None',
        '{**asked, "tries": tries}',
        _CONFIRMING,
    ),
    _login(
        "a number is confirmed by the code that was sent to it",
        "confirming.py",
        '    if not hmac.compare_digest(_digest(token, asked["number"], given), asked["digest"]):',
        "    if not given:",
        _CONFIRMING,
    ),
    _login(
        "an activation token takes a few tries",
        "phone_desk.py",
        "    if tries > at.policy.login.code_attempts:",
        "    if False:",
        _PHONE,
    ),
    _login(
        "a push is approved by a right response",
        "phone_desk.py",
        '        if not verdict:\n            at.log(db, "phone.approve"',
        '        if False:\n            at.log(db, "phone.approve"',
        _PHONE,
    ),
)
