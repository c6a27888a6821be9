"""What a call leaves behind has bounds: so many Axes, lines, points and files are looked at, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from autograder.kernel_side import observation
from autograder.kernel_side.observation import figure_data, observing


def test_a_figure_is_looked_at_up_to_a_number_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure of 100,000 Axes or lines would be taken apart for minutes, in a message of gigabytes."""
    monkeypatch.setattr(observation, "MAX_AXES", 2)
    monkeypatch.setattr(observation, "MAX_ARTISTS", 3)
    figure = Figure()
    axes, *_ = figure.subplots(5)
    axes.set_xticks(range(5))
    axes.set_yticks(range(5))
    axes.bar(range(5), range(5))
    axes.legend(axes.plot([[0] * 5]), ["line"] * 5)
    for _ in range(5):
        axes.bar([1], [1])
        axes.scatter([1], [1])
        axes.imshow([[1]])
    found = figure_data(figure)
    assert len(found["axes"]) == 2
    first = found["axes"][0]
    assert [len(first[name]) for name in ("lines", "xticks", "yticks", "legend", "points", "images", "bars")] == [3] * 7
    assert first["bars"][0]["bars"].shape == (3, 4)


def test_files_are_looked_at_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that writes 100,000 files would have all of them read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(observation, "MAX_FILES", 3)
    with observing(["files"]) as found:
        for number in range(5):
            Path(f"file{number}").write_bytes(b"x")
    assert sorted(found["files"]) == ["file0", "file1", "file2"]


def test_folders_are_looked_through_up_to_a_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deep tree of folders would be gone through before and after every call."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(observation, "MAX_ENTRIES", 10)
    for number in range(9):
        Path(f"folder{number}").mkdir()
        for name in "abc":
            Path(f"folder{number}", name).touch()
    assert len(observation.entries()) == 12
