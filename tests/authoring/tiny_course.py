"""A tiny course for tests: one assignment of two answers as text, with a mistake and an alternative for each."""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.notebooks import make_notebook
from autograder.course.course import Course

NAME = "tiny"

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "tiny_course"
c.Autograder.cell_seconds = 10
"""

HEAD = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def code(grade_id: str, source: str, *, solution: bool = False, grade: bool = False, points: int = 0) -> str:
    """A code cell as text."""
    flags = {"grade": grade, "solution": solution, "locked": not solution, "task": False, "schema_version": 3}
    about = {"grade_id": grade_id} | flags | ({"points": points} if grade else {})
    said = ", ".join(
        f'"{key}": {str(value).lower() if isinstance(value, bool) else repr(value)}' for key, value in about.items()
    )
    return f"```{{code-cell}} ipython3\n:nbgrader: {{{said}}}\n{source}\n```\n".replace("'", '"')


SETUP = code("setup", "%load_ext autograder\nimport numpy as np")
SQUARE = code(
    "square",
    'def square(x):\n    """The square of x."""\n'
    "    ### BEGIN SOLUTION\n    answer = x * x\n    return answer\n    ### END SOLUTION",
    solution=True,
)
SQUARE_CHECKS = code(
    "square_checks",
    '''%%check
def test_square_two(student):
    """The square of 2 is 4."""
    assert_close(student.square(2.0), 4.0)

### BEGIN HIDDEN TESTS
@points(3)
def test_square_random(student, reference, rng):
    """Right on random numbers."""
    x = rng.normal()
    assert_close(student.square(x), reference.square(x), mistakes={"this is x times 2": 2 * x})
### END HIDDEN TESTS''',
    grade=True,
    points=4,
)
NORM = code(
    "norm",
    "def norm(a):\n    ### BEGIN SOLUTION\n    return np.sqrt(square(a).sum())\n    ### END SOLUTION",
    solution=True,
)
NORM_CHECKS = code(
    "norm_checks",
    '''%%check
@points(0)
def test_norm_345(student):
    """The norm of (3, 4) is 5."""
    assert_close(student.norm(np.array([3.0, 4.0])), 5.0)

### BEGIN HIDDEN TESTS
@given("square")
def test_norm_random(student, rng):
    """Right on random vectors, also if square is not."""
    a = rng.normal(size=5)
    assert_close(student.norm(a), np.linalg.norm(a))
### END HIDDEN TESTS''',
    grade=True,
    points=2,
)
DEMO = "A demonstration: $\\sqrt{3^2 + 4^2}$.\n\n```{code-cell} ipython3\nnorm(np.array([3.0, 4.0]))\n```\n"
TEXT = "\n".join([HEAD, "# Tiny\n\nTwo answers.\n", SETUP, SQUARE, SQUARE_CHECKS, NORM, NORM_CHECKS, DEMO])

MISTAKES = (
    HEAD
    + """
# Mistakes

## Twice instead of the square

```{code-cell} ipython3
:replaces: square
:loses: [test_square_random, test_norm_345]
:says: "x times 2"
def square(x):
    return 2 * x
```

## The root is forgotten

```{code-cell} ipython3
:replaces: norm
:loses: [test_norm_345, test_norm_random]
:says: "take the root of the sum"
def norm(a):
    return square(a).sum()
```
"""
)

ALTERNATIVES = (
    HEAD
    + """
# Alternatives

## A power

```{code-cell} ipython3
:replaces: square
def square(x):
    return x**2
```

## Without square

```{code-cell} ipython3
:replaces: norm
def norm(a):
    return float(np.sqrt(a @ a))
```
"""
)


def make_course(
    root: Path, text: str = TEXT, mistakes: str = MISTAKES, alternatives: str = ALTERNATIVES, config: str = ""
) -> Course:
    """The course on disk, its notebook made from the text."""
    folder = root / "assignments" / NAME
    folder.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG + config, encoding="utf-8")
    for name, content in ((f"{NAME}.md", text), ("mistakes.md", mistakes), ("alternatives.md", alternatives)):
        (folder / name).write_text(content, encoding="utf-8")
    make_notebook(root, NAME)
    return Course(root)
