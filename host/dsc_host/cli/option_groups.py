"""Groups of options that several commands share.

A group is a frozen dataclass whose fields are options. The function of a command has one parameter for the whole group. On the
command line, each field is a separate option.
"""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def expanded(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that has a parameter for each option of a group, in place of the group.

    These parameters come after the other parameters.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)}

    @wraps(function)
    def call(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in fields(group)})
        function(**given)

    own = [each for name, each in inspect.signature(function).parameters.items() if name not in groups]
    shared = [each for group in groups.values() for each in _parameters(group)]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared)]
    # Typer reads the signature and the annotations.
    vars(call)["__signature__"] = inspect.Signature(parameters)
    call.__annotations__ = {each.name: hints.get(each.name, each.annotation) for each in parameters}
    return call


def _parameters(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(group)
    ]
