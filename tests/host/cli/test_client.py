"""The commands for OpenID clients, and for the keys that sign their tokens."""

import json

import pytest
from joserfc.jwk import ECKey
from tests.host.command_runner import Command

from dsc_host.gateway.openid import clients
from dsc_host.login import LoginSystem

REDIRECT = "https://wiki.example.com/login"


@pytest.fixture(autouse=True)
def records(dscplus: Command) -> None:
    dscplus.with_records()
    with dscplus.verifier():
        """Make the database."""


def test_a_client_is_added_shown_and_removed(dscplus: Command) -> None:
    added = dscplus("client", "add", "wiki", "--redirect", REDIRECT, "--own", "--admit", "full", "--admit", "account")
    assert (added.code, added.err) == (0, "")
    with dscplus.verifier() as verifier:
        kept = LoginSystem.over(verifier).context.read(lambda tx: clients.found(tx, "wiki"))
    assert kept.has_secret(added.out.strip())
    assert json.loads(dscplus("client", "show", "wiki", "--json").out) == {
        "name": "wiki", "title": "wiki", "own": True, "proves_by": "secret", "redirect": [REDIRECT], "logout_redirect": [],
        "backchannel": "", "admits": ["full", "account"], "needs_pkce": False,
    }  # fmt: skip
    assert json.loads(dscplus("client", "list", "--json").out) == [
        {"name": "wiki", "title": "wiki", "own": True, "proves_by": "secret"}
    ]
    kept_one = dscplus("client", "remove", "wiki", stdin="n\n")
    assert (kept_one.code, kept_one.err.splitlines()[-1]) == (1, "Error: nothing was changed")
    assert dscplus("client", "remove", "wiki", "-y").code == 0
    assert dscplus("client", "list").err == "There are no clients.\n"
    assert dscplus("client", "remove", "wiki").err.startswith("Error: name: there is no client of this name")


def test_a_client_with_keys_and_a_public_one_have_no_secret(dscplus: Command) -> None:
    file = dscplus.folder / "keys.json"
    file.write_text(json.dumps(ECKey.generate_key("P-256", private=True).as_dict(private=False)))
    by_key = dscplus("client", "add", "a", "--redirect", REDIRECT, "--keys", str(file), "--json")
    assert json.loads(by_key.out) == {"name": "a"}
    public = dscplus("client", "add", "b", "--redirect", "com.example.app:/login", "--public", "--title", "The App")
    assert (public.out, public.err) == ("", "Added b, which has no secret.\n")
    rows = json.loads(dscplus("client", "list", "--json").out)
    assert [(row["name"], row["proves_by"]) for row in rows] == [("a", "key"), ("b", "none")]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--redirect", "http://wiki.example.com/"), "redirect"),
        (("--redirect", REDIRECT, "--public", "--keys", "x"), "keys"),
        (("--redirect", REDIRECT, "--keys", "missing"), "keys"),
        (("--redirect", REDIRECT, "--keys", "pyproject"), "keys"),
        (("--redirect", REDIRECT, "--title", "a" * 61), "title"),
    ],
)
def test_a_mistake_is_one_line(dscplus: Command, arguments: tuple[str, ...], field: str) -> None:
    (dscplus.folder / "pyproject").write_text("[]")
    words = [str(dscplus.folder / each) if each == "pyproject" else each for each in arguments]
    done = dscplus("client", "add", "wiki", *words)
    assert done.code == 2
    assert done.err.startswith(f"Error: {field}: ")
    assert done.err.count("\n") == 1


def test_signing_keys_are_rotated(dscplus: Command) -> None:
    assert dscplus("client", "key", "list").err.startswith("There are no keys.")
    first = dscplus("client", "key", "rotate").out.strip()
    second = json.loads(dscplus("client", "key", "rotate", "--json").out)["id"]
    listed = json.loads(dscplus("client", "key", "list", "--json").out)
    assert listed == [{"id": first, "state": "signs"}, {"id": second, "state": "published, signs soon"}]
    third = dscplus("client", "key", "rotate", "--stolen").out.strip()
    assert json.loads(dscplus("client", "key", "list", "--json").out) == [{"id": third, "state": "signs"}]
