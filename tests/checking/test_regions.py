"""The one parser of markers: what is secret, and what an author did wrongly."""

from __future__ import annotations

import pytest

from autograder.checking.regions import HIDDEN_TESTS, MARK_SCHEME, lines, slips


@pytest.mark.parametrize(
    ("source", "public"),
    [
        ("a\n### BEGIN SOLUTION\ns\n### END SOLUTION\nb", "ab"),
        ("a\n# BEGIN HIDDEN TESTS now\ns\n#END HIDDEN TESTS\nb", "ab"),
        ("a\n### BEGIN HIDDEN TESTS\ns\n### BEGIN MARK SCHEME\ns\n### END MARK SCHEME\ns", "a"),
        ("a\n### BEGIN HIDDEN TESTS\ns\n### END SOLUTION\ns", "a"),
        ("a\n### BEGIN HIDDEN TESTS END HIDDEN TESTS\ns", "a"),
        ("a\n### END SOLUTION\nb", "ab"),
        ("=== BEGIN MARK SCHEME ===\ns\n=== END MARK SCHEME ===\nb\nBEGIN SOLUTION", "b"),
    ],
)
def test_no_line_inside_a_region_is_public(source: str, public: str) -> None:
    """A solution or a hidden test would be shown to students."""
    assert "".join(line.text for line in lines(source) if not (line.inside or line.marker)) == public


def test_only_the_regions_that_are_asked_for_are_read() -> None:
    """A course sets other markers for what it keeps from students."""
    source = "a\n<<\ns\n>>\n### BEGIN SOLUTION\nb"
    told = [line.text for line in lines(source, [("<<", ">>")]) if not (line.inside or line.marker)]
    assert told == ["a", "### BEGIN SOLUTION", "b"]
    assert not list(slips("### BEGIN SOLUTION", [HIDDEN_TESTS, MARK_SCHEME]))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("BEGIN SOLUTION\nEND SOLUTION\nBEGIN SOLUTION\nEND SOLUTION", []),
        ("BEGIN SOLUTION\nEND MARK SCHEME", [(2, "### END MARK SCHEME without its ### BEGIN MARK SCHEME")]),
        (
            "BEGIN SOLUTION\nBEGIN MARK SCHEME\nEND MARK SCHEME",
            [(2, "MARK SCHEME begins inside SOLUTION: close that first")],
        ),
        ("\nBEGIN MARK SCHEME", [(0, "MARK SCHEME is never closed: add ### END MARK SCHEME")]),
    ],
)
def test_a_marker_that_does_not_fit_is_told_once(source: str, told: list[tuple[int, str]]) -> None:
    """An author would look in another line, or for a marker of another region."""
    assert list(slips(source)) == told
