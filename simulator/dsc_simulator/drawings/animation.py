"""An animated picture of a card as SVG with CSS. It needs no script, video or font.

The picture contains all frames, and CSS shows one frame at a time. Readers whose system asks for less motion see only the last
frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dsc_simulator.drawings.card import CARD_HEIGHT, CARD_WIDTH, lit, pressed, svg

_CAPTION_HEIGHT = 92


@dataclass(frozen=True)
class Frame:
    """A card for some seconds: its display, the key that was pressed last, and a caption of about 40 characters or fewer."""

    shown: str
    seconds: float
    key: str = ""
    caption: str = ""


def animation(frames: Sequence[Frame], *, label: str) -> str:
    """Return the frames as one SVG document that repeats. `label` is the text for screen readers.

    Raise ValueError if there are no frames, or for a display of more than 8 characters.
    """
    if not frames:
        raise ValueError("frames: at least one is needed")
    whole = sum(frame.seconds for frame in frames)
    style, drawn, at = [_STYLE], [], 0.0
    for number, frame in enumerate(frames):
        begin, at = at, at + frame.seconds
        style.append(_shown_between(number, 100 * begin / whole, 100 * at / whole))
        last = " last" if number == len(frames) - 1 else ""
        drawn.append(f'<g class="f{last}" style="animation-name:f{number}">{_content(frame)}</g>')
    height = CARD_HEIGHT + _CAPTION_HEIGHT
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CARD_WIDTH:g} {height:g}" width="{CARD_WIDTH / 2:g}"',
            f' height="{height / 2:g}" role="img" aria-label="{escape(label)}"><title>{escape(label)}</title>',
            f"<style>{''.join(style)}.f{{animation-duration:{whole:g}s}}</style>",
            svg("", label=label).strip(),
            *drawn,
            "</svg>\n",
        ]
    )


_STYLE = (
    ".f{animation-iteration-count:infinite;animation-timing-function:step-end;visibility:hidden}"
    ".caption{fill:#7a8699;font:600 36px sans-serif;text-anchor:middle}"
    "@media(prefers-reduced-motion:reduce){.f{animation:none!important}.last{visibility:visible}}"
)


def _shown_between(number: int, begin: float, end: float) -> str:
    before = "" if begin == 0 else "0%{visibility:hidden}"
    after = "" if end >= 100 else f"{end:.2f}%{{visibility:hidden}}"
    return f"@keyframes f{number}{{{before}{begin:.2f}%{{visibility:visible}}{after}}}"


def _content(frame: Frame) -> str:
    ring = pressed(frame.key) if frame.key else ""
    # This gray is readable on white and on black.
    words = f'<text x="{CARD_WIDTH / 2:g}" y="{CARD_HEIGHT + 60:g}" class="caption">{escape(frame.caption)}</text>'
    return f"{lit(frame.shown)}{ring}{words}"
