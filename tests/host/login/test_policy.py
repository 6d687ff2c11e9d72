"""The policy: the published values, a file that overrides some, and an error that names every mistake."""

from decimal import Decimal
from pathlib import Path

import pytest

from dsc_host.errors import InputError
from dsc_host.login import Kind, Policy


def test_the_published_values() -> None:
    policy = Policy.default()
    assert (policy.code_card.codes, policy.code_card.indexes, policy.online_card.valid_days) == (224, 2, 21)
    assert (policy.temporary.full_days, policy.temporary.account_days) == (2, 10)
    login = policy.login
    assert (login.failures, login.failures_by_name, login.failures_by_address, login.successes_by_address) == (10, 50, 100, 100)
    assert (login.offers, login.messages_to_user, login.messages_to_number, login.messages_to_country) == (30, 30, 10, 5_000)
    assert (policy.sessions.pin, policy.sessions.biometrics) == (12 * 3600, 30 * 3600)
    assert policy.sessions.biometrics_longest > policy.sessions.biometrics
    assert (policy.request.equity, policy.request.hold_cents, policy.request.receipt_days) == (1_000_000, 2_000, (3, 5))
    charged = ("dsc_plus", "platinum", "gold", "digital_card", "code_card")
    assert policy.request.replacement_cents == dict.fromkeys(charged, (2_000, 15_000))
    assert policy.activation.automatic_days == 21
    assert policy.audit.archive_after_days == 365
    limits = {level.kind: (level.per_day, level.per_five_days) for level in policy.levels}
    assert limits["dsc_plus"] == (None, None)
    assert limits["phone_app"] == (1_000_000, 1_000_000)
    assert limits["code_card"] == limits["sms"] == (200_000, 600_000)
    assert limits["none"] == limits["temporary_code"] == (50_000, 100_000)


