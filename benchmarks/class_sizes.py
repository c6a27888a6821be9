"""Measures what the commands that look at a whole class cost as it grows: for each student the same.

    python benchmarks/class_sizes.py            classes of 200 and 2,000; a quarter of an hour
    python benchmarks/class_sizes.py --docs     the same; writes its section of docs/scale.md
    python benchmarks/class_sizes.py --quick    classes of 5 and 20, to see that it works

The class is that of softmax, everybody a day late, everybody with two scores that changed. Nobody is graded: rows and
folders are made by made_class.py. What is timed is the whole command, from its start to its end.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from compare import machine
from made_class import make_class
from measure import run
from report import SCALE, spread, table
from sqlalchemy import insert, select

from autograder.course.course import Course
from autograder.gradebook import tables
from autograder.gradebook.gradebook import open_gradebook

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).parent / "out"
NAME = "softmax"
CELL = "softmax_checks"
SIZES, QUICK = (200, 2000), (5, 20)
CONFIG = """
c.AssignLatePenalties.plugin_class = "autograder.gradebook.late_days.LateDays"
c.Autograder.due_dates = {"softmax": "2026-10-01 12:00 UTC"}
"""
COMMANDS = {
    "scores": ["scores", NAME],
    "grade, nothing to do": ["grade", NAME],
    "report": ["report", NAME],
    "changes": ["changes", NAME, "--json"],
}
SECTION = re.compile(r"(?s)(<!-- class sizes: .*? -->\n).*?(<!-- end -->)")
Row = dict[str, Any]


def make_course(folder: Path, size: int) -> Course:
    """A course with a class of this size: as graded, late, with changes."""
    for part in ("source", "assignments"):
        shutil.copytree(ROOT / part / NAME, folder / part / NAME)
    (folder / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text() + CONFIG)
    course = Course(folder)
    mine = course.path("submitted", "ada", NAME)
    shutil.copytree(course.source(NAME), mine)
    (mine / "timestamp.txt").write_text("2026-10-02 12:00 UTC")
    make_class(course, NAME, size)
    with open_gradebook(course) as gradebook:
        add_changes(gradebook.db)
    return course


def add_changes(session: Any) -> None:
    """Let a score of everybody have changed twice, and be what it is."""
    columns = [column for column in tables.scores.c if column.name != "id"]
    rows = session.execute(select(*columns).where(tables.scores.c.cell == CELL)).mappings().all()
    now = datetime.now(UTC).replace(tzinfo=None)
    for more in (1.0, 0.0):
        new = [dict(row) | {"at": now, "why": "graded again", "score": row["score"] + more} for row in rows]
        session.execute(insert(tables.scores), new)
    session.commit()


def measure(sizes: tuple[int, ...], rounds: int) -> list[Row]:
    """What each command costs with each class. The first run, which settles penalties, is not counted."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="classes-") as work:
        courses = {size: make_course(Path(work) / str(size), size) for size in sizes}
        for number in range(-1, rounds):
            for size, course in courses.items():
                for name, arguments in COMMANDS.items():
                    command = [sys.executable, "-m", "autograder.cli", *arguments]
                    cost = run([command], course.root, {"PYTHONPATH": str(ROOT)}, Path(work) / "log")
                    if number >= 0:
                        rows.append({"command": name, "students": size, "round": number} | asdict(cost))
                        print(
                            f"{name:22} {size:6} students: {cost.wall:6.2f} s, {cost.cpu:6.2f} s of processors",
                            flush=True,
                        )
    return rows


def tables_of(found: dict[str, Any]) -> str:
    """The table as Markdown: for each command and size the seconds, what a student costs, and how that grows."""
    about, rows, sizes = found["machine"], found["rows"], found["sizes"]
    lines = []
    for name in COMMANDS:
        for size in sizes:
            mine = [row for row in rows if (row["command"], row["students"]) == (name, size)]
            least = [row for row in rows if (row["command"], row["students"]) == (name, sizes[0])]
            each = [1000 * row["wall"] / size for row in mine]
            growth = median(each) / median(1000 * row["wall"] / sizes[0] for row in least)
            costs = (spread(row["wall"] for row in mine), spread(row["cpu"] for row in mine))
            lines.append((f"`{name}`", f"{size:,}", *costs, f"{median(each):.2f}", f"{growth:.2f}"))
    head = ("command", "students", "seconds", "processor seconds", "ms each", f"× a class of {sizes[0]:,}")
    rounds = len({row["round"] for row in rows})
    told = f"median of {rounds} rounds, with the lowest and the highest" if rounds > 1 else "one round"
    return (
        f"{about['processors']} processors ({about['cpu']}), Python {about['python']}; {told}.\n\n{table(head, lines)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny classes and one round")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="how many students; the first is compared with"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/scale.md")
    options = parser.parse_args()
    sizes, rounds = (QUICK, 1) if options.quick else (tuple(options.sizes), options.rounds)
    found = {"machine": machine(), "sizes": sizes, "rows": measure(sizes, rounds)}
    OUT.mkdir(exist_ok=True)
    (OUT / "class_sizes.json").write_text(json.dumps(found, indent=1) + "\n")
    text = tables_of(found)
    print(f"\n{text}")
    if options.docs:
        page = SCALE.read_text(encoding="utf-8")
        SCALE.write_text(SECTION.sub(lambda old: f"{old[1]}\n{text}\n{old[2]}", page), encoding="utf-8")


if __name__ == "__main__":
    main()
