"""The names that every check cell has, imported for it in the place of its `%%check` line."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.checking.comparisons import (
    assert_close,
    assert_no_warnings,
    assert_same,
    assert_that,
    assert_unchanged,
)
from autograder.checking.marks import given, points, void
from autograder.checking.observing import assert_figure, figures, printed, written
from autograder.checking.proxies import evaluate, measure
from autograder.kernel_side.tensors import tensor

__all__ = [
    "assert_close",
    "assert_figure",
    "assert_no_warnings",
    "assert_same",
    "assert_that",
    "assert_unchanged",
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
