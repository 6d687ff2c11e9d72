"""The pages of the reference that are read from the code are up to date: `make docs` makes them."""

from pathlib import Path

from tests.documentation.reference_pages import main


def test_the_pages_are_up_to_date() -> None:
    assert main(["--check"]) == 0, "run make docs"


def test_a_page_that_is_out_of_date_is_found_and_made_anew(tmp_path: Path) -> None:
    assert main(["--check", str(tmp_path)]) == 1
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
