"""Which file of a submission is which notebook of the assignment: one rule for `collect`, `grade` and Gradescope.

Students hand in folders, a zip within, `lab.IPYNB`, `lab.ipynb.txt`, `lab (1).ipynb`, `lab-Copy1.ipynb` or another name
altogether, and sometimes `lab.ipynb` as it was released beside the copy in which they have worked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from nbformat import NotebookNode

from autograder.course.assignment import Assignment, Template
from autograder.submission.archive import is_noise, unzipped
from autograder.submission.find_answers import count_answered, find_answers
from autograder.submission.incidents import Incident, IncidentKind
from autograder.submission.sanitize import NotANotebook, read_notebook
from autograder.text import printable

__all__ = ["HandedIn", "handed_in", "is_notebook", "without_wrapping"]

NOTEBOOK = re.compile(r"(?P<stem>.+)\.ipynb(\.txt|\.json)?", re.IGNORECASE)
COPY = re.compile(r"(.+?)(-Copy\d*|[ _-]?\(\d+\)|[-_ ]\d{1,2}| copy( \d+)?)", re.IGNORECASE)
MOST_READ = 10
EXACT, SPELLED, COPIED, OTHER = range(4)


@dataclass
class ReadNotebook:
    """A notebook that was read, with its answers found: its name in the submission, how many answers it has, and what
    was done to find them."""

    name: str
    notebook: NotebookNode
    answered: int
    incidents: list[Incident]


@dataclass
class HandedIn:
    """A submission sorted out: the notebook for each of the assignment's, by name, all notebooks as they are, for
    `%run`, the other files, and what a person may want to know of each notebook."""

    notebooks: dict[str, NotebookNode] = field(default_factory=dict)
    notebook_files: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)


def is_notebook(name: str) -> bool:
    """Whether a file is a notebook by its name."""
    return NOTEBOOK.fullmatch(PurePosixPath(name).name) is not None


def without_wrapping(files: dict[str, bytes], max_mb: int) -> dict[str, bytes]:
    """The files of a submission without what systems add by themselves; those of a zip, if that is all that was handed
    in. Raises SubmissionRefused for a zip that cannot be read."""
    files = {name: data for name, data in files.items() if not is_noise(name)}
    zips = [name for name in files if name.lower().endswith(".zip")]
    return unzipped(files[zips[0]], max_mb) if len(zips) == 1 and not any(map(is_notebook, files)) else files


def handed_in(files: dict[str, bytes], assignment: Assignment, max_mb: int) -> HandedIn:
    """Sort out the files of a submission. Raises SubmissionRefused for a zip that cannot be read."""
    files = without_wrapping(files, max_mb)
    sorted_out = HandedIn()
    folders = set()
    for template in assignment.notebooks:
        others = [other for other in assignment.notebooks if other is not template]
        try:
            read, incidents = choose_notebook(files, template, others)
        except NotANotebook as error:
            if template.has_points:
                refused = Incident(IncidentKind.REFUSED, f"{template.name}.ipynb: {error}", notebook=template.name)
                sorted_out.incidents.append(refused)
            continue
        sorted_out.notebooks[template.name] = read.notebook
        folders.add(PurePosixPath(read.name).parent)
        all_incidents = [*incidents, *read.incidents]
        sorted_out.incidents += [replace(incident, notebook=template.name) for incident in all_incidents]
    top = folders.pop() if len(folders) == 1 else PurePosixPath()
    files = moved_up(files, top)
    sorted_out.notebook_files = {name: data for name, data in files.items() if is_notebook(name)}
    sorted_out.files = {name: data for name, data in files.items() if not is_notebook(name)}
    return sorted_out


def moved_up(files: dict[str, bytes], top: PurePosixPath) -> dict[str, bytes]:
    """The files with those in the notebook's folder `top` beside the notebook, where it looks for them."""
    inside = {name: PurePosixPath(name).is_relative_to(top) for name in files}
    moved = {name: data for name, data in files.items() if not inside[name]}
    return moved | {str(PurePosixPath(name).relative_to(top)): data for name, data in files.items() if inside[name]}


