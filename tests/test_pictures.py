"""The pictures in docs: a document shows each of them, and none is large."""

from tests.shown_pictures import DOCS, shown

_MOST_BYTES = 150_000
PICTURES = {file for kind in ("png", "svg") for file in DOCS.rglob(f"*.{kind}")}


def test_every_picture_is_shown_by_a_document() -> None:
    assert len(PICTURES) > 4
    assert PICTURES - shown() == set()


def test_every_picture_that_a_document_shows_is_there() -> None:
    assert {file for file in shown() if not file.is_file()} == set()


def test_no_picture_is_large() -> None:
    assert {file.name: file.stat().st_size for file in PICTURES if file.stat().st_size > _MOST_BYTES} == {}
