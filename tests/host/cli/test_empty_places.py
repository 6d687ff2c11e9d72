"""Empty text for a file, a folder or a URL, such as that of an unset shell variable, is refused by every command."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from tests.host.command_runner import SECRETS
from tests.host.command_runner import Command as Dscplus

from dsc_host.cli.commands import SECTIONS
from dsc_host.cli.empty_places import PLACES
from dsc_host.cli.lazy import Command, Noun
from dsc_host.cli.main import command, more_sections
from dsc_host.cli.option_groups import expanded


def commands(entries: Sequence[Command | Noun], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command."""
    for entry in entries:
        words = (*before, entry.name)
        if isinstance(entry, Command):
            yield words
        else:
            yield from commands(entry.commands, words)


def built(words: Sequence[str]) -> Any:
    """Return a command as Typer builds it."""
    found: Any = command()
    for word in words:
        found = found.commands[word]
    return found


def places() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each parameter of a command that names a place, with the words of the command."""
    for section in (*SECTIONS, *more_sections()):
        for words in commands(section.commands):
            yield from ((words, each) for each in built(words).params if each.metavar in PLACES)


def test_every_command_refuses_an_empty_place(dscplus: Dscplus) -> None:
    dscplus.monkeypatch.chdir(dscplus.folder)
    refused = {(*words, _name(each)): dscplus.refused(*words, *_empty(each)) for words, each in places()}
    assert len(refused) > 150
    assert refused == {(*words, _name(each)): _refusal(each) for words, each in places()}
    assert list(dscplus.folder.iterdir()) == []


def _name(parameter: Any) -> str:
    return str(parameter.opts[-1] if parameter.param_type_name == "option" else parameter.metavar)


def _empty(parameter: Any) -> list[str]:
    return [_name(parameter), ""] if parameter.param_type_name == "option" else [""]


def _refusal(parameter: Any) -> str:
    left_out = parameter.param_type_name == "option" and not parameter.required
    remedy = f"name {PLACES[parameter.metavar]}" + ", or leave the option out" * left_out
    return f"{_name(parameter)}: must not be empty; {remedy}"


def every_path() -> Iterator[tuple[str, object]]:
    """Yield the metavar of each parameter that has the type of a path, by its command and name."""
    for section in (*SECTIONS, *more_sections()):
        for words in commands(section.commands):
            module, _, name = _target(section.commands, words).partition(":")
            function = expanded(getattr(import_module(module), name))
            for parameter, hint in get_type_hints(function, include_extras=True).items():
                kind, *more = get_args(hint) or (hint,)
                if kind is Path or Path in get_args(kind):
                    yield f"{' '.join(words)}: {parameter}", more[0].metavar


def _target(entries: Sequence[Command | Noun], words: Sequence[str]) -> str:
    entry = next(each for each in entries if each.name == words[0])
    return entry.target if isinstance(entry, Command) else _target(entry.commands, words[1:])


def test_every_path_is_called_a_place() -> None:
    paths = dict(every_path())
    assert len(paths) > 100
    assert {name for name, metavar in paths.items() if metavar not in PLACES} == set()


@pytest.mark.parametrize(
    "given",
    [["backup", "x", "--segments="], ["backup", "x", "--force", "--segments", "a", "--segments", ""], ["export", "", "IB1"]],
)
def test_each_way_to_write_it_is_refused(dscplus: Dscplus, given: list[str]) -> None:
    assert "must not be empty" in dscplus.refused(*given)


def test_one_of_several_values_may_not_be_empty_either(dscplus: Dscplus) -> None:
    addresses = ["--redirect", "https://wiki.example.com/", "--redirect", ""]
    assert dscplus.refused("client", "add", "wiki", *addresses) == "--redirect: must not be empty; name a URL"


def test_other_text_may_be_empty(dscplus: Dscplus) -> None:
    dscplus.with_cards("IB1")
    assert dscplus("card", "list", "--after", "").rows != []


def test_a_database_url_without_a_file_is_refused(dscplus: Dscplus) -> None:
    dscplus.with_records()
    for words in (["card", "list"], ["portal"], ["challenge", "IB1"], ["audit", "verify"]):
        assert "must name a file" in dscplus.refused(*words, "--db", "sqlite:///")


# ---- the environment ----


def test_an_empty_variable_counts_as_unset(dscplus: Dscplus, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {each.envvar for _, each in places() if each.envvar} | {"DSCPLUS_MASTER_KEY", "DSCPLUS_CONFIG"}
    assert {"DSCPLUS_DB", "DSCPLUS_MASTER_KEY_FILE", "DSCPLUS_POLICY", "DSCPLUS_TOKENS", "DSCPLUS_PHONE"} < names
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert dscplus("enroll", "IB1", stdin=SECRETS).code == 0
    tried = (["config", "show"], ["key", "list"], ["issuer", "list"], ["info"], ["phone", "users"], ["phone", "waiting"])
    unset = [dscplus(*words) for words in tried]
    for name in names:
        monkeypatch.setenv(name, "")
    assert [dscplus(*words) for words in tried] == unset


def test_records_are_made_in_the_default_place_if_variables_are_empty(
    dscplus: Dscplus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DB", "MASTER_KEY", "MASTER_KEY_FILE"):
        monkeypatch.setenv(f"DSCPLUS_{name}", "")
    assert dscplus("enroll", "IB1", stdin=SECRETS).code == 0
    assert dscplus("key", "list").rows != []
    assert (dscplus.folder / "data" / "dscplus" / "dsc.db").exists()
