"""Mutants of the login system: its rules, each broken on purpose in one place: limits, scopes, sharing, single use.

Part of `make mutants`.
"""

from collections.abc import Iterator

from tests.reliability.mutant import HOST, Mutant


def _login(module: str, tests: str, *broken: tuple[str, str, str]) -> Iterator[Mutant]:
    """Return mutants of one module that one module of tests notices: what each breaks, the old text, and the new."""
    for breaks, old, new in broken:
        yield Mutant(breaks, f"login/{module}", old, new, f"tests/host/login/test_{tests}.py", HOST)


MUTANTS = (
    *_login(
        "protection/limits.py",
        "days_and_limits",
        ("a day's limit is kept", "amount <= min(today, five)", "amount <= five"),
        ("the limit of five business days is kept", "amount <= min(today, five)", "amount <= today"),
        ("money that was taken out counts", "today = level.per_day - spent(", "today = level.per_day - 0 * spent("),
        ("five business days are five", "DAYS = 5\n", "DAYS = 4\n"),
    ),
    *_login(
        "protection/funding.py",
        "funding",
        ("an unprotected account makes one transfer", "if earlier else money.money(", "if False else money.money("),
        (
            "the first transfer without protection is limited",
            "FundingAllowance(amount <= most, most)",
            "FundingAllowance(True, most)",
        ),
        ("a bank transfer is not the first transfer", " rows.fundings.c.method.in_(_LIMITED))", ")"),
        (
            "a closed account takes no money",
            "return FundingAllowance(False, Decimal(0))",
            "return FundingAllowance(True, None)",
        ),
    ),
    *_login(
        "cards/returns.py",
        "statements_of_accounts",
        ("a card must be back before its owner reads statements", "        and not is_received(tx.db, device)\n", ""),
        ("statements wait for the cards", "and (cards := outstanding(tx, user))", "and (cards := [])"),
    ),
    *_login(
        "cards/deposits.py",
        "deposits",
        ("money that is held is not held again", "sum(each.cents for each in held)", "0 * sum(each.cents for each in held)"),
        ("a device is charged once", "    elif known:\n", "    elif False:\n"),
        ("a deposit is held where the money is", "    check_free(tx, account)\n    cents", "    cents"),
        (
            "a user sees the deposits of others only as primary user",
            "    if permissions.is_primary(tx.db, user):",
            "    if True:",
        ),
        ("a closed account holds nothing", "    if account.closed_at is not None:\n", "    if False:\n"),
    ),
    *_login(
        "cards/requests.py",
        "issued_kinds",
        ("a card that is not issued is not requested", "    registry.check_issued(tx, kinds.DSC_CARD)\n", ""),
    ),
    *_login(
        "cards/requests.py",
        "old_cards",
        (
            "a lost card of old is replaced",
            "of_cards = rows.devices.c.kind.in_([kind.name for",
            'of_cards = rows.devices.c.kind.in_(["" for',
        ),
    ),
    *_login(
        "support/new_devices.py",
        "issued_kinds",
        ("a code card that is not issued is given to nobody", "    registry.check_issued(tx, kinds.CODE_CARD)\n", ""),
    ),
    *_login(
        "devices/lifecycle.py",
        "issued_kinds",
        (
            "a new number brings no codes that are not issued",
            "and (kind.name in replaced or registry.is_issued(tx, kind))",
            "",
        ),
    ),
    *_login(
        "devices/registry.py",
        "issued_kinds",
        ("what is not issued is given to nobody", "    if not any(is_issued(tx, kind) for kind in wanted):", "    if False:"),
    ),
    *_login(
        "cards/assignment.py",
        "old_cards",
        (
            "the operator gives cards only",
            "for each in kinds.CARDS if each.name == kind)",
            "for each in kinds.KINDS.values() if each.name == kind)",
        ),
        ("a card belongs to one user", "    if rows.devices.count(tx.db, rows.devices.c.serial == serial):", "    if False:"),
    ),
    *_login(
        "cards/returns.py",
        "old_cards",
        ("a card of old costs its fee", "[kind.name for kind in kinds.CARDS]", "[kinds.DSC_CARD.name]"),
    ),
    *_login(
        "cards/deposits.py",
        "old_cards",
        ("a fee is within its range", "or not least <= wanted <= most:", "or not wanted > 0:"),
    ),
    *_login(
        "devices/kinds/challenge_card.py",
        "old_cards",
        (
            "a new card replaces a misplaced one of old",
            "return isinstance(other, ChallengeCard)",
            "return super().replaces(other)",
        ),
    ),
    *_login(
        "policy/checks.py",
        "policy",
        ("a level is of a kind that exists", 'if kind not in (*Kind, "none")]:', "if False]:"),
        ("a fee has a range", "if kind not in ranges]:", "if False]:"),
        ("a fee is within its range", "        if not least <= fees.get(kind, least) <= most:", "        if least > most:"),
    ),
    *_login(
        "policy/policy.toml",
        "published_limits",
        (
            "the limits are the published ones",
            "per_day = 1_000_000\nper_five_days = 1_500_000",
            "per_day = 1_000_000\nper_five_days = 1_400_000",
        ),
    ),
    *_login(
        "cards/shipping.py",
        "automatic_activation",
        ("an online card lasts until a sent card activates itself", "    set_online_card_end(tx, user)\n", ""),
    ),
    *_login(
        "cards/activation.py",
        "automatic_activation",
        (
            "an online card lasts as long when it comes later",
            "    set_online_card_end(tx, user)\n    tx.log(",
            "    tx.log(",
        ),
        ("a card activates itself after it was announced", 'if left <= 0 and told == "imminent":', "if left <= 0:"),
        (
            "a card activates itself after its wait",
            "if device.state != DeviceState.SHIPPED or waits.card_wait(tx, user, device):",
            "if device.state != DeviceState.SHIPPED:",
        ),
        (
            "an online card lasts as long as its replacement waits",
            "yield max(at, (wait.due_at or 0) if wait else 0)",
            "yield at",
        ),
        ("only an online card lasts longer", "if device.kind != kinds.ONLINE_CARD.name:", "if False:"),
        ("an online card whose replacement is gone ends", "        if until <= tx.now():\n", "        if False:\n"),
    ),
    *_login(
        "support/new_devices.py",
        "automatic_activation",
        ("an online card lasts until a code card activates itself", "    activation.set_online_card_end(tx, user)\n", ""),
    ),
    *_login(
        "cards/requests.py",
        "automatic_activation",
        (
            "an online card lasts no longer than its days once its replacement is gone",
            "    set_online_card_end(tx, user)\n",
            "",
        ),
    ),
    *_login(
        "support/wait_outcomes.py",
        "automatic_activation",
        ("who stops a code card stops what came with it", "            activation.set_online_card_end(tx, user)\n", ""),
    ),
    *_login(
        "cards/returns.py",
        "automatic_activation",
        ("a session ends with the online card that opened it", 'but="" if ends else session.id', "but=session.id"),
    ),
    *_login(
        "service/maintenance.py",
        "automatic_activation",
        (
            "code cards activate themselves",
            "    activations += do(activation.sheets_to_be_activated, activation.activate_sheet_due)\n",
            "",
        ),
    ),
    *_login(
        "service/maintenance.py",
        "waits",
        ("due work goes on after a failure", "            failures.append(error)\n", "            raise error\n"),
    ),
    *_login(
        "policy/offices.py",
        "offices",
        ("an office serves its own countries only", "if residence in office.countries)", "if office.countries)"),
    ),
    *_login(
        "protection/withdrawals.py",
        "withdrawals",
        ("another account's withdrawals do not count", "column.account_id == account_id, column.at", "column.at"),
        (
            "the device of the session sets the limit",
            "for device, _ in live if device.id == session.device_id]",
            "for device, _ in live]",
        ),
        ("opting out lowers the limit", "live = [] if user.opted_out else registry", "live = registry"),
        (
            "a closed account pays nothing out",
            "    if account.closed_at is not None:\n        return Allowance(",
            "    if False:\n        return Allowance(",
        ),
    ),
    *_login(
        "signin/sessions.py",
        "session_scopes",
        ("a session does what its scope says", "    if session.scope not in scopes:", "    if False:"),
    ),
    *_login(
        "signin/sessions.py",
        "login_flow",
        ("a session ends when its time is over", "now >= session.expires_at or ", ""),
        ("a login that is half-way is no session", "user is None or session.stage not in stages or", "user is None or"),
        ("a session ends when it is idle", "now < seen_at + context.policy.sessions.idle", "seen_at > 0"),
    ),
    *_login(
        "signin/sessions.py",
        "session_ends",
        ("a session ends when security settings change", " or session.settings != user.settings", ""),
        ("no row is left of a session that has ended", "sessions.c.user_id == user.id", "sessions.c.user_id == but"),
        ("the session that changed settings goes on", "fresh.settings if fresh else user.settings", "user.settings"),
    ),
    *_login(
        "signin/own_sessions.py",
        "own_sessions",
        (
            "nobody ends another user's session",
            "rows.sessions.c.user_id == user.id, rows.sessions.c.stage",
            "rows.sessions.c.stage",
        ),
        ("a session that its user ends is over", "    sessions.end(tx.db, ended)\n", ""),
        ("all other sessions end at once", "    sessions.end_all(tx.db, user, but=session.id)\n", ""),
        ("a session keeps its id under a new token", "OpenData.of(session).public_id or session.id", "session.id"),
    ),
    *_login(
        "signin/extension.py",
        "session_extension",
        ("the PIN of the app extends no session", "or not outcome.extends or outcome.longest", "or outcome.longest"),
        (
            "a session is not extended beyond the longest duration",
            "min(tx.now() + outcome.longest, end)",
            "tx.now() + outcome.longest",
        ),
        ("only a session by finger or face is extended", "if OpenData.of(session).extendable and until", "if until"),
    ),
    *_login(
        "profile/security_events.py",
        "security_events",
        ("nobody reads what happened to another user", ".where(user_of == name, audit", ".where(audit"),
        ("security events are shown for 90 days", ", audit.c.at >= since)", ")"),
        ("a name in a refusal is not shown", 'said.get("by", "") not in ("", user.name)', "False"),
    ),
    *_login(
        "profile/email_change.py",
        "email_change",
        ("only the code changes an email address", "    if not hmac.compare_digest(codes", "    if False and print(codes"),
        ("a code to an email address is good once", "    _keep(tx.db, session, None)\n    contacts", "    contacts"),
    ),
    *_login(
        "profile/postal_address.py",
        "postal_address",
        (
            "the owner's postal address is the primary user's",
            "    if account_of(tx.db, user).entity_id == person.id:",
            "    if False:",
        ),
    ),
    *_login(
        "profile/bank_instructions.py",
        "bank_instructions",
        ("bank instructions are the primary user's", "    permissions.check_primary(tx.db, user)\n", ""),
    ),
    *_login(
        "accounts/bank_numbers.py",
        "bank_instructions",
        ("an IBAN has right check digits", "iban.validate(text, check_country=False)", "iban.compact(text)"),
        ("a routing number has a right check digit", "rtn.validate(text)", "rtn.compact(text)"),
        ("a short account number is hidden as well", "if len(number) >= _SHORT else _SHOWN_OF_SHORT", ""),
    ),
    *_login(
        "profile/permission.py",
        "email_change",
        ("after opting out only support changes a profile", "    if user.opted_out:", "    if False:"),
        ("support changes no protected user's profile", "    if not user.opted_out:", "    if False:"),
    ),
    *_login(
        "accounts/users.py", "session_ends", ("each change of settings counts", "users.c.settings + 1", "users.c.settings")
    ),
    *_login(
        "devices/kinds/sent_code.py",
        "sms_days",
        ("the days of SMS end after the reminder", "return max(announced, device", "return max(0 * announced, device"),
    ),
    *_login(
        "devices/lifecycle.py",
        "sms_days",
        ("a new number does not begin the days of SMS anew", "made_at=replaced.made_at, ", ""),
    ),
    *_login(
        "devices/code_sheets.py",
        "card_gone",
        (
            "an online card needs a temporary code",
            "if not any(device.kind == kinds.TEMPORARY_CODE.name for device in live):",
            "if False:",
        ),
    ),
    *_login(
        "cards/requests.py",
        "card_gone",
        (
            "the online card comes before the request of a card",
            "if device is not None and device.kind == kinds.TEMPORARY_CODE.name:",
            "if False:",
        ),
    ),
    *_login(
        "devices/registry.py",
        "sharing",
        (
            "an online card stops sharing before it is activated",
            "given = (DeviceState.ACTIVE, DeviceState.SHIPPED)",
            "given = (DeviceState.ACTIVE,)",
        ),
    ),
    *_login(
        "signin/step_up.py",
        "sms_days",
        (
            "a device proves no more than it opens",
            "return session.scope != Scope.FULL or registry.opens_all(tx, device)",
            "return True",
        ),
    ),
    *_login(
        "signin/flow.py",
        "login_flow",
        ("nobody skips the device who has not opted out", "    if not user.opted_out:\n", "    if False:\n"),
        ("an answer lets one login in", "    sessions.end(tx.db, session)\n    registry.rec", "    registry.rec"),
    ),
    *_login(
        "signin/flow.py",
        "answer_limits",
        ("a locked device lets nobody in", "if answer_limits.locked_for(tx, use) or not registry", "if not registry"),
    ),
    *_login(
        "protection/sharing.py",
        "sharing",
        (
            "a device is shared by users of one person",
            "    if people.identity_of(tx.db, user) != people.identity_of(tx.db, owner):\n        raise DifferentIdentity(",
            "    if False:\n        raise DifferentIdentity(",
        ),
        (
            "nobody shares who has a temporary device",
            "    if any(registry.temporary_of(tx, one) for one in (user, owner)):",
            "    if False:",
        ),
        ("the most secure device is the one that is shared", "    if tx.policy.level(device.kind) > best:", "    if False:"),
        (
            "what a shared device takes the place of is set aside",
            "use.id, state=str(UseState.PARKED)",
            "use.id, state=str(UseState.ACTIVE)",
        ),
        ("compliance decides once", "    if share.state != ShareState.PENDING:", "    if False:"),
    ),
    *_login(
        "protection/sharing.py",
        "sharing_ends",
        (
            "what was set aside comes back when sharing ends",
            "        rows.uses.change(db, use.id, state=str(UseState.ACTIVE))\n",
            "        pass\n",
        ),
    ),
    *_login(
        "cards/activation.py",
        "sharing_ends",
        ("what was set aside comes back when the card is replaced", "            sharing.end_of_device(tx, other)\n", ""),
    ),
    *_login(
        "cards/activation.py",
        "waits",
        ("a card in use waits no more", "    waits.end_of_card(tx, user, device)\n", ""),
    ),
    *_login(
        "devices/lifecycle.py",
        "waits",
        ("a number that is removed waits no more", "    waits.end(tx, user, waits.NewNumber(number), WaitState.STOPPED)\n", ""),
    ),
    *_login(
        "protection/opt_out.py",
        "waits",
        ("who opts back in stays in", "    waits.end(tx, user, waits.OptOut(), ", "    (tx, user, waits.OptOut(), "),
    ),
    *_login(
        "accounts/permissions.py",
        "support_rules",
        (
            "nobody gives another user their own identity",
            "(people.identity_of(db, user), becomes)",
            "(people.identity_of(db, user),)",
        ),
    ),
    *_login(
        "signin/password_check.py",
        "concurrent_changes",
        ("a password that was changed begins nothing", "now.settings != checked.settings:", "False:"),
    ),
    *_login(
        "cards/losses.py",
        "loss_reports",
        (
            "a suspended phone takes its numbers with it",
            "        device_lifecycle.suspend_number(tx, user, number)",
            "        pass",
        ),
        (
            "all users of a suspended device are told",
            "    for each in told.values():\n",
            "    for each in (user,):\n",
        ),
    ),
    *_login(
        "phones/app_activation.py",
        "own_devices",
        ("the last device is removed after a warning", "    if not last and all(", "    if False and all("),
    ),
    *_login(
        "phones/token_number.py",
        "new_number_for_app",
        ("name and password lead no token to a new number", "    if not tx.policy.phone.new_numbers:", "    if False:"),
        ("a new number for the app has limits of messages", "message_limits.messages_to_any(tx", "message_limits.messages(tx"),
        ("the token confirms a new number", "    contacts.add_phone(tx, user, number, told=told)\n", ""),
    ),
    *_login(
        "phones/app_replacement.py",
        "app_replacement",
        ("an app is replaced after asking", "    if apps and given.agreed is not True:", "    if False:"),
        ("an app is replaced with its own PIN", "hmac.compare_digest(key, given.proof)", "True"),
    ),
    *_login(
        "support/loss_reports.py",
        "loss_reports",
        ("a report says lost or stolen", "loss not in (Loss.LOST, Loss.STOLEN)", "loss not in tuple(Loss)"),
    ),
    *_login(
        "accounts/phone_numbers.py",
        "phone_numbers",
        (
            "a number has no trunk prefix",
            "(_is_possible(parsed) and not _trunk_prefix(number, parsed))",
            "_is_possible(parsed)",
        ),
        ("a number has a length of its country", "(_is_possible(parsed) and not", "(not"),
    ),
    *_login(
        "phones/number_confirmation.py",
        "number_confirmation",
        ("a number is confirmed within a few tries", " if tries < tx.policy.login.code_attempts else None", ""),
        (
            "a number is confirmed by the code that was sent to it",
            "    if not hmac.compare_digest(codes.digest(token, asked.number, codes.entered_digits(text)), asked.digest):",
            "    if not text:",
        ),
    ),
    *_login(
        "phones/app_activation.py",
        "phone_app",
        ("an activation token takes a few tries", "    if tries > tx.policy.login.code_attempts:", "    if False:"),
    ),
    *_login(
        "phones/push_approval.py",
        "phone_app",
        (
            "a push is approved by a right response",
            '    if not verdict:\n        tx.log("phone.approve"',
            '    if False:\n        tx.log("phone.approve"',
        ),
    ),
)
