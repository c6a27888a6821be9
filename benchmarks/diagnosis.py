"""What a student's own notebook says of wrong answers: how many stay green under the visible checks, how many are
named.

    .venv/bin/python benchmarks/diagnosis.py softmax
    .venv/bin/python benchmarks/diagnosis.py softmax --mutants --most 50

Each wrong answer (an entry of mistakes.md, or a mutant of the answer key) is put into the released notebook, with the
answer key's other answers, and the check cells that can see it run in a kernel of their own, as for a student.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.authoring.mutants import mutants_of
from autograder.authoring.validate import answers, only_needed
from autograder.checking.cell import is_check_cell
from autograder.grading.affected import affected_checks, with_answer
from autograder.grading.assignment import source_notebook
from autograder.grading.course import Course
from autograder.grading.examples import mistakes_path, read_examples

HEADING = re.compile(r"(\d+) of (\d+) visible checks hold")


@dataclass(frozen=True)
class Wrong:
    """A wrong answer, and the sentence that its student should be told (empty for a mutant)."""

    title: str
    answer: str
    source: str
    says: str = ""


def wrong_answers(course: Course, name: str, mutants: bool) -> Iterator[Wrong]:
    if not mutants:
        for example in read_examples(mistakes_path(course.root, name)):
            yield Wrong(example.title, example.replaces, example.source, example.says)
        return
    source = source_notebook(course.source(name) / f"{name}.ipynb")
    wanted = answers(source)
    for cell in only_needed(source).cells:
        if cell.metadata.nbgrader.grade_id in wanted:
            for mutant in mutants_of(cell.metadata.nbgrader.grade_id, cell.source):
                yield Wrong(mutant.what, mutant.answer, mutant.source)


def students_notebook(course: Course, name: str, wrong: Wrong) -> NotebookNode:
    """The released notebook with every answer, one of them wrong, and only the check cells that can see it."""
    source = only_needed(source_notebook(course.source(name) / f"{name}.ipynb"))
    answered = {c.metadata.nbgrader.grade_id: c.source for c in with_answer(source, wrong.answer, wrong.source).cells}
    notebook = source_notebook(course.path("release", ".", name) / f"{name}.ipynb")
    seen = affected_checks(with_answer(source, wrong.answer, wrong.source), wrong.answer)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    notebook.cells = [c for c in notebook.cells if not is_check_cell(c.source) or c.metadata.nbgrader.grade_id in seen]
    for cell in notebook.cells:
        if cell.metadata.nbgrader.solution:
            cell.source = answered[cell.metadata.nbgrader.grade_id]
    return notebook


def shown(notebook: NotebookNode, folder: Path) -> str:
    """What the check cells show, run in a kernel of their own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells if is_check_cell(cell.source) for output in cell.outputs]
    return "\n".join(output.data.get("text/html", "") for output in outputs if "data" in output)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="an assignment that is released")
    parser.add_argument("--mutants", action="store_true", help="mutants of the answer key instead of mistakes.md")
    parser.add_argument("--most", type=int, default=10**6, help="try only so many, spread evenly")
    asked = parser.parse_args(arguments)
    course = Course(Path.cwd())
    found = list(wrong_answers(course, asked.name, asked.mutants))
    found = found[:: max(1, -(-len(found) // asked.most))]
    folder = course.source(asked.name)

    def one(wrong: Wrong) -> tuple[Wrong, bool, bool]:
        told = shown(students_notebook(course, asked.name, wrong), folder)
        green = all(holding == of for holding, of in HEADING.findall(told))
        return wrong, green, bool(wrong.says) and wrong.says.lower() in told.lower()

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(one, found))
    for wrong, green, named in results:
        print(f"{'green' if green else 'named' if named else 'red  '}  {wrong.answer}: {wrong.title}")
    green, named = sum(r[1] for r in results), sum(r[2] for r in results)
    print(f"{asked.name}: {len(results)} wrong answers, {green} green under the visible checks, {named} named there")


if __name__ == "__main__":
    main(sys.argv[1:])
