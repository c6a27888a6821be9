"""Validation in the real sandbox: a good assignment passes, and each way in which it may go wrong is named."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from tiny_course import ALTERNATIVES, MISTAKES, NAME, TEXT, make_course

from autograder.authoring.notebooks import notebook_path
from autograder.authoring.promises import promises
from autograder.authoring.validate import validate
from autograder.course.comment_bank import bank_path
from autograder.errors import AutograderError


def problems(root: Path, **changes: str) -> list[str]:
    course = make_course(root, **changes)
    return [str(problem) for problem in validate(course, NAME, seeds=2)]


def only(found: list[str], *parts: str) -> None:
    """There is one problem, and it says all this."""
    assert len(found) == 1, found
    assert all(part in found[0] for part in parts), found


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.slow
def test_a_good_assignment_may_be_released(tmp_path: Path) -> None:
    """No assignment could be released, or none be validated twice."""
    course = make_course(tmp_path)
    told: list[object] = []
    assert validate(course, NAME, seeds=2, on_start=told.append, on_done=told.append) == []
    assert told[0] == 6
    assert sorted(map(str, told[1:])) == sorted(
        [
            "the answer key",
            "the release",
            "alternatives.md, 'A power'",
            "alternatives.md, 'Without square'",
            "mistakes.md, 'Twice instead of the square'",
            "mistakes.md, 'The root is forgotten'",
        ]
    )


def test_an_author_is_told_which_packages_students_lack(tmp_path: Path) -> None:
    """The first cell of a student whose laptop lacks one would end with a traceback."""
    imports = "import numpy as np\nimport os, scipy.linalg\nfrom PIL import Image\ntry:\n    import torch\nexcept: pass"
    text = replaced(TEXT, "import numpy as np", imports)
    text = replaced(text, "### BEGIN HIDDEN TESTS\n", "### BEGIN HIDDEN TESTS\nimport yaml\n")
    (note,) = [told for told in promises(make_course(tmp_path / "a", text), NAME) if "the release imports" in told]
    assert note.startswith(
        "Note: the release imports scipy, which students' installs lack. It installs what is missing"
    )
    assert note.endswith('the line: c.Autograder.packages = ["scipy"]')
    named = make_course(tmp_path / "b", text, config='c.Autograder.packages = ["SciPy>=1"]\n')
    assert not any("the release imports" in told for told in promises(named, NAME))


@pytest.mark.slow
def test_a_hidden_test_that_was_weakened_is_noticed(tmp_path: Path) -> None:
    """A check that no longer tells right from wrong would be released."""
    text = replaced(TEXT, "x = rng.normal()", "x = 2.0")
    where = "mistakes.md, 'Twice instead of the square'"
    assert f"{where}: passes test_square_random, which it should lose" in problems(tmp_path, text=text, alternatives="")


@pytest.mark.slow
def test_a_mistake_that_loses_more_than_it_says_is_noticed(tmp_path: Path) -> None:
    """An early mistake would be punished twice."""
    text = replaced(TEXT, '@given("square")\n', "")
    only(
        problems(tmp_path, text=text, alternatives=""),
        "mistakes.md, 'Twice",
        "loses test_norm_random too, which it does not name",
    )


@pytest.mark.slow
def test_a_mistake_whose_student_is_told_something_else_is_noticed(tmp_path: Path) -> None:
    """An explanation that nobody gets would stay unnoticed: here two entries give the same."""
    twice = MISTAKES[MISTAKES.index("## Twice") : MISTAKES.index("## The root")]
    again = replaced(replaced(twice, "Twice", "A sum"), "x times 2", "x plus x")
    found = problems(tmp_path, mistakes=f"{MISTAKES}\n{again}", alternatives="")
    only(found, "mistakes.md, 'A sum", "is not told 'x plus x', but: ")


@pytest.mark.slow
def test_a_mistake_that_keeps_something_between_calls_may_be_an_entry(tmp_path: Path) -> None:
    """A default that changes, the classic, gave something else with each seed, since all ran in one notebook."""
    kept = "## A default that changes\n\n```{code-cell} ipython3\n:replaces: square\n:loses: [test_square_random]\n"
    kept += ':says: "keep nothing between calls"\ndef square(x, seen=[]):\n    seen.append(x)\n'
    kept += "    return x * x + (len(seen) - 1 if np.ndim(x) == 0 else 0)\n```\n"
    assert problems(tmp_path, mistakes=f"{MISTAKES}\n{kept}", alternatives="") == []


@pytest.mark.slow
def test_a_mistake_that_tells_nothing_or_loses_nothing_is_noticed(tmp_path: Path) -> None:
    """Its student would be told nothing, although the course knows the mistake."""
    silent = re.sub(r":says:.*\n", "", MISTAKES, count=1)
    found = problems(tmp_path / "silent", mistakes=silent, alternatives="")
    assert any("tells its student nothing: write :says:" in problem for problem in found)
    right = "## Right\n\nNo mistake.\n\n```{code-cell} ipython3\n:replaces: square\n:loses: []\n"
    right += ':says: "nothing"\ndef square(x):\n    return x**2\n```\n'
    found = problems(tmp_path / "right", mistakes=f"{MISTAKES}\n{right}", alternatives="")
    only(found, "mistakes.md, 'Right", "loses no check, so that nobody is told")


@pytest.mark.slow
def test_a_wrong_answer_key_is_noticed(tmp_path: Path) -> None:
    """Every right submission would lose points."""
    text = replaced(TEXT, "return np.sqrt(square(a).sum())", "return square(a).sum()")
    found = problems(tmp_path, text=text, mistakes="", alternatives="")
    assert any(
        text.startswith("the answer key: loses test_norm_345, but is right: The values are wrong")
        or text.startswith("the answer key: loses test_norm_345, but is right: the values are wrong")
        for text in found
    ), found


@pytest.mark.slow
def test_an_answer_key_that_raises_is_noticed(tmp_path: Path) -> None:
    """Every check of the class would wait for a person. Each trial meets the same error, which is told once."""
    text = replaced(TEXT, "import numpy as np", "import numpy as np\nimport no_such_module")
    told = [found for found in problems(tmp_path, text=text) if "Traceback" in found]
    error = "ModuleNotFoundError: No module named 'no_such_module'. Install the package that has no_such_module ("
    only(told, f"the answer key fails in cell setup: {error}")


@pytest.mark.slow
def test_an_alternative_that_fails_is_noticed(tmp_path: Path) -> None:
    """A check that is stricter than its text would take points from right answers."""
    text = replaced(
        TEXT,
        "    x = rng.normal()\n",
        "    x = rng.normal()\n    with measure(student) as cost:\n        student.square(x)\n"
        "    assert_that(cost.lines > 1, 'two lines are expected')\n",
    )
    found = problems(tmp_path, text=text, mistakes="")
    only(found, "alternatives.md, 'A power': loses test_square_random, but is right: two lines are expected")


@pytest.mark.slow
def test_a_test_that_passes_without_an_answer_is_noticed(tmp_path: Path) -> None:
    """Whoever hands in nothing would get points."""
    text = replaced(TEXT, "    assert_close(student.norm(a), np.linalg.norm(a))", "    assert a.size == 5")
    found = problems(tmp_path, text=text, mistakes="")
    only(found, "the release: passes test_norm_random without an answer")


@pytest.mark.slow
def test_a_release_that_raises_something_else_is_noticed(tmp_path: Path) -> None:
    """An unfinished notebook would show errors that are not the student's."""
    text = replaced(TEXT, "A demonstration:", "```{code-cell} ipython3\nno_such_name\n```\n\nA demonstration:")
    found = problems(tmp_path, text=text, mistakes="", alternatives="")
    assert any(text.startswith("the release: cell 7 raises NameError") for text in found), found


