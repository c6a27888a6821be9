"""Fills matplotlib's caches of a first figure once in the zygote, so that every child has them.

The two caches that are cleared are private to matplotlib: tests/sandbox/test_contracts.py says when they have changed.
"""

from __future__ import annotations

import io

__all__ = ["fill_caches"]


def fill_caches() -> None:
    """Draw a figure for nobody. Fonts are forgotten again: they are open files, and a child that has closed them would
    take for them what it opens in their place."""
    from matplotlib.backends.registry import backend_registry
    from matplotlib.figure import Figure

    # What is installed is read once here, instead of by the first `%matplotlib` of each child.
    backend_registry.list_all()  # type: ignore[no-untyped-call]
    left, right = Figure().subplots(1, 2)
    left.plot([1, 2], [3, 4], label="$x^2$")
    left.legend(title="a")
    right.imshow([[1, 2], [3, 4]], cmap="gray")
    right.set_title("b")
    left.figure.savefig(io.BytesIO(), format="png", bbox_inches="tight")
    forget_fonts()


def forget_fonts() -> None:
    """Clear the caches that hold open font files."""
    from matplotlib import font_manager
    from matplotlib.mathtext import MathTextParser

    MathTextParser._parse_cached.cache_clear()  # type: ignore[attr-defined]
    font_manager._get_font.cache_clear()  # type: ignore[attr-defined]
