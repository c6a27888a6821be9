"""Colours that can be read: WCAG's contrast, and the nearest colour that has enough of it."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["DARK", "LIGHT", "readable_on"]

LEAST_CONTRAST = 4.5  # WCAG 2.1, 1.4.3, for text of ordinary size
LIGHT, DARK = "#f6f7f8", "#22262a"  # what code stands on in light and in dark pages: --wash in page.css
STEP = 0.85


@lru_cache(10_000)
def readable_on(background: str, colour: str) -> str:
    """A colour, made darker on a light background or lighter on a dark one until its contrast is at least 4.5. Both are
    `#rrggbb`."""
    ground, channels = luminance(channels_of(background)), channels_of(colour)
    while contrast(ground, luminance(channels)) < LEAST_CONTRAST:
        channels = [int(v * STEP) if ground > 0.18 else 255 - int((255 - v) * STEP) for v in channels]
    return "#" + "".join(f"{value:02x}" for value in channels)


def channels_of(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def luminance(channels: list[int]) -> float:
    """WCAG's relative luminance of red, green and blue (0 to 255): 0 for black, 1 for white."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in channels)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    """WCAG's contrast of two luminances, from 1 to 21."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
