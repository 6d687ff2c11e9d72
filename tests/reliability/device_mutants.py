"""Mutants of the kinds of device: which kinds are issued, older cards, limits and fees, and automatic activation.

Part of `make mutants`.
"""

from tests.reliability.mutant import in_login

MUTANTS = (
    *in_login(
        "cards/requests.py",
        "issued_kinds",
        ("a card that is not issued is not requested", "    registry.check_issued(tx, kinds.DSC_CARD)\n", ""),
    ),
    *in_login(
        "cards/requests.py",
        "old_cards",
        (
            "a lost card of old is replaced",
            "of_cards = rows.devices.c.kind.in_([kind.name for",
            'of_cards = rows.devices.c.kind.in_(["" for',
        ),
    ),
    *in_login(
        "support/new_devices.py",
        "issued_kinds",
        ("a code card that is not issued is given to nobody", "    registry.check_issued(tx, kinds.CODE_CARD)\n", ""),
    ),
    *in_login(
        "devices/lifecycle.py",
        "issued_kinds",
        (
            "a new number brings no codes that are not issued",
            "and (kind.name in replaced or registry.is_issued(tx, kind))",
            "",
        ),
    ),
    *in_login(
        "devices/registry.py",
        "issued_kinds",
        ("what is not issued is given to nobody", "    if not any(is_issued(tx, kind) for kind in wanted):", "    if False:"),
    ),
    *in_login(
        "cards/assignment.py",
        "old_cards",
        (
            "the operator gives cards only",
            "for each in kinds.CARDS if each.name == kind)",
            "for each in kinds.KINDS.values() if each.name == kind)",
        ),
        ("a card belongs to one user", "    if rows.devices.count(tx.db, rows.devices.c.serial.in_(", "    if not (("),
        ("a key of an app is no card", "[serial, phone_app.app_of_key(serial)]", "[serial]"),
    ),
    *in_login(
        "cards/returns.py",
        "old_cards",
        ("a card of old costs its fee", "[kind.name for kind in kinds.CARDS]", "[kinds.DSC_CARD.name]"),
    ),
    *in_login(
        "cards/deposits.py",
        "old_cards",
        ("a fee is within its range", "or not least <= wanted <= most:", "or not wanted > 0:"),
    ),
    *in_login(
        "devices/kinds/challenge_card.py",
        "old_cards",
        (
            "a new card replaces a misplaced one of old",
            "return isinstance(other, ChallengeCard)",
            "return super().replaces(other)",
        ),
    ),
    *in_login(
        "policy/checks.py",
        "policy",
        ("a level is of a kind that exists", 'if kind not in (*Kind, "none")]:', "if False]:"),
        ("a fee has a range", "if kind not in ranges]:", "if False]:"),
        ("a fee is within its range", "        if not least <= fees.get(kind, least) <= most:", "        if least > most:"),
    ),
    *in_login(
        "policy/policy.toml",
        "published_limits",
        (
            "the limits are the published ones",
            "per_day = 1_000_000\nper_five_days = 1_500_000",
            "per_day = 1_000_000\nper_five_days = 1_400_000",
        ),
    ),
    *in_login(
        "cards/shipping.py",
        "automatic_activation",
        ("an online card lasts until a sent card activates itself", "    set_online_card_end(tx, user)\n", ""),
    ),
    *in_login(
        "cards/activation.py",
        "automatic_activation",
        (
            "an online card lasts as long when it comes later",
            "    set_online_card_end(tx, user)\n    tx.log(",
            "    tx.log(",
        ),
        ("a card activates itself after it was announced", 'if left <= 0 and announced == "imminent":', "if left <= 0:"),
        (
            "a card activates itself no sooner after a late notice",
            "due_at = max(due_at, tx.now() + policy.imminent_days * DAY)",
            "pass",
        ),
        (
            "a card activates itself at the time that was announced",
            "rows.devices.change(tx.db, device.id, data=json_column.write(kinds.of(device).with_activation(device, due_at)))",
            "pass",
        ),
        (
            "an online card lasts until a late activation",
            "        set_online_card_end(tx, user)\n    # If",
            "    # If",
        ),
        (
            "a card activates itself after its wait, and an online card lasts as long",
            "return waits.after_wait(tx, user, device, max(times)) if times else None",
            "return max(times) if times else None",
        ),
        ("only an online card lasts longer", "if device.kind != kinds.ONLINE_CARD.name:", "if False:"),
        ("an online card whose replacement is gone ends", "        if until <= tx.now():\n", "        if False:\n"),
    ),
    *in_login(
        "cards/activation.py",
        "card_outside",
        (
            "a card that is gone at the verifier does not activate itself",
            "if device.state != DeviceState.SHIPPED or not kinds.of(device).can_answer(tx, device):",
            "if device.state != DeviceState.SHIPPED:",
        ),
    ),
    *in_login(
        "devices/waits.py",
        "waits",
        (
            "who gave the temporary device does not confirm",
            "    if not isinstance(change, Identity) and change.given_by == staff.name:",
            "    if False:",
        ),
        (
            "all users of a corrected person are told",
            "        others = rows.users.c.entity_id == user.entity_id\n",
            "        return [user]\n",
        ),
        (
            "who opts out another user is told",
            "        others = rows.users.c.id == account_of(db, user).primary_user\n",
            "        return [user]\n",
        ),
    ),
    *in_login(
        "devices/code_sheets.py",
        "waits",
        (
            "an online card is known by who gave the code",
            "kinds.ONLINE_CARD, kinds.TEMPORARY_CODE.given_by(code))",
            "kinds.ONLINE_CARD)",
        ),
    ),
    *in_login(
        "support/new_devices.py",
        "automatic_activation",
        ("an online card lasts until a code card activates itself", "    activation.set_online_card_end(tx, user)\n", ""),
    ),
    *in_login(
        "cards/requests.py",
        "automatic_activation",
        (
            "an online card lasts no longer than its days once its replacement is gone",
            "    set_online_card_end(tx, user)\n",
            "",
        ),
    ),
    *in_login(
        "support/wait_outcomes.py",
        "automatic_activation",
        ("who stops a code card stops what came with it", "            activation.set_online_card_end(tx, user)\n", ""),
    ),
    *in_login(
        "cards/returns.py",
        "automatic_activation",
        ("a session ends with the online card that opened it", 'except_id="" if ends else session.id', "except_id=session.id"),
    ),
    *in_login(
        "service/maintenance.py",
        "automatic_activation",
        (
            "code cards activate themselves",
            "    activations += do(activation.sheets_to_be_activated, activation.activate_sheet_due)\n",
            "",
        ),
    ),
)
