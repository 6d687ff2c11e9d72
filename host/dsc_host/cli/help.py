"""The command that shows the help of another command: help."""

from typing import Annotated

import typer

from dsc_host.cli.lazy import LazyGroup


def _completions(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the commands that begin with `incomplete`, each with its summary, for the completion by a shell."""
    group: object = ctx.find_root().command
    for word in ctx.params.get("words") or ():
        group = group.get_command(ctx, word) if isinstance(group, LazyGroup) else None
    if not isinstance(group, LazyGroup):
        return []
    return [(name, summary) for name, summary in group.summaries() if name.startswith(incomplete)]


def show_help(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="For example card list.", autocompletion=_completions),
    ] = None,
) -> None:
    """Show the help of a command, or the list of all commands.

    \b
    Examples:
      dscplus help
      dscplus help card list
    """
    context = ctx.find_root()
    for word in words or []:
        group = context.command
        found = group.get_command(context, word) if isinstance(group, LazyGroup) else None
        if found is None:
            raise typer.BadParameter(
                f"there is no command {' '.join(words or [])}; dscplus help lists all", param_hint="COMMAND"
            )
        context = typer.Context(found, parent=context, info_name=word)
    typer.echo(context.get_help())
