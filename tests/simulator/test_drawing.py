"""The pictures of a card."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dsc_firmware import card, cells
from dsc_simulator.drawings.animation import Frame, animation
from dsc_simulator.drawings.card import CELLS, big, keys, segments, svg, text

SVG = "{http://www.w3.org/2000/svg}"
UNKNOWN = segments("\x00")
SHOWN = ["", "PIN>****", "CHALLNG>", "71234507", "NO KEY", "LOBATT", "FAIL 1", "WIPE?", "a&b<c>\"'"[:8]]


def firmware_can_show() -> set[str]:
    """Return every character in a text of the state machine, and every digit and letter of a question."""
    source = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in (card, cells))
    texts = re.findall(r'b"([^"\\]*)"', source)
    questions = [chr(c) for c in range(128) if chr(c).isalnum()]
    return set("".join([*texts, *questions])) | {" ", chr(cells._STAR), bytes(card.Card().cells).decode()[0]}


def test_every_character_that_the_firmware_can_show_has_a_glyph() -> None:
    assert {"P", ">", "?", "*", "0", "z", " "} <= firmware_can_show()
    assert [c for c in sorted(firmware_can_show()) if segments(c) == UNKNOWN] == []


def test_digits_can_be_told_apart() -> None:
    assert len({segments(c) for c in "0123456789 *>?-"}) == 15


@pytest.mark.parametrize("shown", SHOWN)
def test_an_svg_is_well_formed_and_has_eight_cells(shown: str) -> None:
    picture = ElementTree.fromstring(svg(shown))
    assert picture.tag == f"{SVG}svg"
    assert len(picture.findall(f".//{SVG}path[@class='on']")) == CELLS
    assert picture.get("aria-label") == f"Digital Security Card+, display: {shown.strip() or 'off'}"
    assert [picture.findtext(f"{SVG}title")] == [picture.get("aria-label")]


def test_the_card_has_the_proportions_of_an_id_1_card() -> None:
    _, _, width, height = map(float, ElementTree.fromstring(svg("")).get("viewBox", "").split())
    assert width / height == pytest.approx(85.60 / 53.98)


def test_the_words_of_an_svg_may_be_in_another_language() -> None:
    picture = ElementTree.fromstring(svg("PIN>", label="Anzeige: <PIN>>", hold="zum Einschalten halten"))
    assert picture.get("aria-label") == picture.findtext(f"{SVG}title") == "Anzeige: <PIN>>"
    assert "zum Einschalten halten" in [element.text for element in picture.iter(f"{SVG}text")]


def test_an_svg_draws_what_is_shown() -> None:
    def lit(shown: str) -> list[int]:
        paths = ElementTree.fromstring(svg(shown)).findall(f".//{SVG}path[@class='on']")
        return [path.get("d", "").count("M") for path in paths]

    assert lit("8") == [len(segments("8")), *[0] * 7]
    assert lit("PIN>*") == [len(segments(c)) for c in "PIN>*   "]


def test_all_twelve_keys_and_press_are_drawn() -> None:
    labels = [element.text for element in ElementTree.fromstring(svg("")).iter(f"{SVG}text")]
    assert set("0123456789C") | {"OK", "press"} <= set(labels)


def test_the_keys_lie_where_they_are_drawn() -> None:
    picture = ElementTree.fromstring(svg(""))
    _, _, width, height = map(float, picture.get("viewBox", "").split())
    rects = picture.findall(f".//{SVG}rect[@class='button']")
    labels = [element.text for element in picture.findall(f".//{SVG}text[@class='key']")]
    units = {"x": width, "y": height, "width": width, "height": height}
    drawn = [[float(rect.get(name, "")) / units[name] * 100 for name in units] for rect in rects]
    assert [key.label for key in keys().values()] == labels
    assert [list(key[1:]) for key in keys().values()] == [pytest.approx(box) for box in drawn]
    assert next(iter(keys())) == "PRESS"
    for element, key in zip(picture.findall(f".//{SVG}text[@class='key']"), keys().values(), strict=True):
        assert key.left < float(element.get("x", "")) / width * 100 < key.left + key.width
        assert key.top < float(element.get("y", "")) / height * 100 < key.top + key.height


def test_no_key_lies_on_another_or_beside_the_card() -> None:
    boxes = [(key.left, key.top, key.left + key.width, key.top + key.height) for key in keys().values()]
    for left, top, right, bottom in boxes:
        assert 0 < left < right < 100
        assert 0 < top < bottom < 100
        over = [box for box in boxes if box[0] < right and left < box[2] and box[1] < bottom and top < box[3]]
        assert over == [(left, top, right, bottom)]


def test_text_has_a_frame_of_one_width() -> None:
    top, middle, bottom = text("PIN>").splitlines()
    assert middle == "│ PIN>     │"
    assert len(top) == len(middle) == len(bottom)


def test_big_segments() -> None:
    assert big("PIN>8").splitlines() == [
        " ━━━   ━━━               ━━━                   ",
        "┃   ┃   ┃   ┃╲  ┃  ╲    ┃   ┃                  ",
        "┃━━━    ┃   ┃   ┃       ┃━━━┃                  ",
        "┃       ┃   ┃  ╲┃  \u2571    ┃   ┃                  ",
        "       ━━━               ━━━                   ",
    ]


def test_big_segments_can_be_told_apart_as_those_of_the_drawing_can() -> None:
    known = [chr(c) for c in range(128) if segments(chr(c)) != UNKNOWN]
    assert len({big(c) for c in known}) == len({segments(c) for c in known}) > 30


@pytest.mark.parametrize("shown", ["", "PIN>****", "12345678", "\x00"])
def test_big_segments_have_one_size(shown: str) -> None:
    assert [len(line) for line in big(shown).splitlines()] == [47] * 5


@pytest.mark.parametrize("draw", [svg, text, big])
def test_more_than_eight_characters_are_refused(draw: object) -> None:
    assert callable(draw)
    draw("12345678")
    with pytest.raises(ValueError, match="at most 8 characters, not 9"):
        draw("123456789")


def test_a_moving_picture_shows_one_frame_at_a_time() -> None:
    frames = [Frame("", 1.0, caption="A & B"), Frame("PIN>", 3.0, "PRESS")]
    picture = ElementTree.fromstring(animation(frames, label="A <login>"))
    style = "".join(each.text or "" for each in picture.iter(f"{SVG}style"))
    assert "@keyframes f0{0.00%{visibility:visible}25.00%{visibility:hidden}}" in style
    assert "@keyframes f1{0%{visibility:hidden}25.00%{visibility:visible}}" in style
    drawn = [each for each in picture.iter(f"{SVG}g") if each.get("class", "").startswith("f")]
    assert [each.get("class") for each in drawn] == ["f", "f last"]
    assert [len(each.findall(f"{SVG}path")) for each in drawn] == [0, 4]


def test_a_moving_picture_has_a_frame() -> None:
    with pytest.raises(ValueError, match="frames"):
        animation([], label="none")
