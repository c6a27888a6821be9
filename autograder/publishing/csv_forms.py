"""Scores as CSV: a plain form, the one that Canvas imports, and the one in which Gradescope gives out its own scores.

No cell holds what a spreadsheet would run: names and comments come from people who may not mean well."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError
from autograder.publishing.scores import Score
from autograder.text import legible

__all__ = ["harmless", "write_csv"]

CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
POINTS, EXCUSED = "Points Possible", "EX"
# A spreadsheet takes these for a formula at the beginning of a cell. Cells may begin behind a semicolon, too: it
# separates them where a comma is part of numbers. Quotes at the beginning of a cell are then no part of its text.
# Of several lines that are blank, the last one is marked: to look across lines from each would take quadratic time.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=(?:[^\S\t\r\n]|\")*[=+\-@＝＋－＠]|[\t\r\n])")

Row = list[Any]


def write_csv(scores: list[Score], path: Path, form: str, title: str, template: Path | None = None) -> list[str]:
    """Write scores in the form plain, canvas or gradescope; returns sentences on what a person must look at.

    `title` is the assignment's name in Canvas. With `template`, a gradebook that Canvas has exported, the file has its
    students and their columns, and of its assignments this one. Raises AutograderError if it is no such gradebook.
    """
    notes: list[str] = []
    if form == "plain":
        rows = plain(scores)
    elif form == "gradescope":
        rows = gradescope(scores)
    elif template is None:
        rows = canvas(scores, title)
    else:
        rows = into_template(scores, title, template, notes)
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([harmless(c) if isinstance(c, str) else c for c in row] for row in rows)
    except OSError as error:
        raise AutograderError(f"{path} cannot be written: {error.strerror}.") from None
    return notes


def harmless(text: str) -> str:
    """`text` without invisible characters, and with an apostrophe before whatever in it a spreadsheet would take for a
    formula."""
    return FORMULA.sub(r"\1'", legible(text))


def cells_of(scores: Iterable[Score]) -> dict[str, float]:
    """The grade cells of all scores with their points, in order."""
    return {name: cell["max_score"] for score in scores for name, cell in score["cells"].items()}


def points_of(score: Score, cells: Iterable[str]) -> Row:
    """The points for each cell, empty for one that a submission has not, or that waits for a person."""
    points = (score["cells"].get(cell, {}).get("score") for cell in cells)
    return ["" if given is None else given for given in points]


def plain(scores: list[Score]) -> list[Row]:
    """One line for each student: who, in which group if there are any, the whole score, points for each cell, a
    grader's comments."""
    cells = cells_of(scores)
    who = ["student", "last_name", "first_name", *(["group"] if any(score["group"] for score in scores) else [])]
    whole = ["score", "late_penalty", "final_score", "max_score", "needs_manual_grade"]
    rows: list[Row] = [[*who, *whole, *cells, "comments"]]
    for score in scores:
        comments = " ".join(f"{cell}: {' '.join(text.split())}" for cell, text in score["comments"].items())
        rows.append([score[key] for key in (*who, *whole)] + [*points_of(score, cells), comments])
    return rows


def gradescope(scores: list[Score]) -> list[Row]:
    """As Gradescope's own "Download Grades": a student, the total, and a column for each question."""
    cells = cells_of(scores)
    questions = [f"{cell} ({points:g} pts)" for cell, points in cells.items()]
    head = ["First Name", "Last Name", "SID", "Email", "Total Score", "Max Points", "Status", "Submission Time"]
    rows: list[Row] = [[*head, "Lateness (H:M:S)", *questions]]
    for score in scores:
        student = score["student"]
        who = [score["first_name"], score["last_name"], "" if "@" in student else student, score["email"]]
        status = "Ungraded" if score["needs_manual_grade"] else "Graded"
        minutes, seconds = divmod(round(score["seconds_late"]), 60)
        late = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        whole = [score["final_score"], score["max_score"], status, score["submitted"] or "", late]
        rows.append([*who, *whole, *points_of(score, cells)])
    return rows


