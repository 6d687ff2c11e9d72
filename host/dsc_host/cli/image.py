"""The command that builds the files for boards: image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import notice, show, show_all
from dsc_host.flash import build_image, uf2_name, write_image


def image(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The output folder; created if missing.")] = Path("dist"),
    board: Annotated[
        str, typer.Option(metavar="NAME", help="The board whose wiring is included: pico, pico2, esp32s3 or headless.")
    ] = "pico",
    as_json: JsonOption = False,
) -> None:
    """Build the files that turn a board into a card.

    The files are the compiled firmware, and images that contain it. The same source always gives the same bytes. This command
    writes nothing to a board. For that, use `dscplus flash`.

    \b
    Examples:
      dscplus image
      dscplus image --board esp32s3 --out build/esp32s3
    """
    made = build_image(board)
    write_image(made, out)
    if as_json:
        show({"board": board, "folder": str(out), "mpy_bytes": _compiled_size(made), "files": _sizes(made)}, as_json=True)
    else:
        show_all([{"bytes": f"{len(data):8}", "path": out / path} for path, data in made.items()], as_json=False)
    notice(_what_next(board, out))


def _sizes(made: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [{"path": path, "bytes": len(data)} for path, data in made.items()]


def _compiled_size(made: Mapping[str, bytes]) -> int:
    return sum(len(data) for path, data in made.items() if path.endswith(".mpy"))


def _what_next(board: str, out: Path) -> str:
    """Return instructions for putting the files on a board that already has MicroPython."""
    if name := uf2_name(board):
        return (
            f"Next, for a new board with MicroPython: hold BOOTSEL while you plug it in, and copy {out / name} to its drive.\n"
            "That replaces every file on the board, including a personalized card's key. dscplus flash keeps the key."
        )
    return (
        "Next, for a board with MicroPython: dscplus flash, or by hand\n"
        f"  mpremote mip install {(out / 'package.json').as_posix()}\n"
        f"  mpremote cp {(out / 'board.json').as_posix()} {(out / 'main.py').as_posix()} :"
    )
