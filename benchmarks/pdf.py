"""What a PDF of the solved softmax notebook costs, with `autograder pdf` and with `jupyter nbconvert --to pdf`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from material import ROOT
from measure import run

__all__ = ["pdf_costs"]

NUMBER = 3


def pdf_costs(work: Path) -> Iterator[dict[str, Any]]:
    """Seconds for some PDFs one after another; nbconvert's only where LaTeX is installed."""
    folder, log = work / "pdf", work / "pdf.log"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    names = [f"softmax{number}.ipynb" for number in range(NUMBER)]
    for name in names:
        shutil.copy(ROOT / "source/softmax/softmax.ipynb", folder / name)
    python = [sys.executable, "-m"]
    commands = {"autograder pdf": [*python, "autograder.cli", "pdf", *names, "-o", "out/"]}
    if shutil.which("xelatex"):
        commands["nbconvert --to pdf"] = [*python, "nbconvert", "--to", "pdf", *names]
    for grader, command in commands.items():
        cost = run([command], folder, {"PYTHONPATH": str(ROOT)}, log)
        yield {"experiment": "pdf", "grader": grader, "class": "softmax", "submissions": NUMBER} | asdict(cost)
