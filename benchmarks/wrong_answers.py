"""What grading a class of wrong answers costs, and how much of it goes into naming known mistakes.

    python benchmarks/wrong_answers.py softmax --most 30
    python benchmarks/wrong_answers.py softmax --most 30 --root ../older    # the code and the assignment of a checkout

Each student has the answer key with one answer replaced by an entry of this checkout's mistakes.md. The class is graded
twice, with the mistakes of the assignment and without them.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import nbformat
from material import submitted
from overhead import ROOT, of_command

from autograder.course.entries import MISTAKES, Entry, mistakes_path, read_entries
from autograder.course.source_notebooks import source_notebook


def make_course(folder: Path, root: Path, name: str, entries: list[Entry]) -> None:
    """A course with the assignment of the checkout `root`, and a student for each entry."""
    for part in (f"source/{name}", f"assignments/{name}", f"release/{name}"):
        shutil.copytree(root / part, folder / part)
    shutil.copy(root / "nbgrader_config.py", folder)
    source = source_notebook(folder / "source" / name / f"{name}.ipynb")
    for number, entry in enumerate(entries):
        mine = folder / "submitted" / f"s{number:03}" / name
        shutil.copytree(folder / "release" / name, mine)
        nbformat.write(submitted(source, {entry.replaces: entry.source}), mine / f"{name}.ipynb")


def seconds(root: Path, name: str, entries: list[Entry], naming: bool) -> float:
    """Processor seconds of `autograder grade` for the class, the sandbox's included."""
    with tempfile.TemporaryDirectory(prefix="wrong-answers-") as work:
        folder = Path(work)
        make_course(folder, root, name, entries)
        if not naming:
            (folder / "assignments" / name / MISTAKES).unlink()
        return of_command(folder, name, code=root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", help="assignments that are released")
    parser.add_argument("--most", type=int, default=30, help="how many wrong answers, spread evenly (default: 30)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout whose code and assignments are measured")
    asked = parser.parse_args()
    print("| class | students | without naming, s each | with naming | more |\n| --- | ---: | ---: | ---: | ---: |")
    for name in asked.names:
        entries = read_entries(mistakes_path(ROOT, name))
        entries = entries[:: max(1, -(-len(entries) // asked.most))]
        without, naming = (seconds(asked.root.resolve(), name, entries, named) for named in (False, True))
        count = len(entries)
        print(f"| {name} | {count} | {without / count:.2f} | {naming / count:.2f} | {naming / without - 1:.0%} |")


if __name__ == "__main__":
    main()
