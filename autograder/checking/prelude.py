"""The names that every check cell has, imported for it in the place of its `%%check` line."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.checking import comparisons
from autograder.checking.choice import assert_choice
from autograder.checking.comparisons import *  # noqa: F403 - a new comparison needs no second line here
from autograder.checking.figure_comparison import assert_figure
from autograder.checking.marks import given, points, void
from autograder.checking.observing import cell_figures, figures, measure, printed, written
from autograder.checking.proxies import evaluate
from autograder.kernel_side.tensors import tensor

__all__ = [
    "assert_choice",
    "assert_figure",
    "cell_figures",
    "evaluate",
    "figures",
    "given",
    "measure",
    "np",
    "points",
    "printed",
    "pytest",
    "tensor",
    "void",
    "written",
]
__all__ += comparisons.__all__
