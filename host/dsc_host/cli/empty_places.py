"""The refusal of empty text as the name of a file, of a folder or of a URL, for all commands.

A shell passes empty text for a quoted variable that is not set. Python would take an empty path for the current folder.
"""

from typing import Any

from typer.core import TyperCommand

from dsc_host.errors import InputError

PLACES = {"FILE": "a file", "FOLDER": "a folder", "URL": "a URL"}
"""The metavars of the parameters that name a place, each with words for this place."""


class PlaceCheckingCommand(TyperCommand):
    """A command that refuses empty text for a parameter that names a place."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. Raises `InputError` for an empty place."""
        if not ctx.resilient_parsing:
            # Check the text from the command line, because a `Path` does not show that its text was empty.
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            for parameter in self.params:
                if getattr(parameter, "metavar", None) in PLACES:
                    _check(parameter, given.get(parameter.name))
        return super().parse_args(ctx, args)


def _check(parameter: Any, given: object) -> None:
    if "" not in (given if isinstance(given, list | tuple) else [given]):
        return
    is_option = parameter.param_type_name == "option"
    raise InputError(
        parameter.opts[-1] if is_option else parameter.metavar,
        f"must not be empty; name {PLACES[parameter.metavar]}"
        + (", or leave the option out" if is_option and not parameter.required else ""),
    )
