"""Grades the same classes with stock nbgrader, otter-grader and autograder, in turns, and writes what each cost.

    python benchmarks/compare.py --quick     a few minutes, to see that it works
    python benchmarks/compare.py --docs      about an hour on 2 processors; writes docs/scale.md and its figure

Each round runs every grader once, each time in another order, so that a machine that gets slower gets slower for
all. What is timed is the whole command, from its start to its end. Results are kept in benchmarks/out/results.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graders import GRADERS, HERE, Grader, cluster, make_peers, plain
from material import expected_scores
from pdf import pdf_costs
from report import update_docs, write_figure, write_tables

OUT = HERE / "out"


@dataclass(frozen=True)
class Sizes:
    """How many submissions of each kind, and how many rounds. Of a real class the other graders, and of a light one
    those that grade one by one, are given fewer."""

    rounds: int = 2
    light: int = 200
    light_one_by_one: int = 8
    softmax: int = 60
    softmax_peers: int = 2
    growth: tuple[int, ...] = (10, 100, 1000)


QUICK = Sizes(rounds=1, light=4, light_one_by_one=2, softmax=2, softmax_peers=1, growth=(2, 8))


@dataclass(frozen=True)
class Task:
    """One thing to measure: a grader with a class of some size."""

    experiment: str
    grader: Grader
    class_name: str
    size: int
    watch: tuple[int, ...] = ()

    def measure(self, folder: Path) -> dict[str, Any]:
        cost, scores = self.grader.grade(folder, self.class_name, self.size, self.watch)
        if self.class_name == "light" and scores != expected_scores(self.size):
            raise SystemExit(f"{self.grader.name} found other scores than expected: {scores}")
        return self.row(asdict(cost))

    def row(self, cost: dict[str, float]) -> dict[str, Any]:
        about = {"experiment": self.experiment, "grader": self.grader.name, "class": self.class_name}
        return about | {"submissions": self.size} | cost


def tasks(sizes: Sizes) -> Iterator[Task]:
    """Everything that one round measures, but for Dask, PDF and plain cells."""
    two = GRADERS["autograder, 2 workers"]
    for grader in GRADERS.values():
        # What grades with one command after another takes as long for each of few as for each of many.
        yield Task("light", grader, "light", sizes.light_one_by_one if grader.one_by_one else sizes.light)
        mine = grader.name.startswith("autograder")
        yield Task("softmax", grader, "softmax", sizes.softmax if mine else sizes.softmax_peers)
    for size in sizes.growth:
        yield Task("growth", two, "light", size)


def measure(sizes: Sizes) -> list[dict[str, Any]]:
    """All rounds. The order is turned by one third of its length each round."""
    rows: list[dict[str, Any]] = []
    todo = list(tasks(sizes))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        work = Path(folder)
        for number in range(sizes.rounds):
            first = number * len(todo) // sizes.rounds
            for task in todo[first:] + todo[:first]:
                rows.append(show(task.measure(work / "class") | {"round": number}))
                if (task.experiment, task.grader) == ("softmax", GRADERS["autograder, 2 workers"]):
                    rows.append(show(plain_row(work, sizes.softmax) | {"round": number}))  # at once: machines drift
            with cluster(2, work) as (dask, watch):  # not longer than it is used: it is never quite idle
                task = Task("light", dask, "light", sizes.light, watch)
                rows.append(show(task.measure(work / "class") | {"round": number}))
            rows += [show(row | {"round": number}) for row in pdf_costs(work)]
    return rows


def plain_row(work: Path, size: int) -> dict[str, Any]:
    about = {"experiment": "softmax", "grader": "plain cells", "class": "softmax", "submissions": size}
    return about | plain(work, "softmax", size)


def show(row: dict[str, Any]) -> dict[str, Any]:
    numbers = ", ".join(f"{name} {value:.2f}" for name, value in row.items() if isinstance(value, float))
    print(f"{row['experiment']:8} {row['grader']:26} {row['submissions']:5} submissions: {numbers}", flush=True)
    return row


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cpu = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    pins = [path.read_text().split()[0] for path in sorted((HERE / "peers").glob("*.txt"))]
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "peers": pins,
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny classes and one round")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--docs", action="store_true", help="write the results into docs/scale.md")
    parser.add_argument("--again", action="store_true", help="measure nothing: tables and figure from the last results")
    options = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    results = OUT / "results.json"
    if not options.again:
        make_peers()
        sizes = QUICK if options.quick else Sizes()
        sizes = Sizes(**(asdict(sizes) | ({"rounds": options.rounds} if options.rounds else {})))
        found = {"machine": machine(), "sizes": asdict(sizes), "rows": measure(sizes)}
        results.write_text(json.dumps(found, indent=1) + "\n")
    found = json.loads(results.read_text())
    tables = write_tables(found)
    (OUT / "results.md").write_text(tables)
    write_figure(found, OUT / "benchmark.svg")
    print(f"\n{tables}")
    if options.docs:
        update_docs(tables)
        shutil.copy(OUT / "benchmark.svg", HERE.parent / "docs/images/benchmark.svg")


if __name__ == "__main__":
    main()