def canvas(scores: list[Score], title: str) -> list[Row]:
    """As Canvas imports it. A number that Canvas knows a student by goes under ID, any other id is taken for the login;
    a title that Canvas does not know becomes a new assignment."""
    rows: list[Row] = [[*CANVAS, title], [f"    {POINTS}", *[""] * 4, full_marks(scores)]]
    for score in scores:
        student = score["student"]
        number = score["lms_user_id"] or (student if student.isdecimal() else "")
        name = ", ".join(filter(None, (score["last_name"], score["first_name"]))) or student
        rows.append([name, number, "", "" if number else student, "", round(score["final_score"], 2)])
    return rows


def full_marks(scores: list[Score]) -> float:
    return max((score["max_score"] for score in scores), default=0.0)


def into_template(scores: list[Score], title: str, template: Path, notes: list[str]) -> list[Row]:
    """Canvas's own gradebook with these scores. Other assignments are left out: grades that were given in Canvas since
    it was exported would be undone."""
    head, *rows = read_template(template)
    info = head.index("Section") + 1
    column = column_of(title, head, info, template)
    done: list[Row] = [[*row[:info], as_number(row[column])] for row in rows]
    for row in done:
        if row[0].strip() == POINTS and row[-1] != full_marks(scores):
            possible = f"{template.name} has {row[-1]} points possible for {head[column]}"
            notes.append(f"{possible}, here there are {full_marks(scores):g}")
    places = places_of(head, rows)
    given: dict[int, str] = {}
    for score in scores:
        place = place_of(score, places)
        if place is None:
            notes.append(f"{score['student']} is not in {template.name}")
        elif place in given:
            notes.append(f"{given[place]} and {score['student']} are one student of {template.name}: look who it is")
        elif done[place][-1] == EXCUSED:
            given[place] = score["student"]
            notes.append(
                f"{score['student']} is excused in Canvas: this stays, {score['final_score']:g} is not written"
            )
        else:
            given[place] = score["student"]
            done[place][-1] = round(score["final_score"], 2)
    return [[*head[:info], head[column]], *done]


def places_of(head: list[str], rows: list[list[str]]) -> dict[tuple[str, str], int]:
    """The line of each student by kind and value of Canvas's ids."""
    kinds = [kind for kind in ("ID", "SIS User ID", "SIS Login ID") if kind in head]
    return {
        (kind, row[head.index(kind)].strip().casefold()): number for kind in kinds for number, row in enumerate(rows)
    }


def place_of(score: Score, places: dict[tuple[str, str], int]) -> int | None:
    """A student's line: by Canvas's number if that is known, else by the course's id, or else by email."""
    student, email = score["student"], score["email"]
    called = [("ID", score["lms_user_id"]), ("SIS User ID", student), ("SIS Login ID", student)]
    called += [("SIS Login ID", email), ("ID", student)]
    found = (places.get((kind, text.casefold())) for kind, text in called if text)
    return next((place for place in found if place is not None), None)


def read_template(path: Path) -> list[list[str]]:
    """A gradebook that Canvas has exported, every line as long as the first; with commas or semicolons, and with whole
    names or with last and first names apart."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        delimiter = max(",;", key=text.partition("\n")[0].count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as error:
        raise AutograderError(f"{path} cannot be read as a CSV file: {error}.") from None
    named = lines and (lines[0][0] == "Student" or lines[0][:2] == ["LastName", "FirstName"])
    if not named or not {"ID", "Section"} <= set(lines[0]):
        raise AutograderError(
            f"{path} is not a gradebook exported from Canvas: its first line has no Student (or LastName, FirstName), "
            "ID and Section."
        )
    return [(line + [""] * len(lines[0]))[: len(lines[0])] for line in lines if line]


def column_of(title: str, head: list[str], info: int, path: Path) -> int:
    """The column of an assignment by its title, with or without Canvas's number behind it."""
    number = re.compile(r"\s*\(\d+\)$")
    names = {place: name.casefold() for place, name in enumerate(head) if place >= info}
    exact = [place for place, name in names.items() if name == title.casefold()]
    found = exact or [place for place, name in names.items() if number.sub("", name) == title.casefold()]
    if len(found) != 1:
        known = ", ".join(name for name in head[info:] if number.search(name)) or "none"
        how_many = "several columns" if found else "no column"
        raise AutograderError(f"{path} has {how_many} {title!r}: name one with --column. Assignments there: {known}.")
    return found[0]


def as_number(text: str) -> float | str:
    """A cell of a CSV file as a number, if it is one; with a comma where the country's language has one. Canvas writes
    no separators between thousands."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text
