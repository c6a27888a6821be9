"""The answer key of two_layer_net agrees with SciPy, plain loops, finite differences and a scalar autograd engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from assignment_text import AssignmentText
from scipy import optimize, special, stats

from autograder.datasets import load_digits

TWO_LAYER_NET = AssignmentText("two_layer_net")
SHAPES = {"W1": (5, 4), "b1": (5,), "W2": (3, 5), "b2": (3,)}


@pytest.fixture(scope="module")
def key() -> SimpleNamespace:
    return SimpleNamespace(**{k: v for k, v in TWO_LAYER_NET.answers().items() if not k.startswith("__")})


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240117)


def problem(rng: np.random.Generator, m: int = 6) -> tuple[dict[str, Any], Any, Any]:
    """A network with biases that matter, examples and labels."""
    params = {name: rng.normal(scale=0.7, size=shape) for name, shape in SHAPES.items()}
    return params, rng.normal(size=(m, 4)), rng.integers(3, size=m)


def unpacked(flat: Any) -> dict[str, Any]:
    """The parameters in one flat vector."""
    cuts = np.cumsum([math.prod(shape) for shape in SHAPES.values()])[:-1]
    return {name: part.reshape(SHAPES[name]) for name, part in zip(SHAPES, np.split(flat, cuts), strict=True)}


def packed(params: dict[str, Any]) -> Any:
    return np.concatenate([np.ravel(params[name]) for name in SHAPES])


def test_activations_agree_with_scipy(key: SimpleNamespace) -> None:
    """SciPy's and Python's own functions, from the middle to the far ends, without a warning."""
    z = np.array([-1000, -745, -30, -10, -1, -1e-9, 0, 1e-9, 1, 10, 30, 745, 1000.0])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(key.sigmoid(z), special.expit(z), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(key.softplus(z), -special.log_expit(-z), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(key.tanh(z), [math.tanh(v) for v in z])
        np.testing.assert_allclose(key.relu(z), [max(v, 0.0) for v in z])
        np.testing.assert_allclose(key.leaky_relu(z, 0.02), [max(v, 0.02 * v) for v in z])


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "softplus"])
def test_activation_slopes_by_differences(key: SimpleNamespace, name: str) -> None:
    """Central differences, away from the corner and in more than one axis."""
    z, h = np.array([[-9.0, -2.0, -0.4, -0.01], [0.01, 0.3, 2.5, 9.0]]), 1e-5
    f, slope = getattr(key, name), getattr(key, f"{name}_grad")
    np.testing.assert_allclose(slope(z), (f(z + h) - f(z - h)) / (2 * h), atol=1e-9)


def test_activation_slopes_at_the_corner(key: SimpleNamespace) -> None:
    """What the handout says of zero: the slope from the left."""
    assert key.relu_grad(np.zeros(2)).tolist() == [0, 0]
    assert key.leaky_relu_grad(np.zeros(2), 0.3).tolist() == [0.3, 0.3]


def test_sigmoid_of_the_lectures_and_unit(key: SimpleNamespace) -> None:
    """sigmoid(-30 + 20 x1 + 20 x2) is the logical AND."""
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert np.round(key.sigmoid(-30 + 20.0 * X.sum(axis=1)), 4).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(("sizes", "told"), [((3, 4, 2), 26), ((3, 4, 4, 2), 46), ((3, 3, 1), 16)])
def test_count_parameters_lecture(key: SimpleNamespace, sizes: tuple[int, ...], told: int) -> None:
    """The lectures' networks, and the same by making the arrays."""
    made = sum(np.zeros((b, a)).size + np.zeros(b).size for a, b in pairwise(sizes))
    assert key.count_parameters(sizes) == told == made


