"""The answer key of knn against SciPy and scikit-learn, and the numbers that its text states."""

import contextlib
import io
import re
import tracemalloc
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from one_cell import run_checks
from scipy.spatial.distance import cdist
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from autograder.checking.cell import CheckCell, is_check_cell
from autograder.checking.check_runner import Seeds
from autograder.checking.import_analysis import named_modules
from autograder.checking.outcomes import Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport

Array = NDArray[Any]
Key = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "assignments" / "knn"
SCIPY_NAMES = {"l1": "cityblock", "l2": "euclidean", "linf": "chebyshev"}
ANSWERS = ["l2_distances_loops", "distances", "l2_distances", "predict_labels", "error_rate"]


def code_cells(name: str = "knn") -> list[Any]:
    return [cell for cell in jupytext.read(FOLDER / f"{name}.md").cells if cell.cell_type == "code"]


def about(cell: Any) -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


@cache
def run_answers_once() -> Key:
    return run_answers()


def run_answers(replaced: dict[str, str] | None = None) -> Key:
    """What the setup cell and the answer cells define, some answers replaced by other source."""
    matplotlib.use("Agg")
    key: Key = {"__name__": "notebook"}
    for cell in code_cells():
        name = about(cell).get("grade_id")
        if name == "setup" or (about(cell).get("solution") and not about(cell)["grade"]):
            source = (replaced or {}).get(name, cell.source)
            lines = [line for line in source.split("\n") if not line.startswith("%")]
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile("\n".join(lines), f"<cell {name}>", "exec"), key)
    return key


@pytest.fixture(scope="module")
def key() -> Key:
    return run_answers_once()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


SIZES = [(3, 5, 4), (1, 1, 1), (7, 2, 1), (2, 9, 30), (6, 6, 6)]


# --- distances: SciPy's cdist ---


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["l2_distances_loops", "l2_distances"])
def test_euclidean_distances_are_scipys(key: Key, rng: np.random.Generator, name: str, size: tuple[int, ...]) -> None:
    """Both ways of computing Euclidean distances agree with cdist, rows for X and columns for X_train."""
    m, n, d = size
    X_train, X = rng.normal(size=(n, d)), rng.normal(size=(m, d)) * rng.choice([0.01, 1, 100], size=(m, 1))
    np.testing.assert_allclose(key[name](X_train, X), cdist(X, X_train), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("norm", SCIPY_NAMES)
def test_all_norms_are_scipys(key: Key, rng: np.random.Generator, norm: str, size: tuple[int, ...]) -> None:
    """Each norm agrees with the metric that SciPy calls by its other name."""
    m, n, d = size
    X_train, X = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    np.testing.assert_allclose(key["distances"](X_train, X, norm), cdist(X, X_train, SCIPY_NAMES[norm]), atol=1e-12)


@pytest.mark.parametrize("norm", ["l3", "", "L2", "euclidean"])
def test_unknown_norms_raise(key: Key, norm: str) -> None:
    """A norm that is none of the three is a ValueError."""
    with pytest.raises(ValueError, match="norm"):
        key["distances"](np.eye(2), np.eye(2), norm)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-6, 1.0, 1e3, 1e6]),
    st.sampled_from([0.0, 1e-16, 1e-9, 1e-3]),
)
def test_near_equal_rows_are_never_nan(seed: int, scale: float, step: float) -> None:
    """Rows that nearly agree are at a small distance, whatever their size."""
    rng = np.random.default_rng(seed)
    X_train = scale * rng.normal(size=(20, 15))
    X = X_train[rng.permutation(20)] * (1 + step * rng.normal(size=(20, 15)))
    dists = run_answers_once()["l2_distances"](X_train, X)
    np.testing.assert_allclose(dists, cdist(X, X_train), rtol=1e-6, atol=1e-6 * scale * 15)


