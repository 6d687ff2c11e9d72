"""The table of conformance tests in the docs: it has each test of the profile once, and names tests that exist."""

import ast
import re

from tests.checkout import ROOT

TESTS = 38
"""The number of tests in the basic profile."""


def test_each_test_of_the_profile_has_a_test_here() -> None:
    text = (ROOT / "docs" / "how-to" / "openid.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (oidcc-[a-z0-9-]+) \| (.+) \| (.*) \|$", text, re.MULTILINE)
    assert len({name for name, _, _ in rows}) == len(rows) == TESTS
    for name, test, file in rows:
        if not file.strip():
            assert test.startswith("not supported: "), name
            continue
        tree = ast.parse((ROOT / file.strip("` ")).read_text(encoding="utf-8"))
        assert test.strip("`") in [each.name for each in tree.body if isinstance(each, ast.FunctionDef)], name