@pytest.mark.slow
def test_a_release_that_would_leak_a_line_is_noticed(tmp_path: Path) -> None:
    """Hidden tests or solutions would reach every student."""
    edges = {"begin": "SECRET BEGINS", "end": "SECRET ENDS"}
    config = "".join(f"c.ClearHiddenTests.{edge}_test_delimeter = {text!r}\n" for edge, text in edges.items())
    found = problems(tmp_path, config=config, mistakes="", alternatives="")
    assert "cell 4: the release still holds this line: 'x = rng.normal()'" in found
    assert "cell 4: the release still holds a marker" in found


@pytest.mark.slow
def test_a_header_before_every_notebook_is_no_problem(tmp_path: Path) -> None:
    """`validate` ended in a traceback where the course has nbgrader put cells before those of the source."""
    header = tmp_path / "header.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Machine learning")]), header)
    config = f"c.IncludeHeaderFooter.header = {str(header)!r}\n"
    assert problems(tmp_path / "c", config=config, mistakes="", alternatives="") == []


@pytest.mark.slow
def test_a_mistake_for_an_answer_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    """A mistake would silently no longer be tried after an answer was renamed."""
    alternatives = replaced(ALTERNATIVES, ":replaces: norm", ":replaces: length")
    only(
        problems(tmp_path, alternatives=alternatives, mistakes=""),
        "'Without square': replaces length, which is not an answer cell",
    )


def test_a_notebook_that_is_not_what_the_text_says_is_noticed(tmp_path: Path) -> None:
    """An edit of the text would not be in the release."""
    course = make_course(tmp_path)
    path = notebook_path(tmp_path, NAME)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += " more"
    nbformat.write(notebook, path)
    only(
        [str(p) for p in validate(course, NAME, seeds=1)],
        "source/tiny/tiny.ipynb: is not what assignments/tiny/tiny.md says",
    )


def test_an_assignment_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """A typing slip would end in a traceback, or validate nothing and succeed."""
    with pytest.raises(AutograderError, match="no assignment 'tni'"):
        validate(make_course(tmp_path), "tni", seeds=1)


def test_a_mistake_that_does_not_say_what_it_replaces_is_wrong_use(tmp_path: Path) -> None:
    """A mistake would never be tried."""
    with pytest.raises(AutograderError, match="'The root is forgotten': the code cell must say"):
        validate(make_course(tmp_path, mistakes=replaced(MISTAKES, ":replaces: norm\n", "")), NAME, seeds=1)


def test_comments_that_no_grader_could_read_are_wrong_use(tmp_path: Path) -> None:
    """The first to read them would be a TA in the middle of grading."""
    course = make_course(tmp_path)
    path = bank_path(course, NAME)
    for content, said in [
        (b"## nothing\n", f"{path}, line 1: no question 'nothing' is graded by hand. Questions: none."),
        (b"- late \xe9\n", f"{path} is not UTF-8: save it as UTF-8 and run this again."),
    ]:
        path.write_bytes(content)
        with pytest.raises(AutograderError, match=re.escape(said)):
            validate(course, NAME, seeds=1)
