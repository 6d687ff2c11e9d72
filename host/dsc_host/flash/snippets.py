"""Code that runs on the board: MicroPython source that assigns its answer to `result`.

The line may lose an answer, so every snippet can be run twice without harm. All snippets run on MicroPython 1.24. A snippet may
need a variable of an earlier snippet. The names of such variables begin with an underscore.
"""

from binascii import b2a_base64

IDENTITY = """
import os, sys
i = sys.implementation
s = os.statvfs('/')
result = (i.name, tuple(i.version[:3]), getattr(i, '_machine', ''), getattr(i, '_mpy', 0) & 255, s[0] * s[3])
"""
"""Code whose answer is (name, version, machine, .mpy version, free bytes). It also runs on a MicroPython that is too old."""

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
    """Return code whose answer maps the path of each file to its SHA-256 in hex.

    `places` are the paths of files, and of folders whose files are all included.
    """
    return (
        f"{_WALK}{_DIGEST}\nresult = {{}}\nfor r in {places!r}:\n try:\n  f = not os.stat(r)[0] & 0x4000\n"
        " except OSError:\n  continue\n if f:\n  result[r] = digest(r)\n  continue\n"
        " for p, d in walk(r):\n  if not d:\n   result[p] = digest(p)"
    )


def listing(folder: str) -> str:
    """Return code whose answer is the list of the names in a folder, or an empty list if the folder does not exist."""
    return f"import os\ntry:\n result = [e[0] for e in os.ilistdir({folder!r})]\nexcept OSError:\n result = []"


def contents(path: str, limit: int) -> str:
    """Return code whose answer is the first `limit` bytes of a file, or None if the file cannot be read."""
    return f"try:\n with open({path!r}, 'rb') as f:\n  result = f.read({limit})\nexcept OSError:\n result = None"


def answer(code: str, most: int) -> str:
    """Return code that runs `code`. The answer is the length of the result as text, and the text's first `most` characters."""
    return f"{code}\n_r = repr(result)\nresult = (len(_r), _r[:{most}])"


def rest(at: int, most: int) -> str:
    """Return code whose answer is up to `most` characters of the last result as text, from the position `at` on."""
    return f"result = _r[{at}:{at + most}]"


def upload(at: int, piece: str) -> str:
    """Return code that appends `piece` to the uploaded code, if `at` characters of it have arrived so far.

    The answer is the new length of the uploaded code.
    """
    start = "_s = ''\n" if at == 0 else ""
    return f"{start}if len(_s) == {at}:\n _s += {piece!r}\nresult = len(_s)"


RUN_UPLOADED = "exec(_s)"
"""Code that runs the uploaded code."""


def append(path: str, at: int, data: bytes, size: int) -> str:
    """Return code that appends `data` to a file, if the file has `at` bytes so far.

    The file is created if `at` is 0, and closed when it has `size` bytes. The answer is the file's new length.
    """
    encoded = b2a_base64(data, newline=False)
    opened = f"_f = open({path!r}, 'wb')\n_n = 0\n" if at == 0 else ""
    return (
        f"import binascii\n{opened}if _n < {size}:\n if _f.tell() == {at}:\n  _f.write(binascii.a2b_base64({encoded!r}))\n"
        f" _n = _f.tell()\nif _n == {size}:\n _f.close()\nresult = _n"
    )


def make_folders(paths: list[str]) -> str:
    """Return code that creates these folders, parents before children. Existing folders stay. The answer is True."""
    return (
        f"import os\nfor p in {paths!r}:\n try:\n  os.mkdir(p)\n except OSError as e:\n  try:\n   os.stat(p)\n"
        "  except OSError:\n   raise e\nresult = True"
    )


def misplaced(folders: list[str], files: list[str]) -> str:
    """Return code whose answer is the list of `folders` that exist as files, and of `files` that exist as folders."""
    return (
        f"import os\nresult = []\nfor d, ps in ((0x4000, {folders!r}), (0, {files!r})):\n for p in ps:\n  try:\n"
        "   if os.stat(p)[0] & 0x4000 != d:\n    result.append(p)\n  except OSError:\n   pass"
    )


def copy(source: str, target: str) -> str:
    """Return code that copies a file on the board."""
    return (
        f"b = bytearray(512)\nwith open({source!r}, 'rb') as r:\n with open({target!r}, 'wb') as w:\n  while True:\n"
        "   n = r.readinto(b)\n   if not n:\n    break\n   w.write(memoryview(b)[:n])\nresult = True"
    )


def replace(source: str, target: str) -> str:
    """Return code that renames `source`, if it exists, to `target`. On littlefs, the boards' file system, this is atomic."""
    return (
        f"import os\ntry:\n os.stat({source!r})\n there = True\nexcept OSError:\n there = False\n"
        f"if there:\n os.rename({source!r}, {target!r})\nresult = there"
    )


def existing(paths: list[str]) -> str:
    """Return code whose answer is the list of those `paths` that exist."""
    return f"import os\nresult = []\nfor p in {paths!r}:\n try:\n  os.stat(p)\n  result.append(p)\n except OSError:\n  pass"


def remove(paths: list[str]) -> str:
    """Return code that removes files, and folders with their contents. Paths that cannot be removed are ignored."""
    return (
        f"{_WALK}\ndef drop(p, d):\n try:\n  (os.rmdir if d else os.remove)(p)\n except OSError:\n  pass\n"
        f"for r in {paths!r}:\n for p, d in walk(r):\n  drop(p, d)\n"
        " try:\n  drop(r, os.stat(r)[0] & 0x4000)\n except OSError:\n  pass\nresult = True"
    )