def test_no_array_of_all_differences(key: Key, rng: np.random.Generator) -> None:
    """The fast distances take a few (m, n) arrays and never m · n · d numbers."""
    m, n, d = 120, 150, 400
    X_train, X = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    tracemalloc.start()
    key["l2_distances"](X_train, X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < m * n * d


# --- votes and errors: scikit-learn ---


@pytest.mark.parametrize("k", [1, 2, 3, 4, 6, 11, 40])
def test_votes_are_scikit_learns(key: Key, rng: np.random.Generator, k: int) -> None:
    """scikit-learn's vote has the same rule for ties: the smallest label."""
    X_train, X = rng.normal(size=(40, 3)), rng.normal(size=(200, 3))
    y_train = rng.choice([0, 3, 4, 12, 57], size=40)
    expected = KNeighborsClassifier(k, algorithm="brute").fit(X_train, y_train).predict(X)
    np.testing.assert_array_equal(key["predict_labels"](cdist(X, X_train), y_train, k), expected)


@pytest.mark.parametrize(("norm", "metric"), [("l1", "manhattan"), ("l2", "euclidean"), ("linf", "chebyshev")])
def test_digits_are_read_as_by_scikit_learn(key: Key, rng: np.random.Generator, norm: str, metric: str) -> None:
    """On the test digits (with a little noise, so that no two distances are equal) every label agrees."""
    X_train, X_test = (X + 1e-6 * rng.normal(size=X.shape) for X in (key["X_train"], key["X_test"]))
    dists = key["distances"](X_train, X_test, norm)
    for k in (1, 5):
        expected = (
            KNeighborsClassifier(k, metric=metric, algorithm="brute").fit(X_train, key["y_train"]).predict(X_test)
        )
        np.testing.assert_array_equal(key["predict_labels"](dists, key["y_train"], k), expected)


def test_error_rate_is_one_minus_accuracy(key: Key, rng: np.random.Generator) -> None:
    """The error rate and scikit-learn's accuracy add up to one."""
    for m in (1, 2, 50):
        y, y_pred = rng.integers(4, size=m), rng.integers(4, size=m)
        assert key["error_rate"](y_pred, y) == pytest.approx(1 - accuracy_score(y, y_pred))


@pytest.mark.parametrize(("m", "num_folds"), [(40, 4), (43, 5), (29, 2), (14, 14)])
def test_cross_validation_is_scikit_learns(key: Key, rng: np.random.Generator, m: int, num_folds: int) -> None:
    """KFold without shuffling makes the same folds, also of unequal size, and the same errors."""
    y = rng.integers(3, size=m)
    X = rng.normal(size=(m, 4)) + 0.8 * y[:, None]
    k_values = [4, 1, 7]
    expected = [1 - cross_val_score(KNeighborsClassifier(k), X, y, cv=KFold(num_folds)) for k in k_values]
    np.testing.assert_allclose(key["cross_validation_errors"](X, y, k_values, num_folds), expected, atol=1e-12)


# --- what the text says ---


def test_a_shift_by_one_pixel_is_farther_than_another_class(key: Key) -> None:
    """Section 6: true for every test image; errors of 1.7, 34 and 84 per cent after 0, 1 and 2 pixels."""
    X_train, y_train, X_test, y_test = (key[name] for name in ("X_train", "y_train", "X_test", "y_test"))
    pictures = X_test.reshape(-1, 8, 8)
    errors = []
    for step in range(3):
        moved = np.concatenate([pictures[:, :, 8 - step :], pictures[:, :, : 8 - step]], axis=2).reshape(-1, 64)
        np.testing.assert_array_equal(key["shifted_right"](X_test, step), moved)
        errors.append(np.mean(KNeighborsClassifier(1).fit(X_train, y_train).predict(moved) != y_test))
    np.testing.assert_allclose(errors, [0.017, 0.344, 0.844], atol=6e-4)
    to_shifted = np.linalg.norm(key["shifted_right"](X_test, 1) - X_test, axis=1)
    dists = np.where(y_test[:, None] != y_train, cdist(X_test, X_train), np.inf)
    assert np.all(to_shifted > dists.min(axis=1))


def test_shifting_keeps_the_colours_apart(key: Key) -> None:
    """For CIFAR-10's rows each colour plane is shifted by itself."""
    X = np.arange(2 * 3072.0).reshape(2, 3072)
    np.testing.assert_array_equal(
        key["shifted_right"](X, 1), np.roll(X.reshape(2, 3, 32, 32), 1, axis=3).reshape(2, 3072)
    )


def test_numbers_of_the_model_answers(key: Key) -> None:
    """Section 5: mean errors for k = 1, 2 and 3, and seven errors on the test set with k = 3."""
    errors = key["cross_validation_errors"](key["X_train"], key["y_train"], [1, 2, 3], 5)
    np.testing.assert_allclose(errors.mean(axis=1), [0.0125, 0.0174, 0.0139], atol=2e-4)
    y_pred = key["predict_labels"](cdist(key["X_test"], key["X_train"]), key["y_train"], 3)
    assert np.sum(y_pred != key["y_test"]) == 7


def test_contrast_of_random_points(rng: np.random.Generator) -> None:
    """Section 7: distances of uniform points are about the root of d/6 and scatter by 0.24, whatever d is."""
    for d in (50, 1000):
        dists = cdist(rng.uniform(size=(20, d)), rng.uniform(size=(500, d)))
        assert dists.mean() == pytest.approx(np.sqrt(d / 6), rel=0.02)
        assert dists.std(axis=1).mean() == pytest.approx(0.24, abs=0.02)


# --- the checks ---


def check_cells() -> dict[str, CheckCell]:
    """The check cells by their grade_id."""
    return {about(cell)["grade_id"]: CheckCell(cell.source) for cell in code_cells() if is_check_cell(cell.source)}


def lost(student: Key, reference: Key, only: str = "") -> list[Verdict]:
    """The verdicts of the checks that do not hold, of all check cells or of one."""
    found: list[Verdict] = []
    for name, cell in check_cells().items():
        if name.startswith(only):
            notebooks = NotebookProxy(InProcessTransport(student)), NotebookProxy(InProcessTransport(reference))
            found += run_checks(cell, *notebooks, Seeds(b"seed", "knn", "student", name))
    assert found
    return [verdict for verdict in found if not verdict.passed]


def test_the_answer_key_passes_every_check(key: Key) -> None:
    """Every check holds for the answer key."""
    assert [verdict.name for verdict in lost(run_answers(), key)] == []


def test_wrong_earlier_answers_cost_nothing_later(key: Key) -> None:
    """With every earlier answer wrong, cross-validation keeps all its points."""
    stubs = {name: f"def {name}(*args, **kwargs):\n    return np.zeros((2, 2))" for name in ANSWERS}
    assert lost(run_answers(stubs), key, "cross_validation_errors") == []


def test_a_wrong_first_exercise_costs_nothing_in_the_second(key: Key) -> None:
    """Euclidean distances by a call of a wrong l2_distances_loops keep all points of `distances`."""
    wrong = "def l2_distances_loops(X_train, X):\n    X *= 0\n    return np.zeros((2, 2))"
    calls = (
        "def distances(X_train, X, norm):\n"
        "    if norm == 'l2':\n"
        "        return l2_distances_loops(X_train, X)\n"
        "    if norm not in ('l1', 'linf'):\n"
        "        raise ValueError(norm)\n"
        "    apart = np.abs(X[:, None] - X_train)\n"
        "    return apart.sum(axis=2) if norm == 'l1' else apart.max(axis=2)"
    )
    assert lost(run_answers({"l2_distances_loops": wrong, "distances": calls}), key, "distances_checks") == []


def test_points_add_up() -> None:
    """100 points, 80 of them by checks; every check has a sentence of its own and a unique name."""
    graded = [about(cell) for cell in jupytext.read(FOLDER / "knn.md").cells if about(cell).get("grade")]
    assert sum(cell["points"] for cell in graded) == 100
    assert sum(cell["points"] for cell in graded if not cell["solution"]) == 80
    tests = [test for cell in check_cells().values() for test in cell.tests()]
    assert len({test.name for test in tests}) == len(tests)
    assert all(re.search(r"[a-z].*\.$", test.description) for test in tests)


def test_mistakes_name_checks_that_exist() -> None:
    """At least 14 mistakes and 6 alternatives; what a mistake loses is the name of a check."""
    tests = {test.name for cell in check_cells().values() for test in cell.tests()}
    mistakes, alternatives = code_cells("mistakes"), code_cells("alternatives")
    assert len(mistakes) >= 14
    assert len(alternatives) >= 6
    for cell in mistakes:
        assert set(cell.metadata["loses"]) <= tests
        assert cell.metadata["says"]
    assert {cell.metadata["replaces"] for cell in mistakes} == {*ANSWERS, "cross_validation_errors"}


def test_forbidden_modules_are_named() -> None:
    """The handout names the same modules as the locked cell that the checks read."""
    cells = jupytext.read(FOLDER / "knn.md").cells
    setup = next(cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup")
    forbidden = named_modules(setup.source)
    assert setup.metadata["nbgrader"]["locked"]
    assert forbidden == ["sklearn.neighbors", "sklearn.metrics", "scipy.spatial"]
    handout = next(cell.source for cell in cells if "Write it yourself" in cell.source)
    assert all(f"`{module}`" in handout for module in forbidden)
