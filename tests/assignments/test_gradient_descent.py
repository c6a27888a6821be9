"""The answer key of gradient_descent against oracles with other formulas, and against the numbers of the lectures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import numpy as np
import pytest
from one_cell import run_checks
from scipy import linalg, optimize, stats
from sklearn.linear_model import Ridge, SGDRegressor

from autograder.checking.cell import CheckCell, is_check_cell
from autograder.checking.check_runner import Seeds
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport

TEXT = Path(__file__).parents[2] / "assignments" / "gradient_descent" / "gradient_descent.md"
CELLS = [cell for cell in jupytext.read(TEXT).cells if "nbgrader" in cell.metadata]
CODE = [cell for cell in CELLS if cell.cell_type == "code"]
ANSWERS = {cell.metadata.nbgrader.grade_id: cell.source for cell in CODE if cell.metadata.nbgrader.solution}
CHECKS = {cell.metadata.nbgrader.grade_id: cell.source for cell in CODE if is_check_cell(cell.source)}
LECTURE_HESSIAN = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 2.0]])


def namespace(names: list[str]) -> dict[str, Any]:
    """What the answer cells `names`, and nothing else, define."""
    result: dict[str, Any] = {"np": np}
    for name in names:
        exec(ANSWERS[name], result)
    return result


def functions_and_polls() -> list[str]:
    """The grade ids of the answers that checks look at."""
    return [name.removesuffix("_checks") for name in CHECKS]


@pytest.fixture(scope="module")
def key() -> SimpleNamespace:
    return SimpleNamespace(**namespace(functions_and_polls()))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240131)


def lecture(x: np.ndarray[Any, Any]) -> float:
    """x₁² + x₁(1 − x₂) + x₂² − x₂x₃ + x₃² + x₃, as a quadratic form: not the way the notebook writes it."""
    return float(x @ LECTURE_HESSIAN @ x / 2 + x[0] + x[2])


def ridge_problem(rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], float]:
    return rng.normal(size=(30, 4)), rng.normal(size=30), 0.3


class InOrder:
    """A generator whose permutations leave everything in its place."""

    def permutation(self, n: int) -> np.ndarray[Any, Any]:
        return np.arange(n)


def test_numerical_gradient_of_rosenbrock(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """SciPy has the derivative of Rosenbrock's function in closed form."""
    x = rng.normal(size=6)
    np.testing.assert_allclose(key.numerical_gradient(optimize.rosen, x), optimize.rosen_der(x), rtol=1e-6, atol=1e-6)


