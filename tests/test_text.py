"""Text that somebody else wrote, made fit to be shown."""

from __future__ import annotations

from autograder.text import first_of, in_percent, in_points


def test_a_long_list_is_counted() -> None:
    """A hundred names push what matters out of the terminal, and one of them may be written to do so."""
    students = [f"s{number}" for number in range(40)]
    assert first_of(students) == "s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 30 more"
    assert first_of(students[:10]).endswith("s8, s9")
    assert first_of(["a\x1b[2Jb"]) == "a\N{REPLACEMENT CHARACTER}[2Jb"


def test_points_below_zero_have_a_minus_sign() -> None:
    """The late penalty would read −3.6 in one table and -3.6 in the next."""
    assert [in_points(points) for points in (-3.6, -0.0, 2.0, 1 / 3)] == ["−3.6", "0", "2", "0.33"]


def test_a_share_is_written_alike_everywhere() -> None:
    """One list of a report would say 30% and the table below it 30 %."""
    assert [in_percent(share) for share in (0.0, 0.304, 1.0)] == ["0 %", "30 %", "100 %"]
