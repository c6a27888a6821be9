"""What a student's own notebook says of wrong answers: how many stay green under the visible checks, how many are
named.

    python benchmarks/diagnosis.py softmax --known               # the entries of mistakes.md
    python benchmarks/diagnosis.py softmax --unseen              # benchmarks/unseen/softmax.md: the same in other words
    python benchmarks/diagnosis.py softmax --mutants --most 50   # mutants of the answer key
    python benchmarks/diagnosis.py --docs                        # all, of every assignment, for docs/performance.md

The released notebook with the answer key's answers runs in a kernel, as for a student. Where a wrong answer belongs, a
copy of the kernel (a fork) runs the wrong one instead, and the check cells behind it that can see it, up to the first
that fails. Each check cell runs four times with the right answers; the fastest of the later runs counts, since a
machine does other things, too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbformat import NotebookNode

from autograder.authoring.mutation import variants
from autograder.authoring.variants import only_needed
from autograder.checking.cell import RECORD, is_check_cell
from autograder.course.affected import affected_checks
from autograder.course.course import Course
from autograder.course.entries import mistakes_path, read_entries
from autograder.course.source_notebooks import load_assignment, source_notebook

HERE = Path(__file__).parent
OUT = HERE / "out/diagnosis.json"  # what was measured last, of each assignment and kind
PAGE = HERE.parent / "docs/performance.md"
SECTION = re.compile(r"(<!-- diagnosis: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
HEADING = re.compile(r"(\d+) of (\d+) visible checks hold")
TOLD = re.compile(r"</th><td[^>]*>(.*?)</td></tr>", re.DOTALL)
TITLES = {"known": "known", "unseen": "in other words", "mutants": "mutants"}
TOLD_HEAD = "| | wrong answers | number | unnoticed | named | misnamed |\n| --- | --- | ---: | ---: | ---: | ---: |"
COST_HEAD = "| | slowest check | records |\n| --- | ---: | ---: |"
SECONDS = 60
IN_KERNEL = """
def _in_a_copy(cells, path, seconds):
    import json, os, re, signal
    from IPython.utils.capture import capture_output
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    signal.alarm(seconds)
    shell, shown = get_ipython(), []
    shell.showtraceback = lambda *args, **kwargs: None
    for cell in cells:
        with capture_output() as captured:
            shell.run_cell(cell, store_history=True)
        shown += [output.data.get("text/html", "") for output in captured.outputs if output.data]
        if any(holding != of for holding, of in re.findall(r"(\\d+) of (\\d+) visible checks hold", "".join(shown))):
            break
    with open(path, "w") as file:
        json.dump(shown, file)
    os._exit(0)
"""


@dataclass(frozen=True)
class Wrong:
    """A wrong answer, and the sentence that its student should be told (empty for a mutant)."""

    title: str
    answer: str
    source: str
    says: str = ""


@dataclass(frozen=True)
class Told:
    """What the check cells show of a wrong answer. It is misnamed if the sentence of another mistake is told."""

    wrong: Wrong
    green: bool
    named: bool
    misnamed: bool
    messages: list[str]

    def __str__(self) -> str:
        word = "green" if self.green else "named" if self.named else "false" if self.misnamed else "red"
        said = "" if self.named else "".join(f"\n         {message}" for message in dict.fromkeys(self.messages))
        return f"{word:5}  {self.wrong.answer}: {self.wrong.title}{said}"


def known(course: Course, name: str) -> list[Wrong]:
    """The entries of mistakes.md."""
    return read(mistakes_path(course.root, name))


def unseen(course: Course, name: str) -> list[Wrong]:
    """Known mistakes in other words, as nobody had them in mind when the entries were written."""
    return read(HERE / "unseen" / f"{name}.md")


def mutants(course: Course, name: str) -> list[Wrong]:
    """The answer key changed in one place each."""
    found = [mutant for mutant, _ in variants(course, load_assignment(course, name))]
    return [Wrong(mutant.what, mutant.answer, mutant.source) for mutant in found]


KINDS: dict[str, Callable[[Course, str], list[Wrong]]] = {"known": known, "unseen": unseen, "mutants": mutants}


def read(path: Path) -> list[Wrong]:
    return [Wrong(entry.title, entry.replaces, entry.source, entry.says) for entry in read_entries(path)]


class StudentsKernel:
    """A kernel with a student's notebook."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.run(IN_KERNEL, remember=False)

    def run(self, source: str, remember: bool = True) -> str:
        """Run a cell; the tables that it shows."""
        shown: list[str] = []

        def keep(message: dict[str, dict[str, dict[str, str]]]) -> None:
            shown.append(message["content"].get("data", {}).get("text/html", ""))

        self.client.execute_interactive(source, store_history=remember, output_hook=keep, timeout=20 * SECONDS)
        return "\n".join(shown)

    def run_copy(self, cells: list[str]) -> str:
        """Run cells in a copy of the kernel; the tables that they show, none if it took too long."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "shown")
            self.run(f"_in_a_copy({cells!r}, {str(path)!r}, {SECONDS})", remember=False)
            return "\n".join(json.loads(path.read_text())) if path.exists() else ""


@contextmanager
def students_kernel(folder: Path) -> Iterator[StudentsKernel]:
    """A kernel that works in `folder`."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    try:
        yield StudentsKernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def try_out(course: Course, name: str, wrong: list[Wrong]) -> tuple[list[Told], float]:
    """What is told of each wrong answer, and the seconds of the slowest check cell when it runs again."""
    source = only_needed(source_notebook(course.source(name) / f"{name}.ipynb"))
    cells, slowest, found = answered(course, name, source), 0.0, {}
    sentences = {entry.says for entry in read_entries(mistakes_path(course.root, name))}
    with students_kernel(course.source(name)) as kernel:
        for number, cell in enumerate(cells):
            for one in wrong:
                if one.answer == cell.metadata.nbgrader.grade_id:
                    rest = [
                        c.source for c in cells[number + 1 :] if not is_check_cell(c.source) or sees(source, one, c)
                    ]
                    found[one] = judged(one, kernel.run_copy([one.source, *rest]), sentences)
                    print(found[one], flush=True)
            shown = kernel.run(cell.source)
            if is_check_cell(cell.source):
                if not all_hold(shown):
                    sys.exit(f"{name}: the right answers lose a check of {cell.metadata.nbgrader.grade_id}: {shown}")
                slowest = max(slowest, min(seconds(kernel, cell.source) for _ in range(3)))
    return [found[one] for one in wrong if one in found], slowest


