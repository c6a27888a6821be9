"""docs/recipes.md: every recipe works as it stands, in a student's own notebook and when graded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_course import HEAD, NAME, SETUP, code, make_course

from autograder.authoring.validate import validate
from autograder.checking.cell import CheckCell, is_check_cell
from autograder.checking.check_runner import Checks, Seeds, with_checks
from autograder.checking.outcomes import Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"
BLOCK = re.compile(r"(?ms)^```python( wrong)?\n(.*?)^```$")
PRIVATE = re.compile(r"(?ms)^```text private/(\S+)\n(.*?)^```$")


@dataclass(frozen=True)
class Recipe:
    """One section of the page: an answer, a check cell, a wrong answer, a phrase that is told of it, and private
    files."""

    title: str
    answer: str
    check: str
    wrong: str
    told: str
    private: dict[str, str]


def recipes() -> list[Recipe]:
    found = []
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        blocks = BLOCK.findall(section)
        if not blocks:  # it needs what is not installed; tests/kernel_side has its tests
            continue
        (check,) = (text for _, text in blocks if is_check_cell(text))
        (wrong,) = (text for kind, text in blocks if kind)
        answer = "\n\n".join(text for kind, text in blocks if not kind and not is_check_cell(text))
        told = re.search(r"(?m)^> (.+)$", section)
        assert told, section
        private = dict(PRIVATE.findall(section))
        found.append(Recipe(section.split("\n")[0], answer, check, wrong, told[1], private))
    return found


RECIPES = recipes()


def notebook(source: str, trusted: bool = False) -> NotebookProxy:
    namespace: dict[str, Any] = {"np": np}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    return NotebookProxy(InProcessTransport(namespace), trusted=trusted)


def verdicts(recipe: Recipe, answer: str) -> list[Verdict]:
    reference = notebook(recipe.answer, trusted=True)

    def work(checks: Checks) -> list[Verdict]:
        checks.private_files = {name: text.encode() for name, text in recipe.private.items()}
        return checks.run("", notebook(answer), reference, Seeds(b"", "", "", ""), lender=reference)

    return with_checks({"": CheckCell(recipe.check)}, work)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_tells_right_from_wrong(recipe: Recipe) -> None:
    """An instructor would copy a check that does not work."""
    assert [v.name for v in verdicts(recipe, recipe.answer) if not v.passed] == []
    lost = [v for v in verdicts(recipe, recipe.wrong) if not v.passed]
    assert lost
    assert any(recipe.told in v.message for v in lost), [v.message for v in lost]


def cells(number: int, recipe: Recipe) -> str:
    """The cells of a recipe as those of an assignment."""
    solution = f"### BEGIN SOLUTION\n{recipe.answer}\n### END SOLUTION"
    check = code(f"checks_{number}", recipe.check, grade=True, points=1)
    return f"{code(f'answer_{number}', solution, solution=True)}\n{check}"


def mistake(number: int, recipe: Recipe) -> str:
    """The entry of mistakes.md of a recipe's wrong answer."""
    lost = ", ".join(v.name for v in verdicts(recipe, recipe.wrong) if not v.passed)
    head = f":replaces: answer_{number}\n:loses: [{lost}]\n:says: {recipe.told!r}"
    return f"## {recipe.title}\n\n```{{code-cell}} ipython3\n{head}\n{recipe.wrong}```\n"


@pytest.mark.slow
def test_an_assignment_of_all_recipes_may_be_released(tmp_path: Path) -> None:
    """A recipe would hold in this process and not in the sandbox, or give its answer away."""
    text = "\n".join([HEAD, SETUP, *(cells(number, recipe) for number, recipe in enumerate(RECIPES))])
    mistakes = "\n".join([HEAD, *(mistake(number, recipe) for number, recipe in enumerate(RECIPES))])
    config = 'c.Autograder.cell_seconds = 60\nc.CourseDirectory.ignore.append("private")\n'
    course = make_course(tmp_path, text, mistakes, HEAD, config)
    for recipe in RECIPES:
        for name, content in recipe.private.items():
            (course.source(NAME) / "private").mkdir(exist_ok=True)
            (course.source(NAME) / "private" / name).write_text(content, encoding="utf-8")
    assert [str(problem) for problem in validate(course, NAME, seeds=1)] == []
