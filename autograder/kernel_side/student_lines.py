"""The student's own lines in a traceback: those of notebook cells."""

from __future__ import annotations

import linecache
import traceback

from autograder.kernel_side.student_code import is_student_code

__all__ = ["student_lines"]


def student_lines(error: BaseException) -> list[list[object]]:
    """`[function, line number, source line]` of the student's frames, outermost first, at most the last ten."""
    frames: list[list[object]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if is_student_code(frame):
            text = linecache.getline(code.co_filename, line).strip()
            frames.append([code.co_name[:100], line, text[:200]])
    return frames[-10:]
