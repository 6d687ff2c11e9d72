"""Samples for the tests of flashing: small firmwares of two versions, and boards on which one of these was flashed."""

from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import BoardDouble

from dsc_host.flash import BoardSession, Plan, examine, install, plan, removable, remove
from dsc_host.link import open_port

KEPT = {"/dsc0.bin": b"\x00key", "/dsc1.bin": b"\x01key", "/boot.py": b"# mine\n", "/lib/mine.py": b"mine = 1\n"}
PICO = b'{"board": "pico", "line": {"kind": "usb"}}'


def program(version: str, parts: int = 3) -> dict[str, bytes]:
    """Return a firmware of several modules. It starts only if all are of one version, and reports which one."""
    names = [f"part{number}" for number in range(parts)]
    imports = "".join(f"from dsc_firmware.{name} import VERSION as {name}\n" for name in names)
    run = f"def run():\n    import card\n    card.started(' '.join(sorted({{{', '.join(names)}, VERSION}})))\n"
    files = {f"lib/dsc_firmware/{name}.py": f"VERSION = '{version}'\n".encode() for name in names}
    return {
        "lib/dsc_firmware/__init__.py": b"",
        **files,
        "lib/dsc_firmware/boards/__init__.py": f"VERSION = '{version}'\n{imports}{run}".encode(),
        "lib/dsc_firmware/same.py": b"SAME = 1\n" * 400,
        "main.py": b"from dsc_firmware.boards import run\n\nrun()\n",
    }


OLD, NEW = program("old"), program("new")


def flash(board: BoardDouble, files: dict[str, bytes], wiring: str | None = None) -> Plan:
    with BoardSession(open_port(board.url), board.url) as session:
        steps = plan(examine(session), files, wiring)
        install(session, steps)
    return steps


def unflash(board: BoardDouble) -> tuple[str, ...]:
    with BoardSession(open_port(board.url), board.url) as session:
        paths = removable(session)
        remove(session, paths)
    return paths


def start(disk: Disk) -> str:
    """Return the version of the program that a board with this disk starts at power-up."""
    disk.cut_at = None
    with BoardDouble(disk) as board:
        return board.started


def disk_with(files: dict[str, bytes]) -> Disk:
    """Return a disk on which these files have been flashed."""
    disk = Disk(dict(KEPT))
    disk.files["/board.json"] = PICO
    with BoardDouble(disk) as board:
        flash(board, files)
    return disk


def copy_of(disk: Disk, cut_at: int | None = None) -> Disk:
    return Disk(dict(disk.files), set(disk.folders), cut_at=cut_at)


def assert_kept(disk: Disk) -> None:
    for path, data in KEPT.items():
        assert disk.files[path] == data
