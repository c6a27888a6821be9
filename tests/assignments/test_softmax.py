"""The answer key of the softmax assignment agrees with scikit-learn, SciPy, plain loops and finite differences."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from assignment_text import AssignmentText
from scipy import optimize, special, stats
from sklearn import datasets, linear_model, metrics

SOFTMAX = AssignmentText("softmax")


@pytest.fixture(scope="module")
def key() -> SimpleNamespace:
    return SimpleNamespace(**{k: v for k, v in SOFTMAX.answers().items() if not k.startswith("__")})


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240117)


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any]:
    X, y = datasets.load_digits(return_X_y=True)
    return X[:200] / 16, y[:200]


def test_likelihood_of_a_count_is_binomial(key: SimpleNamespace) -> None:
    """Summed over all sequences with three heads of five, the likelihood is the binomial probability."""
    total = sum(key.likelihood(0.3, "".join(s)) for s in product("HT", repeat=5) if s.count("H") == 3)
    assert total == pytest.approx(stats.binom.pmf(3, 5, 0.3))


@pytest.mark.parametrize(("theta", "told"), [(1, 0), (0.75, 0.00124), (0.5, 0.0039)])
def test_likelihood_lecture(key: SimpleNamespace, theta: float, told: float) -> None:
    """The lecture's three models."""
    assert key.likelihood(theta, "HTHHTTHT") == pytest.approx(told, abs=1e-5)


