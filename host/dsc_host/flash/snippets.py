"""What the board itself is told to do: MicroPython source, which leaves its answer in `result`.

Each may run twice without harm: the line may lose the answer to the first. Nothing here asks the board for more than
MicroPython 1.24 has.
"""

IDENTITY = """
import os, sys
i = sys.implementation
s = os.statvfs('/')
result = (i.name, tuple(i.version[:3]), getattr(i, '_machine', ''), getattr(i, '_mpy', 0) & 255, s[0] * s[3])
"""
"""(name, version, machine, .mpy version, bytes free). An old MicroPython must understand it too."""

_WALK = """
import os
def walk(p):
    try:
        entries = list(os.ilistdir(p))
    except OSError:
        return
    for e in entries:
        q = p + '/' + e[0]
        if e[1] & 0x4000:
            for x in walk(q):
                yield x
        yield q, e[1] & 0x4000
"""

_DIGEST = """
import hashlib, binascii
def digest(p):
    h = hashlib.sha256()
    b = bytearray(512)
    with open(p, 'rb') as f:
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(memoryview(b)[:n])
    return binascii.hexlify(h.digest()).decode()
"""


def digests(places: list[str]) -> str:
    """The SHA-256 of every file in these folders, and of these that are files, by path."""
    return (
        f"{_WALK}{_DIGEST}\nresult = {{}}\nfor r in {places!r}:\n try:\n  f = not os.stat(r)[0] & 0x4000\n"
        " except OSError:\n  continue\n if f:\n  result[r] = digest(r)\n  continue\n"
        " for p, d in walk(r):\n  if not d:\n   result[p] = digest(p)"
    )


def listing(folder: str) -> str:
    """The names in a folder; none if there is no such folder."""
    return f"import os\ntry:\n result = [e[0] for e in os.ilistdir({folder!r})]\nexcept OSError:\n result = []"


def contents(path: str, limit: int) -> str:
    """The first bytes of a file, at most `limit`; None if it cannot be read."""
    return f"try:\n with open({path!r}, 'rb') as f:\n  result = f.read({limit})\nexcept OSError:\n result = None"


def make_folders(paths: list[str]) -> str:
    """Make these folders, parents before children; one that is there already stays. True if all are there."""
    return (
        f"import os\nfor p in {paths!r}:\n try:\n  os.mkdir(p)\n except OSError as e:\n  try:\n   os.stat(p)\n"
        "  except OSError:\n   raise e\nresult = True"
    )


def misplaced(folders: list[str], files: list[str]) -> str:
    """Those of these folders that are there as files, and of these files that are there as folders."""
    return (
        f"import os\nresult = []\nfor d, ps in ((0x4000, {folders!r}), (0, {files!r})):\n for p in ps:\n  try:\n"
        "   if os.stat(p)[0] & 0x4000 != d:\n    result.append(p)\n  except OSError:\n   pass"
    )


def copy(source: str, target: str) -> str:
    """Copy a file on the board."""
    return (
        f"b = bytearray(512)\nwith open({source!r}, 'rb') as r:\n with open({target!r}, 'wb') as w:\n  while True:\n"
        "   n = r.readinto(b)\n   if not n:\n    break\n   w.write(memoryview(b)[:n])\nresult = True"
    )


def replace(source: str, target: str) -> str:
    """Give `source` the name of `target`: one step on littlefs, the file system of the boards."""
    return (
        f"import os\ntry:\n os.stat({source!r})\n there = True\nexcept OSError:\n there = False\n"
        f"if there:\n os.rename({source!r}, {target!r})\nresult = there"
    )


def existing(paths: list[str]) -> str:
    """Those of these paths that are there."""
    return f"import os\nresult = []\nfor p in {paths!r}:\n try:\n  os.stat(p)\n  result.append(p)\n except OSError:\n  pass"


def remove(paths: list[str]) -> str:
    """Remove files, and folders with all that is in them; what is not there already is no failure."""
    return (
        f"{_WALK}\ndef drop(p, d):\n try:\n  (os.rmdir if d else os.remove)(p)\n except OSError:\n  pass\n"
        f"for r in {paths!r}:\n for p, d in walk(r):\n  drop(p, d)\n"
        " try:\n  drop(r, os.stat(r)[0] & 0x4000)\n except OSError:\n  pass\nresult = True"
    )