def test_count_parameters_of_a_start(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """As many as init_params makes."""
    params = key.init_params(64, 50, 10, 0.1, rng)
    assert key.count_parameters([64, 50, 10]) == sum(value.size for value in params.values()) == 3760


def test_forward_worked_example(key: SimpleNamespace) -> None:
    """The numbers of the handout, which are the lecture's network at an input of ours."""
    params = {"W1": np.array([[1, 0, 1], [-1, 2, 3]]), "b1": np.array([-1, 2])}
    params |= {"W2": np.array([[1, -1], [-1, 1]]), "b2": np.array([0, 1])}
    scores, hidden = key.forward(params, np.array([[1, 1, -0.5]]))
    assert hidden.tolist() == [[0, 1.5]]
    assert scores.tolist() == [[-1.5, 2.5]]


def test_forward_by_loops(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """Every unit is a weighted sum plus a bias."""
    params, X, _ = problem(rng)
    scores, hidden = key.forward(params, X)
    for i, x in enumerate(X):
        h = [max(0.0, sum(w * v for w, v in zip(params["W1"][j], x, strict=True)) + params["b1"][j]) for j in range(5)]
        a = [sum(w * v for w, v in zip(params["W2"][k], h, strict=True)) + params["b2"][k] for k in range(3)]
        np.testing.assert_allclose(hidden[i], h)
        np.testing.assert_allclose(scores[i], a)
        assert key.predict(params, X)[i] == a.index(max(a))


def test_linear_softmax_delta_by_differences(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """The slopes of SciPy's mean negative log softmax in every score."""
    a, y, h = rng.normal(size=(4, 3)), rng.integers(3, size=4), 1e-6

    def loss(scores: Any) -> float:
        return -float(special.log_softmax(scores, axis=1)[np.arange(4), y].mean())

    slopes = np.zeros_like(a)
    for index in np.ndindex(a.shape):
        step = np.zeros_like(a)
        step[index] = h
        slopes[index] = (loss(a + step) - loss(a - step)) / (2 * h)
    np.testing.assert_allclose(key.linear_softmax_delta(a, y), slopes, atol=1e-9)


def test_linear_softmax_delta_rows_sum_to_zero(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """What is pushed up in one class is taken from the others, for huge scores as well."""
    delta = key.linear_softmax_delta(rng.normal(scale=1000, size=(7, 5)), rng.integers(5, size=7))
    np.testing.assert_allclose(delta.sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize("reg", [0.0, 0.3])
def test_loss_agrees_with_scipy(key: SimpleNamespace, rng: np.random.Generator, reg: float) -> None:
    """SciPy's log softmax at the labels, plus the norms of the weights."""
    params, X, y = problem(rng)
    scores = key.forward(params, X)[0]
    plain = -special.log_softmax(scores, axis=1)[np.arange(6), y].mean()
    norms = np.linalg.norm(params["W1"]) ** 2 + np.linalg.norm(params["W2"]) ** 2
    assert key.loss_and_grads(params, X, y, reg)[0] == pytest.approx(plain + reg / 2 * norms)


@pytest.mark.parametrize("reg", [0.0, 0.3])
def test_gradients_by_differences(key: SimpleNamespace, rng: np.random.Generator, reg: float) -> None:
    """SciPy's finite differences of the loss in all parameters at once."""
    params, X, y = problem(rng)
    assert np.abs(X @ params["W1"].T + params["b1"]).min() > 1e-4, "an example sits on a corner"

    def loss(flat: Any) -> float:
        return float(key.loss_and_grads(unpacked(flat), X, y, reg)[0])

    def gradient(flat: Any) -> Any:
        return packed(key.loss_and_grads(unpacked(flat), X, y, reg)[1])

    assert optimize.check_grad(loss, gradient, packed(params)) < 1e-6


class Scalar:
    """A number that knows what it was made of, and hands its blame on: reverse-mode autograd, one number at a time."""

    def __init__(self, value: float, parents: tuple[tuple[Scalar, float], ...] = ()) -> None:
        self.value, self.parents, self.blame = float(value), parents, 0.0

    def __add__(self, other: Scalar) -> Scalar:
        return Scalar(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Scalar) -> Scalar:
        return Scalar(self.value * other.value, ((self, other.value), (other, self.value)))

    def relu(self) -> Scalar:
        return Scalar(max(self.value, 0.0), ((self, float(self.value > 0)),))

    def exp(self) -> Scalar:
        return Scalar(math.exp(self.value), ((self, math.exp(self.value)),))

    def log(self) -> Scalar:
        return Scalar(math.log(self.value), ((self, 1 / self.value),))

    def backward(self) -> None:
        """Fill in the blame of everything that this number was made of."""
        order: list[Scalar] = []
        seen: set[int] = set()

        def visit(node: Scalar) -> None:
            if id(node) not in seen:
                seen.add(id(node))
                for parent, _ in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.blame = 1.0
        for node in reversed(order):
            for parent, slope in node.parents:
                parent.blame += slope * node.blame


def total(terms: list[Scalar]) -> Scalar:
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def scalar_loss(leaves: dict[str, Any], X: Any, y: Any, reg: float) -> Scalar:
    """The regularised loss, written out number by number."""

    def layer(inputs: list[Scalar], W: Any, b: Any) -> list[Scalar]:
        return [
            total([w * v for w, v in zip(row, inputs, strict=True)] + [bias]) for row, bias in zip(W, b, strict=True)
        ]

    losses = []
    for x, label in zip(X, y, strict=True):
        hidden = [z.relu() for z in layer([Scalar(v) for v in x], leaves["W1"], leaves["b1"])]
        scores = layer(hidden, leaves["W2"], leaves["b2"])
        losses.append(total([a.exp() for a in scores]).log() + scores[label] * Scalar(-1))
    squares = [w * w for name in ("W1", "W2") for w in np.ravel(leaves[name])]
    return total(losses) * Scalar(1 / len(y)) + total(squares) * Scalar(reg / 2)


def test_gradients_by_scalar_autograd(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """An engine that knows nothing of matrices finds the same loss and the same gradients."""
    params, X, y = problem(rng, m=5)
    params["b1"][0], X[0], params["W1"][0] = -2.0, [1, 1, 0, 0], [1, 1, 0.5, -0.5]  # a unit exactly at the corner
    leaves = {name: np.vectorize(Scalar, otypes=[object])(value) for name, value in params.items()}
    result = scalar_loss(leaves, X, y, 0.3)
    result.backward()
    loss, grads = key.loss_and_grads(params, X, y, 0.3)
    assert loss == pytest.approx(result.value)
    for name in SHAPES:
        blame = np.vectorize(lambda leaf: leaf.blame, otypes=[float])(leaves[name])
        np.testing.assert_allclose(grads[name], blame, atol=1e-12)


def test_a_start_from_zero_moves_only_the_last_bias(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """What the handout says of zero weights."""
    params = key.init_params(4, 5, 3, 0.0, rng)
    loss, grads = key.loss_and_grads(params, rng.normal(size=(7, 4)), np.array([0, 0, 0, 1, 1, 2, 2]), 0.0)
    assert loss == pytest.approx(math.log(3))
    assert {name for name in grads if np.any(grads[name])} == {"b2"}


def test_init_params_is_normal(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """The Kolmogorov-Smirnov test does not reject a normal distribution with this standard deviation."""
    params = key.init_params(30, 40, 20, 0.2, rng)
    assert stats.kstest(np.r_[params["W1"].ravel(), params["W2"].ravel()], stats.norm(scale=0.2).cdf).pvalue > 0.01
    assert not params["b1"].any()
    assert not params["b2"].any()


def zeros(params: dict[str, Any], X: Any) -> Any:
    return np.zeros(len(X), dtype=int)


def test_train_on_a_bowl(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """With the gradient w the parameters shrink by 1 - rate in every step, with the rate of the epoch."""
    params, X, y = problem(rng, m=7)
    trained, history = key.train(
        lambda p, *_: (3.0, dict(p)), zeros, params, X, y, X, y * 0, 0.5, 0.5, 0.0, 1, 3, 5, rng
    )
    for name in SHAPES:
        np.testing.assert_allclose(trained[name], params[name] * 0.5**3)
    assert history["loss"] == [3.0]
    assert history["val_accuracy"] == [1.0]


def scripted(right: list[int]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions for `train` whose b2[0] counts the epochs; after epoch e, right[e - 1] of ten examples are right."""

    def count(params: dict[str, Any], X: Any, y: Any, reg: float) -> Any:
        grads = {name: np.zeros_like(value) for name, value in params.items()}
        grads["b2"][0] = -1.0
        return 0.0, grads

    def labels(params: dict[str, Any], X: Any) -> Any:
        return (np.arange(len(X)) >= right[int(params["b2"][0]) - 1]).astype(int)

    return count, labels


@pytest.mark.parametrize(
    ("right", "patience", "best", "epochs"),
    [
        ([1, 5, 3, 2, 9], 2, 2, 4),
        ([1, 5, 5, 5, 5, 9], 3, 2, 5),
        ([3, 2, 4, 3, 5, 4, 4], 2, 5, 7),
        ([0, 0, 0], 9, 1, 3),
        ([1, 2, 3], 1, 3, 3),
    ],
)
def test_train_stops_early(
    key: SimpleNamespace, rng: np.random.Generator, right: list[int], patience: int, best: int, epochs: int
) -> None:
    """The first best epoch's parameters, and an end after `patience` epochs that are not better, counted by hand."""
    params = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    X, y = np.ones((10, 4)), np.zeros(10, dtype=int)
    trained, history = key.train(*scripted(right), params, X, y, X, y, 1.0, 1.0, 0.0, len(right), 10, patience, rng)
    assert trained["b2"][0] == best
    assert history["val_accuracy"] == [n / 10 for n in right[:epochs]]
    assert not params["b2"].any()


def test_train_lowers_the_loss_to_scipys_minimum(key: SimpleNamespace, rng: np.random.Generator) -> None:
    """With all examples in one batch, and from near a minimum that SciPy found, training goes back to it."""
    params, X, y = problem(rng, m=12)

    def loss(flat: Any) -> Any:
        value, grads = key.loss_and_grads(unpacked(flat), X, y, 0.3)
        return value, packed(grads)

    best = optimize.minimize(loss, packed(params), jac=True, method="L-BFGS-B")
    near = unpacked(best.x + rng.normal(scale=0.02, size=best.x.shape))
    _, history = key.train(key.loss_and_grads, key.predict, near, X, y, X, y, 0.3, 1.0, 0.3, 150, 12, 150, rng)
    assert history["loss"][0] > history["loss"][-1]
    assert history["loss"][-1] == pytest.approx(best.fun, abs=1e-3)


def test_the_digits_are_read_with_a_margin(key: SimpleNamespace) -> None:
    """The key's settings, trained by the key's functions, reach well over the 93 % that are asked for."""
    X, y, X_test, y_test = load_digits()
    settings = key.digit_settings()
    start = key.init_params(64, settings.pop("hidden"), 10, settings.pop("std"), np.random.default_rng(0))
    data = X[:-360], y[:-360], X[-360:], y[-360:]
    functions = key.loss_and_grads, key.predict
    trained, _ = key.train(*functions, start, *data, **settings, rng=np.random.default_rng(1))
    assert np.mean(key.predict(trained, X_test) == y_test) >= 0.96


LOG_RUNS: dict[str, tuple[float, int, float, slice]] = {  # learning rate, batch size, reg, training digits
    "A": (0.002, 50, 0.0, slice(None)),
    "B": (0.5, 10, 0.0, slice(300, 380)),
    "C": (0.3, 50, 1e-3, slice(None)),
    "D": (4.0, 50, 0.0, slice(None)),
}


@pytest.mark.parametrize("run", LOG_RUNS)
def test_the_training_logs_are_of_this_split(key: SimpleNamespace, run: str) -> None:
    """The logs of Question 2 are what the key's training gives on today's digits; renew them if the split changes."""
    cell = next(cell.source for cell in TWO_LAYER_NET.cells() if cell.source.startswith("logs = {"))
    shown: dict[str, Any] = {}
    exec(cell[: cell.index("\n}\n") + 2], shown)
    X, y, _, _ = load_digits()
    rate, batch_size, reg, rows = LOG_RUNS[run]
    start = key.init_params(64, 50, 10, 0.1, np.random.default_rng(0))
    data = X[:-360][rows], y[:-360][rows], X[-360:], y[-360:]
    functions = key.loss_and_grads, key.predict
    _, history = key.train(*functions, start, *data, rate, 1.0, reg, 20, batch_size, 20, np.random.default_rng(1))
    names = ("loss", "train_accuracy", "val_accuracy")
    np.testing.assert_allclose(shown["logs"][run], [history[name] for name in names], atol=0.02)


WRONG = {
    "sigmoid": "def sigmoid(z):\n    return z\n\ndef sigmoid_grad(z):\n    raise NotImplementedError",
    "relu": "def relu(z):\n    z[z < 0] = 1\n    return z\n\ndef relu_grad(z):\n    return z",
    "forward": "def forward(params, X):\n    return X, X",
    "linear_softmax_delta": "def linear_softmax_delta(scores, y):\n    scores *= 0\n    return scores",
    "predict": "def predict(params, X):\n    raise NotImplementedError",
    "init_params": "def init_params(d, h, c, std, rng):\n    return None",
}
LATER = {
    "tanh": "def tanh(z):\n    return 2 * sigmoid(2 * z) - 1\n\ndef tanh_grad(z):\n    return 4 * sigmoid_grad(2 * z)",
    "leaky_relu": (
        "def leaky_relu(z, a=0.01):\n    return relu(z) - a * relu(-z)\n\n"
        "def leaky_relu_grad(z, a=0.01):\n    return a + (1 - a) * relu_grad(z)"
    ),
    "softplus": (
        "def softplus(z):\n    return np.log1p(np.exp(-np.abs(z))) + relu(z)\n\n"
        "def softplus_grad(z):\n    return sigmoid(z)"
    ),
    "loss_and_grads": """
def loss_and_grads(params, X, y, reg):
    scores, hidden = forward(params, X)
    z = X @ params["W1"].T + params["b1"]
    loss = softmax_loss(scores, y) + reg / 2 * sum(np.sum(params[key] ** 2) for key in ("W1", "W2"))
    d = linear_softmax_delta(scores, y)
    dz = d @ params["W2"] * relu_grad(z)
    W1, W2 = dz.T @ X + reg * params["W1"], d.T @ hidden + reg * params["W2"]
    return loss, {"W1": W1, "b1": dz.sum(axis=0), "W2": W2, "b2": d.sum(axis=0)}
""",
}


def test_wrong_earlier_answers_never_cost_later_points() -> None:
    """Answers that call wrong earlier ones still get all points of their own."""
    assert TWO_LAYER_NET.points() == 80
    assert TWO_LAYER_NET.loses_points(TWO_LAYER_NET.answers(**WRONG, **LATER)) == set(WRONG)
