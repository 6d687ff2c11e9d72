"""Checks a release before it is published: `make release-check`. It publishes nothing."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.checkout import ROOT
from tests.release import distributions, environments


def main() -> int:
    """Build and check, print the problems, and return the exit code."""
    with TemporaryDirectory() as folder:
        built = distributions.build(Path(folder))
        for file in (built.sdist, built.wheel):
            print(f"{file.name}: {file.stat().st_size >> 10} KB")
        problems = [
            *distributions.of_changelog((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")),
            *distributions.of_sdist(built.sdist),
            *distributions.of_wheel(built.wheel),
            *environments.try_all(built.wheel, Path(folder)),
        ]
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
