"""The settings of a course in `nbgrader_config.py`, as `c.Autograder.<name>`."""

from __future__ import annotations

from dataclasses import fields

from traitlets import Bool, Dict, Enum, Float, Int, List, Unicode
from traitlets.config import Configurable

from autograder.sandbox.levels import LEVELS
from autograder.sandbox.limits import BEST, Limits

__all__ = ["SUBMISSION_MB", "Autograder"]

SUBMISSION_MB = 64
SHORTEST, LONGEST = 0.1, 7 * 24 * 3600  # in seconds; no clock of the system can wait for ever, whatever infinity says


class Autograder(Configurable):  # type: ignore[misc]
    """Limits on student code and on collecting, and how a class is graded."""

    cell_seconds = Float(
        Limits.cell_seconds, min=SHORTEST, max=LONGEST, help="Seconds that a cell, or one call from a check, may take."
    ).tag(config=True)
    notebook_seconds = Float(
        Limits.notebook_seconds,
        min=SHORTEST,
        max=LONGEST,
        help="Seconds that all cells of a notebook may take together.",
    ).tag(config=True)
    start_seconds = Float(
        Limits.start_seconds, min=SHORTEST, max=LONGEST, help="Seconds to wait for a sandbox to start before giving up."
    ).tag(config=True)
    memory_mb = Int(Limits.memory_mb, min=1, help="Memory in MB that a notebook and all its processes may use.").tag(
        config=True
    )
    processes = Int(Limits.processes, min=1, help="Processes and threads that a notebook may have at once.").tag(
        config=True
    )
    file_mb = Int(Limits.file_mb, min=1, help="Size in MB that one file may grow to.").tag(config=True)
    disk_mb = Int(Limits.disk_mb, min=1, help="Size in MB of each of the student's folder, /tmp and /dev/shm.").tag(
        config=True
    )
    output_kb = Int(Limits.output_kb, min=1, help="Output in kB that is kept of a cell; the rest is cut.").tag(
        config=True
    )
    sandbox = Enum(
        [BEST, *LEVELS],
        BEST,
        help="Sandbox for student code: namespaces, another user, none, or the best that this machine has.",
    ).tag(config=True)
    submission_mb = Int(SUBMISSION_MB, min=1, help="Size in MB of a whole submission; a larger one is refused.").tag(
        config=True
    )
    collect_mb = Int(4096, min=1, help="Size in MB that all submissions of an export may have when unpacked.").tag(
        config=True
    )
    collect_files = Int(100_000, min=1, help="Number of files that an export may hold.").tag(config=True)
    collect_ratio = Int(200, min=1, help="How many times larger than packed a file of 1 MB or more may be.").tag(
        config=True
    )
    keep_submissions = Bool(True, help="Keep a submission that a newer one replaces, in replaced/STUDENT/NAME.").tag(
        config=True
    )
    jobs = Int(0, min=0, help="Submissions graded at once; 0 means one per processor.").tag(config=True)

    show_counterexamples = Bool(
        False, help="After the due date, show students an input with which their function fails a hidden check."
    ).tag(config=True)

    due_dates = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="When assignments are due, by name, in place of what nbgrader's database says: 2026-10-01 23:59 UTC. "
        "A time without a zone is in c.NbGraderAPI.timezone.",
    ).tag(config=True)
    packages = List(
        Unicode(),
        help="What else student code may import, in pip's form: looked for here, installed elsewhere.",
    ).tag(config=True)
    wheel_url = Unicode(
        "", help="Address of this package's wheel, from which a released notebook installs it where it is missing."
    ).tag(config=True)

    def limits(self) -> Limits:
        """The limits for a sandbox."""
        return Limits(**{field.name: getattr(self, field.name) for field in fields(Limits)})