def test_scores_by_loops(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """Every score is the dot product of one row of W and one of X, plus one bias."""
    W, b, X = rng.normal(size=(3, 4)), rng.normal(size=3), rng.normal(size=(5, 4))
    by_loops = [[sum(w * x for w, x in zip(W[k], X[i], strict=True)) + b[k] for k in range(3)] for i in range(5)]
    np.testing.assert_allclose(key.scores(W, b, X), by_loops)


@pytest.mark.parametrize("scale", [1, 1e3, 1e6])
def test_softmax_agrees_with_scipy(key: SimpleNamespace, rng: np.random.Generator, scale: float) -> None:
    """SciPy's softmax, at every scale that the handout promises."""
    a = rng.normal(scale=scale, size=(6, 4))
    np.testing.assert_allclose(key.softmax(a), special.softmax(a, axis=1), atol=1e-300)


@pytest.mark.parametrize("scale", [1, 1e3, 1e6])
def test_softmax_loss_agrees_with_scipy(key: SimpleNamespace, rng: np.random.Generator, scale: float) -> None:
    """The mean of SciPy's negative log softmax at the labels."""
    a, y = rng.normal(scale=scale, size=(6, 4)), rng.integers(4, size=6)
    assert key.softmax_loss(a, y) == pytest.approx(-special.log_softmax(a, axis=1)[np.arange(6), y].mean())


def test_softmax_loss_agrees_with_scikit_learn(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """scikit-learn's log loss of the probabilities."""
    a, y = rng.normal(size=(9, 3)), rng.integers(3, size=9)
    assert key.softmax_loss(a, y) == pytest.approx(metrics.log_loss(y, key.softmax(a), labels=[0, 1, 2]))


@pytest.mark.parametrize(
    ("column", "label", "loss"), [((2.1, 3.4, -2.0), 0, 1.54), ((0.2, 5.1, 1.7), 1, 0.04), ((2.3, 3.1, -1.2), 2, 4.68)]
)
def test_softmax_loss_lecture(key: SimpleNamespace, column: tuple[float, ...], label: int, loss: float) -> None:
    """The cat, the car and the bird."""
    assert key.softmax_loss(np.array([column]), np.array([label])) == pytest.approx(loss, abs=0.005)


def test_softmax_jacobian_by_differences(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """Central differences of SciPy's softmax."""
    a, h = rng.normal(size=5), 1e-6
    slopes = [(special.softmax(a + h * e) - special.softmax(a - h * e)) / (2 * h) for e in np.eye(5)]
    np.testing.assert_allclose(key.softmax_jacobian(a), np.transpose(slopes), atol=1e-9)


def test_softmax_loss_and_grad_by_differences(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """The gradient is the slope of SciPy's negative log softmax in every weight and bias."""
    X, y = rng.normal(size=(6, 4)), rng.integers(3, size=6)

    def loss(flat: Any) -> float:
        a = X @ flat[:12].reshape(3, 4).T + flat[12:]
        return -float(special.log_softmax(a, axis=1)[np.arange(6), y].mean())

    def gradient(flat: Any) -> Any:
        _, dW, db = key.softmax_loss_and_grad(flat[:12].reshape(3, 4), flat[12:], X, y)
        return np.r_[dW.ravel(), db]

    assert optimize.check_grad(loss, gradient, rng.normal(size=15)) < 1e-6


def test_softmax_gradient_vanishes_where_scikit_learn_ends(key: SimpleNamespace, digits: tuple[Any, Any]) -> None:
    """At the optimum of scikit-learn's softmax regression our gradient balances the pull of its regularisation."""
    X, y = digits
    model = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(X, y)
    _, dW, db = key.softmax_loss_and_grad(model.coef_, model.intercept_, X, y)
    np.testing.assert_allclose(dW + model.coef_ / len(X), 0, atol=1e-6)
    np.testing.assert_allclose(db, 0, atol=1e-6)


def test_predict_agrees_with_scikit_learn(key: SimpleNamespace, digits: tuple[Any, Any]) -> None:
    """The labels that scikit-learn's model predicts from the same weights."""
    X, y = digits
    model = linear_model.LogisticRegression(max_iter=1000).fit(X[:100], y[:100])
    np.testing.assert_array_equal(key.predict(model.coef_, model.intercept_, X), model.predict(X))


def test_train_softmax_reaches_scipys_minimum(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """On four examples that cannot be separated, many steps come close to the minimum that SciPy finds."""
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])

    def loss(flat: Any) -> float:
        return float(key.softmax_loss_and_grad(flat[:2, None], flat[2:], X, y)[0])

    best = optimize.minimize(loss, np.zeros(4)).fun
    W, b, losses = key.train_softmax(
        key.softmax_loss_and_grad, np.zeros((2, 1)), np.zeros(2), X, y, 0.05, 3000, 16, rng
    )
    assert losses.shape == (3000,)
    assert losses[0] == pytest.approx(np.log(2))
    assert best <= loss(np.r_[W.ravel(), b]) < best + 0.01


def test_train_softmax_learns_the_digits(
    key: SimpleNamespace, digits: tuple[Any, Any], rng: np.random.Generator
) -> None:
    """From zeros, 300 steps read most of the digits that were not trained on."""
    X, y = digits
    W, b, _ = key.train_softmax(
        key.softmax_loss_and_grad, np.zeros((10, 64)), np.zeros(10), X[:150], y[:150], 0.5, 300, 32, rng
    )
    assert np.mean(key.predict(W, b, X[150:]) == y[150:]) > 0.8


def test_other_losses_agree_with_scikit_learn(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """scikit-learn's 0-1 loss and hinge loss, and the square loss by loops."""
    p, y = special.softmax(rng.normal(size=(9, 4)), axis=1), rng.integers(4, size=9)
    score, t = rng.normal(scale=2, size=9), rng.choice([-1, 1], size=9)
    square = sum((float(y[i] == k) - p[i, k]) ** 2 for i in range(9) for k in range(4)) / 9
    assert key.zero_one_loss(p, y) == pytest.approx(metrics.zero_one_loss(y, p.argmax(axis=1)))
    assert key.hinge_loss(score, t) == pytest.approx(metrics.hinge_loss(t, score))
    assert key.square_loss(p, y) == pytest.approx(square)


def test_smooth_labels_by_loops(key: SimpleNamespace) -> None:
    """eps for the wrong classes, the rest for the right one; rows sum to one."""
    d = key.smooth_labels(np.array([2, 0]), 4, 0.05)
    np.testing.assert_allclose(d, [[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]])
    np.testing.assert_allclose(d.sum(axis=1), 1)


def test_kl_divergence_agrees_with_scipy(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """The mean of SciPy's relative entropies, with and without zeros in the target."""
    d, p = special.softmax(rng.normal(size=(2, 5, 3)), axis=2)
    d[0], d[1] = [0, 1, 0], [0.5, 0, 0.5]
    assert key.kl_divergence(d, p) == pytest.approx(stats.entropy(d, p, axis=1).mean())


REUSES = """
def softmax_loss_and_grad(W, b, X, y):
    a = scores(W, b, X)
    error = softmax(a) - np.eye(len(b))[y]
    return softmax_loss(a, y), error.T @ X / len(y), error.mean(axis=0)
"""
JACOBIAN = """
def softmax_jacobian(a):
    p = softmax(a[None, :])[0]
    return np.diag(p) - np.outer(p, p)
"""
PREDICT = """
def predict(W, b, X):
    return np.argmax(softmax(scores(W, b, X)), axis=1)
"""
WRONG_SOFTMAX = "def softmax(a):\n    return a / a.sum()"
WRONG_SCORES = "def scores(W, b, X):\n    raise NotImplementedError"
WRONG_LOSS = "def softmax_loss(a, y):\n    return 0.0"


MATRICES = """
def softmax_loss_and_grad(W, b, X, y):
    W, X = np.asmatrix(W), np.asmatrix(X)
    a = np.asarray(X * W.T + b)
    shifted = a - a.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    error = np.asmatrix(np.exp(log_p))
    error[np.arange(len(y)), y] -= 1
    return -np.mean(log_p[np.arange(len(y)), y]), error.T * X / len(y), error.mean(axis=0)
"""


def test_matrices_cost_one_check() -> None:
    """db is (1, c) as a matrix, which is one mistake; dW is right."""
    namespace = SOFTMAX.answers(softmax_loss_and_grad=MATRICES)
    verdicts = SOFTMAX.verdicts("softmax_loss_and_grad_checks", namespace)
    lost = [verdict for verdict in verdicts if not verdict.passed and verdict.weight]
    assert [verdict.name for verdict in lost] == ["test_softmax_loss_and_grad_shape_of_b"]


def test_wrong_earlier_answers_never_cost_later_points() -> None:
    """Answers that call wrong earlier ones still get all points of their own."""
    wrong = {"softmax": WRONG_SOFTMAX, "scores": WRONG_SCORES, "softmax_loss": WRONG_LOSS}
    later = {"softmax_loss_and_grad": REUSES, "softmax_jacobian": JACOBIAN, "predict": PREDICT}
    assert SOFTMAX.loses_points(SOFTMAX.answers(**wrong, **later)) == set(wrong)
