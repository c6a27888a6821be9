"""nbgrader's tables and ours: the assignment follows its source, and what `nbgrader db` removes is gone. No kernel
runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_course
from nbgrader.api import Gradebook
from small_course import NAME, make_known

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.gradebook.gradebook import open_gradebook
from autograder.gradebook.last_grading import read_last_gradings
from autograder.gradebook.write_results import submission_rows

TOLD = (
    f" of {NAME} were added, removed or renamed, and submissions were already graded with the old ones: undo that "
    "change, or remove the assignment's submissions from the gradebook, with all points that were given by hand, by "
    f"`nbgrader db assignment remove {NAME} --force`, and grade again."
)


def test_a_notebook_that_comes_or_goes_after_grading_is_refused(recorded: Course) -> None:
    """A new notebook's points would go to nobody, and a renamed one's be lost for the whole class."""
    before = small_course.everything(recorded.root)
    first, second = (recorded.source(NAME) / f"{name}.ipynb" for name in (NAME, "second"))
    for paths in ([first, second], [second]):
        for path in (first, second):
            small_course.write(path, small_course.source_notebook()) if path in paths else path.unlink(missing_ok=True)
        for _ in range(2):
            with pytest.raises(AutograderError) as refused:
                make_known(recorded)
            assert str(refused.value) == "Notebooks" + TOLD
    second.rename(first)
    with open_gradebook(recorded) as gradebook:  # as nbgrader's own command may have left it
        gradebook.add_notebook("second", NAME)
        gradebook.add_assignment("other")
        submission_rows(gradebook, "other", "ada", None)
    make_known(recorded)
    with open_gradebook(recorded) as gradebook:
        assert [book.name for book in gradebook.find_assignment(NAME).notebooks] == [NAME]
    assert small_course.everything(recorded.root) == before


def test_a_cell_that_comes_or_goes_after_grading_is_refused(recorded: Course) -> None:
    """Its points would go to nobody."""
    book = small_course.source_notebook()
    del book.cells[-1]
    small_course.write(recorded.source(NAME) / f"{NAME}.ipynb", book)
    with pytest.raises(AutograderError) as refused:
        make_known(recorded)
    assert str(refused.value) == "Graded cells" + TOLD


def test_a_notebook_that_is_renamed_before_grading_counts_once(tmp_path: Path) -> None:
    """Everybody would have half of the points, at most."""
    course = small_course.make_course(tmp_path / "course", students=["ada"])
    make_known(course)
    (course.source(NAME) / f"{NAME}.ipynb").rename(course.source(NAME) / "second.ipynb")
    make_known(course)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        assert gradebook.find_assignment(NAME).max_score == small_course.FULL


def test_who_was_removed_from_the_gradebook_was_never_graded(recorded: Course) -> None:
    """`autograder grade` would say that nothing has changed, and they would have no score."""
    with open_gradebook(recorded) as gradebook:
        known = read_last_gradings(gradebook.db, NAME)
        assert known.keys() == {"ada", "s00001"}
        gradebook.remove_student("ada")
        assert read_last_gradings(gradebook.db, NAME) == {"s00001": known["s00001"]}
        gradebook.remove_assignment(NAME)
        assert read_last_gradings(gradebook.db, NAME) == {}