def seconds(kernel: StudentsKernel, source: str) -> float:
    """What a student waits for a cell."""
    start = time.perf_counter()
    kernel.run(source)
    return time.perf_counter() - start


def answered(course: Course, name: str, source: NotebookNode) -> list[NotebookNode]:
    """The cells of the released notebook that matter to checks, with the answers of the answer key."""
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells}
    notebook = source_notebook(course.path("release", ".", name) / f"{name}.ipynb")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" in cell.metadata]
    for cell in cells:
        if cell.metadata.nbgrader.solution:
            cell.source = answers[cell.metadata.nbgrader.grade_id]
    return cells


def sees(source: NotebookNode, wrong: Wrong, cell: NotebookNode) -> bool:
    """Whether a check cell can see a wrong answer."""
    return cell.metadata.nbgrader.grade_id in affected_checks(source, wrong.answer, wrong.source)


def all_hold(shown: str) -> bool:
    headings = HEADING.findall(shown)
    return bool(headings) and all(holding == of for holding, of in headings)


def judged(wrong: Wrong, shown: str, sentences: set[str]) -> Told:
    messages = [text for text in map(unescape, TOLD.findall(shown)) if text]
    named = bool(wrong.says) and wrong.says.lower() in unescape(shown).lower()
    others = [says for says in sentences if says and any(says in message for message in messages)]
    misnamed = bool(wrong.says and others) and not named
    return Told(wrong, all_hold(shown), named, misnamed, messages)


def growth(course: Course, name: str) -> float:
    """By which share its records make the release larger."""
    path = course.path("release", ".", name) / f"{name}.ipynb"
    whole = len(path.read_bytes())
    records = sum(
        len(line) for cell in source_notebook(path).cells for line in cell.source.split("\n") if line.startswith(RECORD)
    )
    return records / (whole - records)


def measure(course: Course, name: str, kinds: list[str], most: int) -> dict[str, dict[str, list[str]]]:
    """The columns of an assignment in both tables: what is told of each kind of wrong answers, and what it costs."""
    wrong = {kind: KINDS[kind](course, name) for kind in kinds}
    wrong = {kind: found[:: max(1, -(-len(found) // most))] for kind, found in wrong.items()}
    told, slowest = try_out(course, name, [one for found in wrong.values() for one in found])
    columns = {}
    for kind, found in wrong.items():
        mine = [one for one in told if one.wrong in found]
        named = [share([one.named for one in mine]), str(sum(one.misnamed for one in mine))]
        if kind == "mutants":  # nobody has said what they should be told
            named = ["", ""]
        columns[kind] = [str(len(mine)), share([one.green for one in mine]), *named]
    return {"told": columns, "cost": {"": [f"{slowest:.2f} s", f"{growth(course, name):.0%}"]}}


def tables(found: dict[str, dict[str, dict[str, list[str]]]]) -> str:
    """Both tables, of what was measured of each assignment."""
    told = [
        table_row(name, TITLES[k], *row["told"][k]) for name, row in found.items() for k in KINDS if k in row["told"]
    ]
    cost = [table_row(name, *row["cost"][""]) for name, row in found.items()]
    return "\n".join([TOLD_HEAD, *told, "", COST_HEAD, *cost])


def share(values: list[bool]) -> str:
    return f"{sum(values) / len(values):.1%}"


def table_row(*columns: str) -> str:
    return f"| {' | '.join(columns)} |"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="assignments that are released (default: all)")
    for kind, of in KINDS.items():
        parser.add_argument(f"--{kind}", action="store_true", help=of.__doc__)
    parser.add_argument("--most", type=int, default=10**6, help="try only so many of a kind, spread evenly")
    parser.add_argument("--docs", action="store_true", help=f"write the table into {PAGE.name}")
    asked = parser.parse_args(arguments)
    course = Course(Path.cwd())
    names = asked.names or sorted(path.parent.name for path in course.root.glob("assignments/*/mistakes.md"))
    kinds = [kind for kind in KINDS if getattr(asked, kind)] or list(KINDS)
    OUT.parent.mkdir(exist_ok=True)
    found = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in names:
        measured = measure(course, name, kinds, asked.most)
        measured["told"] = found.get(name, {}).get("told", {}) | measured["told"]
        found = dict(sorted((found | {name: measured}).items()))
        OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{tables(found)}")
    if asked.docs:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(SECTION.sub(lambda old: f"{old[1]}\n{tables(found)}\n\n{old[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