def choose_notebook(
    files: dict[str, bytes], template: Template, others: list[Template]
) -> tuple[ReadNotebook, list[Incident]]:
    """The notebook that was handed in for `template`, and incidents on the choice. `others` are the assignment's other
    notebooks. Raises NotANotebook."""
    ranks = {name: rank(name, template.name) for name in files if is_notebook(name)}
    theirs = {name for name in ranks for other in others if rank(name, other.name) < COPIED}
    only = template.has_points and not any(other.has_points for other in others)  # what else could be handed in?
    names = [name for name in ranks if name not in theirs and (ranks[name] < OTHER or only)]
    names.sort(key=lambda name: (ranks[name], len(PurePosixPath(name).parts), name))
    if not names:
        raise NotANotebook(none_of_this_name(ranks))
    first = read_first(files, names, template)
    peers = [name for name in names if ranks[name] == ranks[first.name] and name != first.name]
    # A copy with another name is not looked at where the notebook itself has answers.
    rest = peers if first.answered else [name for name in names if name != first.name]
    rivals = [read for read in readable(files, rest, template) if read.answered]
    if not first.answered and rivals:
        best = max(rivals, key=lambda read: read.answered)
        return best, [of_choice(best, f"{first.name} has no answers", rivals)]
    best = max([first, *rivals], key=lambda read: read.answered)
    if any(texts(rival.notebook) != texts(first.notebook) for rival in rivals):
        return best, [of_choice(best, "there are several notebooks", [first, *rivals])]
    return best, renamed(best, template)


def rank(name: str, wanted: str) -> int:
    """How far the name of a notebook is from the one that is `wanted`: EXACT, SPELLED otherwise, COPIED, OTHER."""
    found = NOTEBOOK.fullmatch(PurePosixPath(name).name)
    stem = found["stem"] if found else ""
    if PurePosixPath(name).name == f"{wanted}.ipynb":
        return EXACT
    if stem.strip().casefold() == wanted.casefold():
        return SPELLED
    while (copy := COPY.fullmatch(stem)) is not None:
        stem = copy[1]
        if stem.strip().casefold() == wanted.casefold():
            return COPIED
    return OTHER


def read_first(files: dict[str, bytes], names: list[str], template: Template) -> ReadNotebook:
    """The first of `names` that can be read. Raises NotANotebook, which says what is wrong with the very first."""
    problems = []
    for name in names[:MOST_READ]:
        try:
            return read_one(files, name, template)
        except NotANotebook as error:
            problems.append(error)
    raise problems[0]


def readable(files: dict[str, bytes], names: Iterable[str], template: Template) -> list[ReadNotebook]:
    """Those of `names` that can be read, and not too many."""
    found = []
    for name in list(names)[:MOST_READ]:
        try:
            found.append(read_one(files, name, template))
        except NotANotebook:
            continue
    return found


def read_one(files: dict[str, bytes], name: str, template: Template) -> ReadNotebook:
    notebook = read_notebook(files[name])
    incidents = find_answers(notebook, template)
    return ReadNotebook(name, notebook, count_answered(notebook, template), incidents)


def texts(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def of_choice(best: ReadNotebook, why: str, rivals: list[ReadNotebook]) -> Incident:
    """The incident that says that another notebook could have been meant."""
    several = any(texts(rival.notebook) != texts(best.notebook) for rival in rivals)
    kind = IncidentKind.UNSURE if several else IncidentKind.FOUND
    others = printable(", ".join(rival.name for rival in rivals if rival is not best)[:200])
    besides = f"; others with answers: {others}" if several else ""
    return Incident(kind, f"{printable(why)}; {printable(best.name)} was graded{besides}")


def renamed(best: ReadNotebook, template: Template) -> list[Incident]:
    wanted = f"{template.name}.ipynb"
    if PurePosixPath(best.name).name == wanted:
        return []
    return [Incident(IncidentKind.CHANGED, f"the notebook is named {printable(best.name)} instead of {wanted}")]


def none_of_this_name(names: Iterable[str]) -> str:
    others = ", ".join(printable(name) for name in sorted(names)[:5])
    return f"there is none of this name, only {others}" if others else "no notebook was handed in"
