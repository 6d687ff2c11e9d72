"""The calls that a helpdesk makes over HTTP."""

from typing import Any

from tests.host.api.api_client import Api, problem
from tests.host.databases import verifier as verifier  # On SQLite and PostgreSQL.
from tests.host.verifier_samples import KEY, SUITE, Clock

from dsc_host.api.operations import OPERATIONS

ACTIONS = [
    operation.path.rpartition("/")[2] for operation in OPERATIONS if operation.name.endswith("-card") and "}/" in operation.path
]


def done(api: Api, verb: str, **body: object) -> dict[str, Any]:
    answer = api("POST", f"/cards/A-1/{verb}", **body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_card_is_shown_without_its_secrets(api: Api, clock: Clock) -> None:
    shown = api("GET", "/cards/A-1").json()
    assert (shown["serial"], shown["suite"], shown["state"]) == ("A-1", SUITE, "enrolled")
    assert shown["enrolled_at"] == clock.now
    assert KEY.hex() not in str(shown)
    assert not [name for name in shown if "key" in name and name != "has_unlock_key"]


def test_a_serial_with_a_slash_is_escaped_in_the_path(api: Api) -> None:
    api.verifier.enroll("acme/retire", key=KEY, suite=SUITE, pin="1234")
    api.verifier.enroll("acme", key=KEY, suite=SUITE, pin="1234")
    assert api("GET", "/cards/acme%2Fretire").json()["serial"] == "acme/retire"
    assert api("POST", "/cards/acme%2fretire/suspend").json()["state"] == "suspended"
    for unknown in ("acme%252Fretire", "acme%25252Fretire", "acme%%32Fretire", "acme%2"):
        assert api.send("GET", f"/cards/{unknown}").status_code == 404, unknown
    assert (api.verifier.card("acme").state, api.verifier.card("acme/retire").state) == ("enrolled", "suspended")


def test_a_cards_life(api: Api, clock: Clock) -> None:
    assert done(api, "suspend", reason="on leave")["state"] == "suspended"
    assert done(api, "lost")["state"] == "lost"
    assert done(api, "resume")["state"] == "active"
    assert done(api, "lock", seconds=60)["locked_until"] == clock.now + 60
    assert done(api, "unlock")["locked_until"] is None
    assert done(api, "add-owner", owner="Ána")["owners"] == ["Ána"]
    assert done(api, "remove-owner", owner="Ána")["owners"] == []
    assert api("PUT", "/cards/A-1/duress-pin", duress_pin="9999").json()["has_duress_pin"] is True
    assert api("PUT", "/cards/A-1/duress-pin", duress_pin=None).json()["has_duress_pin"] is False
    assert done(api, "retire")["state"] == "retired"
    assert "is retired" in problem(api("POST", "/cards/A-1/resume"), 409, "state")
    assert api("DELETE", "/cards/A-1").status_code == 204
    problem(api("DELETE", "/cards/A-1"), 404, "unknown-card")
    entries = [entry for entry in api.verifier.audit.entries() if entry.actor == "helpdesk"]
    assert [entry.action for entry in entries] == [
        "card.suspend", "card.lost", "card.resume", "card.lock", "card.unlock", "owner.add", "owner.remove",
        "card.duress-pin", "card.duress-pin", "card.retire", "card.remove",
    ]  # fmt: skip
    assert entries[0].reason == "on leave"


def test_a_card_is_enrolled(api: Api) -> None:
    body = {"serial": "B-2", "key": bytes(range(32)).hex(), "pin": "4321", "counter": 7, "owners": ["ana"]}
    answer = api("POST", "/cards", **body)
    assert (answer.status_code, answer.json()["counter"], answer.json()["owners"]) == (201, 7, ["ana"])
    (kept,) = api.verifier.disclose(["B-2"])
    assert (kept.key, kept.pin) == (bytes(range(32)), "4321")
    problem(api("POST", "/cards", **body), 409, "already-enrolled")


def test_what_the_verifier_does_not_take_is_said(api: Api) -> None:
    before = api.rows(), api.logged()
    refused: list[tuple[dict[str, Any], str]] = [
        ({"pin": None}, "pin"),
        ({"suite": "OCRA-1:HOTP-MD5-8:QN06"}, "suite"),
        ({"suite": "OCRA-1:HOTP-SHA256-8:QN06", "pin": None, "duress_pin": "4321"}, "duress pin"),
        ({"unlock_key": "ab" * 32}, "unlock key"),
        ({"owners": [" ana"]}, "owner"),
    ]
    for change, field in refused:
        problem(api("POST", "/cards", **{"serial": "B-2", "key": "ab" * 32, "pin": "4321", **change}), 422, "input", field)
    assert (api.rows(), api.logged()) == before


def test_a_counter_is_whole_and_exact(api: Api) -> None:
    written = {"7": 7, "7.0": 7, "7e0": 7, "18446744073709551614": 2**64 - 2, "7.5": None, "1e19": None}
    for number, (text, counter) in enumerate(written.items()):
        body = f'{{"serial": "B-{number}", "key": "{"ab" * 32}", "pin": "4321", "counter": {text}}}'
        answer = api.send("POST", "/cards", content=body, headers={"Content-Type": "application/json"})
        if counter is None:
            problem(answer, 400, "malformed", "counter")
        else:
            assert answer.json()["counter"] == api.verifier.card(f"B-{number}").counter == counter


def test_an_unlock_code_is_made_and_counted(api: Api) -> None:
    api.verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=bytes(range(32)))
    codes = {api("POST", "/cards/B-2/unlock-code", challenge="482913").json()["unlock_code"] for _ in range(10)}
    (code,) = codes
    assert len(code) == 8
    answer = api("POST", "/cards/B-2/unlock-code", challenge="482913")
    assert code not in problem(answer, 429, "too-many-unlock-codes")
    assert int(answer.headers["retry-after"]) >= 1
    problem(api("POST", "/cards/A-1/unlock-code", challenge="482913"), 409, "no-unlock-key")


def test_a_card_that_there_is_not_is_told_to_the_desk(api: Api) -> None:
    before = api.rows(), api.logged()
    for verb in ACTIONS:
        body = {"owner": "ana"} if verb.endswith("-owner") else {}
        problem(api("POST", f"/cards/B-2/{verb}", **body), 404, "unknown-card")
    assert (api.rows(), api.logged()) == before


def test_pages_show_every_card_once(api: Api) -> None:
    for number in range(6):
        api.verifier.enroll(f"C-{number}", key=KEY, suite=SUITE, pin="1234", owners=("ana",) if number % 2 else ())
    api.verifier.suspend("C-3")
    pages, after = [], ""
    while after is not None:
        page = api.send("GET", "/cards", params={"after": after, "limit": "3"}).json()
        pages.append([card["serial"] for card in page["cards"]])
        after = page["next"]
    assert pages == [["A-1", "C-0", "C-1"], ["C-2", "C-3", "C-4"], ["C-5"]]
    # A page that is exactly full is the last page.
    assert api.send("GET", "/cards", params={"limit": "7"}).json()["next"] is None
    found = api.send("GET", "/cards", params={"owner": "ana", "state": "suspended"}).json()["cards"]
    assert [card["serial"] for card in found] == ["C-3"]
