"""Mutants of the login system: its rules, each broken on purpose in one place: limits, scopes, sharing, single use.

Part of `make mutants`.
"""

from tests.reliability.mutant import in_login

MUTANTS = (
    *in_login(
        "protection/limits.py",
        "days_and_limits",
        ("a day's limit is kept", "amount <= min(today, five)", "amount <= five"),
        ("the limit of five business days is kept", "amount <= min(today, five)", "amount <= today"),
        ("money that was taken out counts", "today = level.per_day - spent(", "today = level.per_day - 0 * spent("),
        ("five business days are five", "DAYS = 5\n", "DAYS = 4\n"),
    ),
    *in_login(
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
    *in_login(
        "cards/returns.py",
        "statements_of_accounts",
        ("a card must be back before its owner reads statements", "        and not is_received(tx.db, device)\n", ""),
        ("statements wait for the cards", "and (cards := outstanding(tx, user))", "and (cards := [])"),
    ),
    *in_login(
        "cards/deposits.py",
        "deposits",
        ("money that is held is not held again", "sum(each.cents for each in held)", "0 * sum(each.cents for each in held)"),
        ("a device is charged once", "    if held is None and known:\n", "    if False:\n"),
        ("a deposit is held where the money is", "    check_can_hold(tx, account)\n    cents", "    cents"),
        (
            "a user sees the deposits of others only as primary user",
            "    if permissions.is_primary(tx.db, user):",
            "    if True:",
        ),
        ("a closed account holds nothing", "    if account.closed_at is not None:\n", "    if False:\n"),
    ),
    *in_login(
        "service/maintenance.py",
        "waits",
        ("due work goes on after a failure", "            failures.append(error)\n", "            raise error\n"),
    ),
    *in_login(
        "policy/offices.py",
        "offices",
        ("an office serves its own countries only", "if residence in office.countries)", "if office.countries)"),
    ),
    *in_login(
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
    *in_login(
        "signin/sessions.py",
        "session_scopes",
        ("a session does what its scope says", "    if session.scope not in scopes:", "    if False:"),
    ),
    *in_login(
        "signin/sessions.py",
        "login_flow",
        ("a session ends when its time is over", "now >= session.expires_at or ", ""),
        ("a login that is half-way is no session", "user is None or session.stage not in stages or", "user is None or"),
        ("a session ends when it is idle", "now < seen_at + context.policy.sessions.idle", "seen_at > 0"),
    ),
    *in_login(
        "signin/sessions.py",
        "session_ends",
        ("a session ends when security settings change", " or session.settings != user.settings", ""),
        ("no row is left of a session that has ended", "sessions.c.user_id == user.id", "sessions.c.user_id == but"),
        ("the session that changed settings goes on", "fresh.settings if fresh else user.settings", "user.settings"),
    ),
    *in_login(
        "signin/own_sessions.py",
        "own_sessions",
        (
            "nobody ends another user's session",
            "rows.sessions.c.user_id == user.id, rows.sessions.c.stage",
            "rows.sessions.c.stage",
        ),
        ("a session that its user ends is over", "    sessions.end(tx.db, ended)\n", ""),
        ("all other sessions end at once", "    sessions.end_all(tx.db, user, except_id=session.id)\n", ""),
        ("a session keeps its id under a new token", "OpenData.of(session).public_id or session.id", "session.id"),
    ),
    *in_login(
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
    *in_login(
        "protection/form_ids.py",
        "withdrawals",
        ("the same form makes one entry", "if table.find(tx.db, entry_id) is not None:", "if False:"),
        ("an entry has an id of the right form", "not _FORM.fullmatch(entry_id)", "False"),
    ),
    *in_login(
        "profile/security_events.py",
        "security_events",
        ("nobody reads what happened to another user", ".where(user_of == name, audit", ".where(audit"),
        ("security events are shown for 90 days", ", audit.c.at >= since)", ")"),
        ("a name in a refusal is not shown", 'said.get("by", "") not in ("", user.name)', "False"),
    ),
    *in_login(
        "profile/email_change.py",
        "email_change",
        ("only the code changes an email address", "    if not hmac.compare_digest(codes", "    if False and print(codes"),
        ("a code to an email address is good once", "    _keep(tx.db, session, None)\n    contacts", "    contacts"),
    ),
    *in_login(
        "profile/postal_address.py",
        "postal_address",
        (
            "the owner's postal address is the primary user's",
            "    if account_of(tx.db, user).entity_id == person.id:",
            "    if False:",
        ),
    ),
    *in_login(
        "profile/bank_instructions.py",
        "bank_instructions",
        ("bank instructions are the primary user's", "    permissions.check_primary(tx.db, user)\n", ""),
    ),
    *in_login(
        "accounts/bank_numbers.py",
        "bank_instructions",
        ("an IBAN has right check digits", "iban.validate(text, check_country=False)", "iban.compact(text)"),
        ("a routing number has a right check digit", "rtn.validate(text)", "rtn.compact(text)"),
        ("a short account number is hidden as well", "if len(number) >= _SHORT else _SHOWN_OF_SHORT", ""),
    ),
    *in_login(
        "profile/self_service.py",
        "email_change",
        ("after opting out only support changes a profile", "    if user.opted_out:", "    if False:"),
        ("support changes no protected user's profile", "    if not user.opted_out:", "    if False:"),
    ),
    *in_login(
        "accounts/users.py", "session_ends", ("each change of settings counts", "users.c.settings + 1", "users.c.settings")
    ),
    *in_login(
        "devices/kinds/sent_code.py",
        "sms_expiry",
        ("the days of SMS end after the reminder", "return max(announced, device", "return max(0 * announced, device"),
    ),
    *in_login(
        "devices/lifecycle.py",
        "sms_expiry",
        ("a new number does not begin the days of SMS anew", "made_at=continued.made_at, ", ""),
    ),
    *in_login(
        "devices/code_sheets.py",
        "card_gone",
        (
            "an online card needs a temporary code",
            "(device for device in live if device.kind == kinds.TEMPORARY_CODE.name), None)",
            "iter(live), None)",
        ),
    ),
    *in_login(
        "cards/requests.py",
        "card_gone",
        (
            "the online card comes before the request of a card",
            "if device is not None and device.kind == kinds.TEMPORARY_CODE.name:",
            "if False:",
        ),
    ),
    *in_login(
        "devices/registry.py",
        "sharing",
        (
            "an online card stops sharing before it is activated",
            "given = (DeviceState.ACTIVE, DeviceState.SHIPPED)",
            "given = (DeviceState.ACTIVE,)",
        ),
    ),
    *in_login(
        "signin/step_up.py",
        "sms_expiry",
        (
            "a device proves no more than it opens",
            "return session.scope != Scope.FULL or registry.opens_all(tx, device)",
            "return True",
        ),
    ),
    *in_login(
        "signin/flow.py",
        "login_flow",
        ("nobody skips the device who has not opted out", "    if not user.opted_out:\n", "    if False:\n"),
        ("an answer lets one login in", "    sessions.end(tx.db, session)\n    registry.rec", "    registry.rec"),
    ),
    *in_login(
        "signin/flow.py",
        "answer_limits",
        ("a locked device lets nobody in", "if answer_limits.locked_for(tx, use) or not registry", "if not registry"),
    ),
    *in_login(
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
    *in_login(
        "protection/sharing.py",
        "sharing_ends",
        (
            "what was set aside comes back when sharing ends",
            "            rows.uses.change(db, use.id, state=str(UseState.ACTIVE))\n",
            "            pass\n",
        ),
        (
            "a card stays set aside while another share lasts",
            "any_other if each[0].owner_id == user.id else later",
            "later",
        ),
        (
            "a shared card that was set aside does not bring back the own card",
            "later = next((other for other in others if shared & {*_data(db, other).parked}), None)",
            "later = None",
        ),
    ),
    *in_login(
        "cards/activation.py",
        "sharing_ends",
        (
            "what was set aside comes back when the card is replaced",
            "DeviceState.LOST)\n            sharing.end_of_device(tx, other)\n",
            "DeviceState.LOST)\n",
        ),
        (
            "what was set aside comes back when an app replaces the card",
            "DeviceState.ENDED)\n            sharing.end_of_device(tx, other)\n",
            "DeviceState.ENDED)\n",
        ),
    ),
    *in_login(
        "cards/activation.py",
        "waits",
        ("a card in use waits no more", "    waits.end_of_card(tx, user, device, WaitState.DONE)\n", ""),
    ),
    *in_login(
        "devices/lifecycle.py",
        "waits",
        ("a number that is removed waits no more", "    waits.end(tx, user, waits.NewNumber(number), WaitState.STOPPED)\n", ""),
    ),
    *in_login(
        "protection/opt_out.py",
        "waits",
        ("who opts back in stays in", "    waits.end(tx, user, waits.OptOut(), ", "    (tx, user, waits.OptOut(), "),
    ),
    *in_login(
        "accounts/permissions.py",
        "support_rules",
        (
            "nobody gives another user their own identity",
            "(people.identity_of(db, user), becomes)",
            "(people.identity_of(db, user),)",
        ),
    ),
    *in_login(
        "signin/password_check.py",
        "concurrent_changes",
        ("a password that was changed begins nothing", "locked.settings != checked.settings:", "False:"),
    ),
    *in_login(
        "cards/losses.py",
        "loss_reports",
        (
            "a suspended phone takes its numbers with it",
            "        device_lifecycle.suspend_number(tx, user, number)",
            "        pass",
        ),
        (
            "all users of a suspended device are notified",
            "    for each in _all_users(tx, user, device):\n",
            "    for each in (user,):\n",
        ),
    ),
    *in_login(
        "phones/app_activation.py",
        "own_devices",
        ("the last device is removed after a warning", "    if not last and all(", "    if False and all("),
    ),
    *in_login(
        "phones/token_phone_number.py",
        "new_number_for_app",
        ("name and password lead no token to a new number", "    if not tx.policy.phone.new_numbers:", "    if False:"),
        ("a new number for the app has limits of messages", "message_limits.messages_to_any(tx", "message_limits.messages(tx"),
        ("the token confirms a new number", "    contacts.add_phone(tx, user, number, notified=notified)\n", ""),
    ),
    *in_login(
        "phones/app_replacement.py",
        "app_replacement",
        ("an app is replaced after asking", "    if apps and given.agreed is not True:", "    if False:"),
        ("an app is replaced with its own PIN", "hmac.compare_digest(key, given.proof)", "True"),
    ),
    *in_login(
        "support/loss_reports.py",
        "loss_reports",
        ("a report says lost or stolen", "loss not in (Loss.LOST, Loss.STOLEN)", "loss not in tuple(Loss)"),
        ("the session of a lost device ends", " and opened_by.state == DeviceState.ACTIVE", ""),
    ),
    *in_login(
        "accounts/phone_numbers.py",
        "phone_numbers",
        (
            "a number has no trunk prefix",
            "(_is_possible(parsed) and not _trunk_prefix(number, parsed))",
            "_is_possible(parsed)",
        ),
        ("a number has a length of its country", "(_is_possible(parsed) and not", "(not"),
    ),
    *in_login(
        "phones/number_confirmation.py",
        "number_confirmation",
        ("a number is confirmed within a few tries", " if tries < tx.policy.login.code_attempts else None", ""),
        (
            "a number is confirmed by the code that was sent to it",
            "    if not hmac.compare_digest(codes.digest(token, asked.number, codes.entered_digits(text)), asked.digest):",
            "    if not text:",
        ),
    ),
    *in_login(
        "phones/app_activation.py",
        "phone_app",
        ("an activation token takes a few tries", "    if tries > tx.policy.login.code_attempts:", "    if False:"),
    ),
    *in_login(
        "phones/push_answers.py",
        "phone_app",
        (
            "a push is approved by a right response",
            '    if not verdict:\n        tx.log("phone.approve"',
            '    if False:\n        tx.log("phone.approve"',
        ),
    ),
)