def test_a_file_says_only_what_is_other(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('[temporary]\nfull_days = 1\n[request.rates]\nXAU = "2650.5"\n[calendar]\nholidays = [2026-12-24]\n')
    policy = Policy.load(file)
    assert (policy.temporary.full_days, policy.temporary.account_days) == (1, 10)
    assert (policy.request.rates["XAU"], policy.request.rates["USD"]) == (Decimal("2650.5"), 1)
    assert len(policy.calendar.holidays) == 1


NO_LEVELS = '[[levels]]\nkind = "none"'
MISTAKES = {
    "[nothing]\na = 1": "[nothing]: there is no such table",
    "login = 3": "login: must be a table",
    "[login]\nfailurs = 3": "[login] failurs: there is no such key",
    "[login]\nfailures = 0": "[login] failures: must be more than 0",
    "[sessions]\nlongest = 10000000001": "[sessions] longest: must be at most 10000000000",
    "[protection]\ncorrected_seconds = 10000000001": "[protection] corrected_seconds: must be at most 10000000000",
    "[login]\nfailures = -1": "[login] failures: must be a whole number, 0 or more",
    "[login]\nfailures = true": "[login] failures: must be a whole number, 0 or more",
    "[login]\nfailures = 1000000000001": "[login] failures: must be a whole number, 0 or more",
    "[login]\nalarm_address = 3": "[login] alarm_address: must be a text",
    "[login]\ncode_digits = 33": "[login] code_digits: must be at most 32",
    "[temporary]\nletters = 33": "[temporary] letters: must be at most 32",
    "[phone]\nnumber_digits = 9": "[phone] number_digits: must be at most 8",
    "[phone]\npushes = 0": "[phone] pushes: must be more than 0",
    "[phone]\nremoves = 3": "[phone] removes: must be a list",
    '[phone]\nremoves = ["fax"]': "[phone] removes: fax is not another kind of device",
    '[phone]\nremoves = ["phone_app"]': "[phone] removes: phone_app is not another kind of device",
    "[passwords]\nmemory_kib = 1000000000000": "[passwords] memory_kib: must be at most 4194304",
    "[passwords]\niterations = 1000000000000": "[passwords] iterations: must be at most 1000",
    "[activation]\nautomatic_days = 10000000": "[activation] automatic_days: must be at most 3650",
    "[audit]\narchive_after_days = 0": "[audit] archive_after_days: must be more than 0",
    "[audit]\narchive_after_days = 36501": "[audit] archive_after_days: must be at most 36500",
    '[audit]\narchive_after_days = "1 year"': "[audit] archive_after_days: must be a whole number, 0 or more",
    "[request]\ndelivery_days = 100000000": "[request] delivery_days: must be at most 3650",
    "[request]\nreceipt_days = [1, 100000000]": (
        "[request] receipt_days: must be the minimum and the maximum, at most 3650 days"
    ),
    '[login]\nalarm_address = ""': "[login] alarm_address: must be an email address, for example security@example.com",
    '[login]\nalarm_address = "a@b.example,thief@c.example"': "[login] alarm_address: must be an email address",
    "[code_card]\nindexes = 8\ncode_letters = 8": "[code_card]: at most 10000 codes, at most as many indexes",
    '[contact]\nsupport = "a\\nb"': "[contact] support: must be one line of at most 200 characters",
    "[code_card]\nindexes = 300": "[code_card]: at most 10000 codes, at most as many indexes",
    "[passwords]\nlongest = 3": (
        "[passwords]: shortest must not be more than longest, and memory_kib must be at least 8 for each lane"
    ),
    "[request]\nreceipt_days = [5, 3]": "[request] receipt_days: must be the minimum and the maximum",
    '[request]\nreturnable = "IB3000xxx"': "[request] returnable: must be a list",
    '[request]\nreturnable = ["["]': "[request] returnable: must be A-Z, 0-9 and -, followed by an x for each digit",
    '[request]\nseries = ["IB3000"]': "[request] series: must be A-Z, 0-9 and -, followed by an x for each digit",
    '[request]\nseries = ["IB30000000000xxxx"]': "[request] series: must be A-Z, 0-9 and -, followed",
    "[request]\nseries = []": "[request] series: must have at least one series",
    "[request]\nrates = 3": "[request.rates]: must be a table",
    "[request.rates]\nEUR = 1.05": "[request] rates EUR: must be a whole number, or a decimal in quotes",
    '[request.rates]\nEUR = "NaN"': "[request] rates EUR: must be a number, more than 0",
    '[request.rates]\nEUR = "x"': "[request] rates EUR: must be a number, more than 0",
    "[request.fee_cents]\ndsc_plus = 20000": (
        "[request.fee_cents] dsc_plus: must be within the range in request.replacement_cents"
    ),
    "[request.fee_cents]\ngold = 15001": ("[request.fee_cents] gold: must be within the range in request.replacement_cents"),
    "[request.fee_cents]\nplatinum = 1999": (
        "[request.fee_cents] platinum: must be within the range in request.replacement_cents"
    ),
    "[request.fee_cents]\nsms = 2000": "[request.fee_cents] sms: has no range in request.replacement_cents",
    "[request.fee_cents]\nfax = 2000": "[request.fee_cents] fax: has no range in request.replacement_cents",
    "[request.replacement_cents]\nfax = [1, 2]": "[request.replacement_cents] fax: must be one of dsc_plus, platinum, gold,",
    "[request.replacement_cents]\ngold = [2, 1]": "[request.fee_cents] gold: must be within the range",
    "[request.replacement_cents]\ndsc_plus = [1]": "[request] replacement_cents dsc_plus: must be a list of 2",
    "[activation]\nnear_days = 22": "[activation]: imminent_days must be less than near_days",
    '[sharing]\ncompliance = "sometimes"': "[sharing] compliance: must be never, always or reviewed",
    '[calendar]\nexchange = "XMOON"': "[calendar] exchange: must be empty or an exchange with known holidays",
    "[calendar]\nholidays = [3]": "[calendar] holidays: must be a day",
    '[calendar]\nzone = "Moon/Sea"': "[calendar]: zone must be a time zone such as Europe/Zurich, and weekend some of the days",
    '[calendar]\nzone = "../etc"': "[calendar]: zone must be a time zone such as Europe/Zurich, and weekend some of the days",
    "[calendar]\nweekend = [1, 2, 3, 4, 5, 6, 7]": "[calendar]: zone must be a time zone such as Europe/Zurich, and weekend",
    "levels = 3": "[[levels]]: must be tables",
    NO_LEVELS: "[[levels]]: dsc_plus is missing",
    f"{NO_LEVELS}\ntemporary = true": "[[levels]] temporary: there is no such key",
    f"{NO_LEVELS}\ncolor = 3": "[[levels]] color: there is no such key",
    '[[levels]]\nissued = "yes"': "[[levels]] kind: is missing",
    f'{NO_LEVELS}\nissued = "yes"': "[[levels]] none issued: must be true or false",
    f"{NO_LEVELS}\n{NO_LEVELS}": "[[levels]]: must not have a kind twice",
}


@pytest.mark.parametrize(("text", "told"), MISTAKES.items(), ids=[*map(str, range(len(MISTAKES)))])
def test_a_mistake_is_told_with_the_file_and_the_key(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(InputError) as refusal:
        Policy.load(file)
    assert str(refusal.value).startswith(f"policy: {file}: {told}")


@pytest.mark.parametrize("text", ["a = " + "1" * 5_000, "a = " + "[" * 20_000], ids=["too long", "too deep"])
def test_a_file_that_python_cannot_parse_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"^policy: .*policy\.toml is not TOML: "):
        Policy.load(file)


def levels(**limits: str) -> str:
    """Return the published table of levels with other limits for a kind."""
    kinds = [level.kind for level in Policy.default().levels]
    return "\n".join(f'[[levels]]\nkind = "{kind}"\n{limits.get(kind, "")}' for kind in kinds)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("per_day = 5", "must have both limits, or neither"),
        ("per_day = 5\nper_five_days = 4", "per_day must not be more than per_five_days"),
        ("per_day = 0\nper_five_days = 4", "must be a number, more than 0"),
    ],
)
def test_limits_that_cannot_be(tmp_path: Path, limits: str, told: str) -> None:
    (tmp_path / "policy.toml").write_text(levels(sms=limits))
    with pytest.raises(InputError, match=f"sms.*: {told}"):
        Policy.load(tmp_path / "policy.toml")


def test_a_level_of_a_kind_that_does_not_exist_is_refused() -> None:
    given = [{"kind": str(kind)} for kind in ("fax", *Kind, "none")]
    with pytest.raises(InputError, match=r"fax: must be one of dsc_plus, platinum, gold, .*, none$"):
        Policy.of({"levels": given})


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[login", b"#" * 70_000, None], ids=["latin", "broken", "large", "none"])
def test_what_is_no_policy_file(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "policy.toml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(InputError, match=r"UTF-8|TOML|large|cannot be read"):
        Policy.load(file)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        Policy.load(tmp_path)
