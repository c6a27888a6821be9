"""The student's own lines in a traceback or a warning: those of notebook cells."""

from __future__ import annotations

import linecache
import re
import traceback
import warnings
from itertools import islice

from autograder.kernel_side.student_code import is_beside, is_cell_file, is_student_code

__all__ = ["exception_text", "student_lines", "warned"]

DEF = re.compile(r"(?P<indent>\s*)(async )?def (?P<name>\w+)")


def student_lines(error: BaseException) -> list[list[object]]:
    """`[function, line number, source line]` of the student's frames, outermost first, at most the last ten."""
    frames: list[list[object]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if is_student_code(frame):
            text = linecache.getline(code.co_filename, line).strip()
            frames.append([code.co_name[:100], line, text[:200]])
    return frames[-10:]


def warned(warning: warnings.WarningMessage) -> str:
    """The kind of a warning, its text, and where it came from, if that is a line of the student's."""
    warned_of = f"{warning.category.__name__[:80]}: {exception_text(warning.message)[:80]}"
    file, line = warning.filename, warning.lineno
    if not (type(file) is str and type(line) is int and (is_cell_file(file) or is_beside(file))):
        return warned_of
    function = "".join(f"{name}, " for name in function_at(file, line))
    return f"{warned_of} — in {function}line {line}: {linecache.getline(file, line).strip()[:100]}"


def exception_text(error: BaseException | str) -> str:
    """The text of an exception or a warning; empty when its `__str__` fails."""
    try:
        return str(error)[:2000]
    except BaseException:
        return ""


def function_at(file: str, line: int) -> list[str]:
    """The name of the function that a line is in, as its indentation says; none outside of functions."""
    text = linecache.getline(file, line)
    depth = len(text) - len(text.lstrip())
    above = reversed(linecache.getlines(file)[: max(0, line - 1)])
    names = (found["name"][:100] for found in map(DEF.match, above) if found and len(found["indent"]) < depth)
    return list(islice(names, 1))