def test_numerical_gradient_of_a_determinant(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """For a matrix argument: Jacobi's formula says that the gradient of det is the matrix of cofactors."""
    A = rng.normal(size=(3, 3))
    cofactors = np.linalg.det(A) * np.linalg.inv(A).T
    np.testing.assert_allclose(key.numerical_gradient(np.linalg.det, A), cofactors, rtol=1e-7, atol=1e-8)


def test_numerical_hessian_of_rosenbrock(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """SciPy has the Hessian of Rosenbrock's function in closed form."""
    x = rng.normal(size=5)
    np.testing.assert_allclose(key.numerical_hessian(optimize.rosen, x), optimize.rosen_hess(x), rtol=1e-4, atol=1e-3)


def test_the_lecture_example(key: SimpleNamespace) -> None:
    """The minimum at (−1, −1, −1) and the Hessian's eigenvalues 3.414, 0.586 and 2."""
    minimum = np.array([-1.0, -1.0, -1.0])
    np.testing.assert_allclose(key.numerical_gradient(lecture, minimum), 0, atol=1e-8)
    H = key.numerical_hessian(lecture, minimum)
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(H)), [0.586, 2, 3.414], atol=1e-3)
    assert key.critical_point(H) == "minimum"
    np.testing.assert_allclose(optimize.minimize(lecture, np.zeros(3)).x, minimum, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_critical_point_has_the_inertia_of_ldl(key: SimpleNamespace, rng: np.random.Generator, scale: float) -> None:
    """Sylvester's law of inertia: L D Lᵀ has as many positive and negative entries in D as there are eigenvalues."""
    seen = set()
    for _ in range(60):
        A = rng.normal(size=(3, 3))
        H = scale * (A + A.T + rng.choice([-4, 0, 4]) * np.eye(3))
        _, D, _ = linalg.ldl(H)
        signs = np.sign(np.linalg.eigvalsh(D))
        kind = "minimum" if np.all(signs > 0) else "maximum" if np.all(signs < 0) else "saddle"
        assert key.critical_point(H) == kind
        seen.add(kind)
    assert seen == {"minimum", "maximum", "saddle"}


def test_critical_point_decides_as_the_neighbourhood_does(key: SimpleNamespace) -> None:
    """Where the quadratic part is flat along an axis, a fourth power may go either way: nothing is decided."""
    H = key.numerical_hessian(lambda x: x[0] ** 2 + x[1] ** 4, np.zeros(2))
    assert key.critical_point(H) == "undecided"


def test_gradient_descent_in_closed_form(key: SimpleNamespace) -> None:
    """On a quadratic x_k − x* = (I − ηH)ᵏ (x_0 − x*)."""
    start, goal, rate = np.array([1.0, -2.0, 0.5]), np.array([-1.0, -1.0, -1.0]), 0.25
    path, costs, grads, hit_max = key.gradient_descent(
        lambda x: (lecture(x), LECTURE_HESSIAN @ (x - goal)), start, rate, 0.0, 40
    )
    for k in (0, 1, 7, 40):
        power = np.linalg.matrix_power(np.eye(3) - rate * LECTURE_HESSIAN, k)
        np.testing.assert_allclose(path[k], goal + power @ (start - goal), rtol=1e-9)
    assert (path.shape, costs.shape, grads.shape, hit_max) == ((41, 3), (40,), (40, 3), True)
    assert costs[0] == lecture(start)


@pytest.mark.parametrize(("rate", "arrives"), [(0.57, True), (0.60, False)])
def test_speed_limit(key: SimpleNamespace, rate: float, arrives: bool) -> None:
    """The lecture's function is descended below 2 / 3.414 = 0.586 only."""
    func = lambda x: (lecture(x), LECTURE_HESSIAN @ (x + 1))  # noqa: E731
    path, _, _, hit_max = key.gradient_descent(func, np.array([1.0, -2.0, 0.5]), rate, 1e-8, 2000)
    assert bool(np.linalg.norm(path[-1] + 1) < 1e-6) == arrives == (not hit_max)


def test_gradient_descent_finds_what_scipy_finds(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """SciPy's BFGS and gradient descent end in the same minimum of the ridge loss."""
    X, y, lam = ridge_problem(rng)
    func: Callable[..., Any] = lambda theta: key.ridge_loss_and_grad(theta, X, y, lam)  # noqa: E731
    path, _, _, hit_max = key.gradient_descent(func, np.zeros(4), 0.1, 1e-9, 5000)
    np.testing.assert_allclose(path[-1], optimize.minimize(func, np.zeros(4), jac=True, tol=1e-9).x, atol=1e-6)
    assert not hit_max


def test_sign_descent_of_the_lecture(key: SimpleNamespace) -> None:
    """A step that fits arrives, one that does not swings for ever."""
    slope = lambda x: 2 * (x - 3)  # noqa: E731
    np.testing.assert_allclose(key.sign_descent(slope, 0, 0.5, 99), np.arange(7) / 2)
    np.testing.assert_allclose(key.sign_descent(slope, 4, 0.75, 5), [4, 3.25, 2.5, 3.25, 2.5, 3.25])
    np.testing.assert_allclose(key.sign_descent(slope, 3, 0.75, 5), [3])


def test_ridge_gradient_by_scipy(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """SciPy's finite differences agree with the gradient, and scikit-learn's minimum has gradient zero."""
    X, y, lam = ridge_problem(rng)
    loss = lambda theta: key.ridge_loss_and_grad(theta, X, y, lam)[0]  # noqa: E731
    gradient = lambda theta: key.ridge_loss_and_grad(theta, X, y, lam)[1]  # noqa: E731
    assert optimize.check_grad(loss, gradient, rng.normal(size=4)) < 1e-6
    best = Ridge(alpha=lam * len(y), fit_intercept=False).fit(X, y).coef_
    np.testing.assert_allclose(gradient(best), 0, atol=1e-10)


def test_ridge_loss_by_hand(key: SimpleNamespace) -> None:
    """Errors 2 and 1, ‖θ‖² = 2, λ = ½: 1 + (4 + 1) / 2."""
    X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.0])
    loss, gradient = key.ridge_loss_and_grad(np.array([1.0, -1.0]), X, y, 0.5)
    assert loss == 3.5
    np.testing.assert_array_equal(gradient, [-4, -9])


@pytest.mark.parametrize(("n", "size"), [(1, 1), (10, 4), (12, 4), (3, 8)])
def test_minibatches_partition(key: SimpleNamespace, rng: np.random.Generator, n: int, size: int) -> None:
    batches = key.minibatches(n, size, rng)
    assert sorted(int(i) for batch in batches for i in batch) == list(range(n))
    assert [len(batch) for batch in batches] == [size] * (n // size) + [n % size] * (n % size > 0)


def test_minibatches_are_uniform(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """Every example is in the first batch equally often."""
    first = np.concatenate([key.minibatches(10, 3, rng)[0] for _ in range(2000)])
    assert stats.chisquare(np.bincount(first, minlength=10)).pvalue > 1e-4


def test_sgd_is_scikit_learns(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """One example at a time, unshuffled: scikit-learn's SGDRegressor makes the same steps."""
    X, y = rng.normal(size=(25, 3)), rng.normal(size=25)
    half_squares = lambda theta, X, y: (np.mean((X @ theta - y) ** 2) / 2, (X @ theta - y) @ X / len(y))  # noqa: E731
    theta, losses = key.sgd(half_squares, np.zeros(3), X, y, 0.05, 4, 1, InOrder())
    other = SGDRegressor(
        penalty=None, learning_rate="constant", eta0=0.05, shuffle=False, max_iter=4, tol=None, fit_intercept=False
    ).fit(X, y)
    np.testing.assert_allclose(theta, other.coef_, rtol=1e-9)
    assert losses.shape == (4,)
    np.testing.assert_allclose(losses[-1], np.mean((y - other.predict(X)) ** 2) / 2)


def test_sgd_on_all_the_data_is_gradient_descent(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """With a batch as large as the data the epochs are the steps of gradient descent."""
    X, y, lam = ridge_problem(rng)
    theta, losses = key.sgd(lambda t, X, y: key.ridge_loss_and_grad(t, X, y, lam), np.zeros(4), X, y, 0.1, 6, 30, rng)
    path, costs, _, _ = key.gradient_descent(lambda t: key.ridge_loss_and_grad(t, X, y, lam), np.zeros(4), 0.1, 0, 7)
    np.testing.assert_allclose(theta, path[6])
    np.testing.assert_allclose(losses, costs[1:])


def test_schedules_in_numbers(key: SimpleNamespace) -> None:
    """A tenth every thirty steps; after a third of a period the cosine is ½, after two thirds −½."""
    rates = [key.step_decay(t, 0.1, 0.1, 30) for t in (0, 29, 30, 89, 90)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.001, 0.0001])
    rates = [key.cosine_schedule(t, 0.9, 0.1, 6) for t in (0, 2, 3, 4, 6, 8, 600)]
    np.testing.assert_allclose(rates, [0.9, 0.7, 0.5, 0.3, 0.9, 0.7, 0.9])


def test_polls_say_what_the_lecture_says(key: SimpleNamespace) -> None:
    """The letters of the options that the slides print in bold, and what follows from them."""
    assert key.poll_1 == {"a", "b", "f"}
    assert key.poll_2 == {"c", "e"}
    assert key.poll_3 == {"a", "b", "e"}
    assert key.poll_4 == {"c", "e"}
    assert key.poll_5 == {"b", "c"}


def test_points() -> None:
    """100 points, 80 of them by checks; every check cell follows its answer."""
    points = {cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.get("points", 0) for cell in CELLS}
    assert sum(points.values()) == 100
    assert sum(points[name] for name in CHECKS) == 80
    order = list(points)
    assert all(order[order.index(name) - 1] == name.removesuffix("_checks") for name in CHECKS)


@pytest.mark.parametrize("name", functions_and_polls())
def test_an_answer_needs_no_other(name: str) -> None:
    """With this answer alone, and all the others missing, its checks hold: an earlier mistake costs nothing later."""
    alone, whole = InProcessTransport(namespace([name])), InProcessTransport(namespace(functions_and_polls()))
    seeds = Seeds(b"alone", "gradient_descent", "anybody", name)
    verdicts = run_checks(
        CheckCell(CHECKS[f"{name}_checks"]), NotebookProxy(alone), NotebookProxy(whole, trusted=True), seeds
    )
    assert [verdict.message for verdict in verdicts if not verdict.passed] == []
