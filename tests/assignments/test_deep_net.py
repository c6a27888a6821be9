"""The answer key of deep_net against oracles of another kind: loops, finite differences, SciPy and scikit-learn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from assignment_text import AssignmentText, Namespace, about
from scipy.special import expit, log_softmax
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from autograder.datasets import load_digits

DEEP_NET = AssignmentText("deep_net")
Layers = list[tuple[np.ndarray, np.ndarray]]
SIZES = [(3, 4), (4, 5, 3), (3, 6, 4, 2), (2, 3, 3, 3, 3)]


@pytest.fixture(scope="module")
def key() -> Namespace:
    return DEEP_NET.answers()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(539)


def network(rng: np.random.Generator, sizes: tuple[int, ...]) -> Layers:
    return [(0.7 * rng.normal(size=(n, k)), rng.normal(size=n)) for k, n in pairwise(sizes)]


def test_points_add_up() -> None:
    """100 points, 80 of them by checks."""
    assert sum(about(cell)["points"] for cell in DEEP_NET.cells() if about(cell).get("grade")) == 100
    assert DEEP_NET.points() == 80


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("sizes", [sizes for sizes in SIZES[1:] if sizes[-1] > 2])  # it gives two classes one output
def test_forward_is_scikit_learn_s_network(
    key: Namespace, rng: np.random.Generator, sizes: tuple[int, ...], activation: str
) -> None:
    """The probabilities of scikit-learn's network with our weights are the softmax of our scores."""
    layers, X = network(rng, sizes), rng.normal(size=(7, sizes[0]))
    oracle = MLPClassifier(sizes[1:-1], activation="logistic" if activation == "sigmoid" else activation)
    oracle.partial_fit(X, np.arange(7) % sizes[-1], classes=np.arange(sizes[-1]))
    oracle.coefs_, oracle.intercepts_ = [W.T for W, _ in layers], [b for _, b in layers]
    rows = key["forward"](layers, X, activation)
    assert [row.shape for row in rows] == [(7, n) for n in sizes]
    np.testing.assert_allclose(np.exp(log_softmax(rows[-1], axis=1)), oracle.predict_proba(X), rtol=1e-9)
    np.testing.assert_array_equal(key["predict"](layers, X, activation), oracle.predict(X))


def test_one_vs_rest_loss_is_a_sum_of_log_losses(key: Namespace, rng: np.random.Generator) -> None:
    """scikit-learn's log loss of each class's question, added up."""
    z, Y = rng.normal(scale=3, size=(9, 4)), (rng.random((9, 4)) < 0.5).astype(float)
    by_class = [log_loss(Y[:, k], expit(z[:, k]), labels=[0, 1]) for k in range(4)]
    assert key["one_vs_rest_loss"](z, Y) == pytest.approx(sum(by_class))
    assert key["one_vs_rest_loss"](np.array([[1000.0, -1000.0]]), np.array([[0.0, 1.0]])) == pytest.approx(2000)


def data_loss(z: np.ndarray, y: np.ndarray, output: str) -> float:
    Y = np.eye(z.shape[1])[y]
    if output == "softmax":
        return float(-np.mean(np.sum(Y * log_softmax(z, axis=1), axis=1)))
    return float(np.mean(np.sum(-Y * np.log(expit(z)) - (1 - Y) * np.log(expit(-z)), axis=1)))


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_output_delta_by_differences(key: Namespace, rng: np.random.Generator, output: str) -> None:
    z, y, h = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1]), 1e-6
    slopes = np.zeros_like(z)
    for place in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[place] = h
        slopes[place] = (data_loss(z + step, y, output) - data_loss(z - step, y, output)) / (2 * h)
    np.testing.assert_allclose(key["output_delta"](z, np.eye(3)[y], output), slopes, atol=1e-9)


@pytest.mark.parametrize(("activation", "output"), [("tanh", "softmax"), ("sigmoid", "sigmoid"), ("relu", "softmax")])
@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_are_finite_differences(
    key: Namespace, rng: np.random.Generator, sizes: tuple[int, ...], activation: str, output: str
) -> None:
    """Every weight and bias of networks of several depths against differences of SciPy's losses plus the penalty."""
    layers, X, y = network(rng, sizes), rng.normal(size=(6, sizes[0])), rng.integers(sizes[-1], size=6)
    loss, gradients = key["loss_and_grads"](layers, X, y, 0.3, activation, output)

    def loss_of(layers: Layers) -> float:
        z = key["forward"](layers, X, activation)[-1]
        return data_loss(z, y, output) + 0.15 * sum(float(np.sum(W**2)) for W, _ in layers)

    assert loss == pytest.approx(loss_of(layers))
    for layer, gradient in enumerate(gradients):
        for part in (0, 1):
            assert gradient[part].shape == layers[layer][part].shape
            for place in np.ndindex(gradient[part].shape):
                losses = []
                for h in (1e-6, -1e-6):
                    moved = [tuple(array.copy() for array in pair) for pair in layers]
                    moved[layer][part][place] += h
                    losses.append(loss_of(moved))  # type: ignore[arg-type]
                assert gradient[part][place] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=2e-8)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_examples_one_by_one_give_the_same_gradients(key: Namespace, rng: np.random.Generator, output: str) -> None:
    """The slide's program and the vectorised one agree."""
    layers, X, y = network(rng, (3, 5, 4)), rng.normal(size=(8, 3)), rng.integers(4, size=8)
    one_by_one = key["backward_by_example"](layers, X, np.eye(4)[y], "relu", output)
    together = key["loss_and_grads"](layers, X, y, 0.0, "relu", output)[1]
    for (dW, db), (other_W, other_b) in zip(one_by_one, together, strict=True):
        np.testing.assert_allclose(dW, other_W, atol=1e-15)
        np.testing.assert_allclose(db, other_b, atol=1e-15)


def test_momentum_on_a_parabola(key: Namespace) -> None:
    """With the gradient θ itself, momentum is a linear recursion, solved here by the powers of its matrix."""

    def bowl(layers: Layers, X: np.ndarray, y: np.ndarray) -> tuple[float, Layers]:
        return 0.5 * float(layers[0][1] @ layers[0][1]), layers

    start = [(np.array([[2.0]]), np.array([-3.0]))]
    layers, losses = key["train_deep"](
        bowl, start, np.zeros((4, 1)), np.zeros(4, int), 0.1, 0.8, 5, 2, np.random.default_rng(0)
    )
    step = np.array([[0.9, 0.8], [-0.1, 0.8]])  # (θ, v) → (θ + μv − ηθ, μv − ηθ)
    states = [np.linalg.matrix_power(step, n) @ [1, 0] for n in range(11)]
    np.testing.assert_allclose([layers[0][0].item(), layers[0][1].item()], [2 * states[10][0], -3 * states[10][0]])
    theta = -3 * np.array([state[0] for state in states[:10]])
    np.testing.assert_allclose(losses, (0.5 * theta**2).reshape(5, 2).mean(axis=1))


def test_blame_fades_in_sigmoid_networks_and_not_in_relu_networks(key: Namespace) -> None:
    """What the mark scheme of the plot says: 10⁻¹⁰ and less for 20 sigmoid layers, a factor of a few for ReLU."""
    X, y, _, _ = load_digits((200, 1))
    ratios = {}
    for activation in ("sigmoid", "relu"):
        layers = key["init_layers"]([64] + [50] * 20 + [10], activation, np.random.default_rng(0))
        gradients = key["loss_and_grads"](layers, X, y, 0.0, activation, "softmax")[1]
        norms = [np.linalg.norm(dW) for dW, _ in gradients]
        ratios[activation] = norms[0] / norms[-1]
    assert ratios["sigmoid"] < 1e-10
    assert 0.1 < ratios["relu"] < 10


def test_a_deep_network_reads_digits(key: Namespace) -> None:
    """The settings of the handout's table."""
    X, y, X_test, y_test = load_digits()
    layers = key["init_layers"]((64, 100, 100, 10), "relu", np.random.default_rng(0))

    def loss_and_grads(layers: Layers, X: np.ndarray, y: np.ndarray) -> tuple[float, Layers]:
        found: tuple[float, Layers] = key["loss_and_grads"](layers, X, y, 1e-3, "relu", "softmax")
        return found

    layers, losses = key["train_deep"](
        loss_and_grads, layers, X[:1077], y[:1077], 0.05, 0.9, 15, 32, np.random.default_rng(1)
    )
    assert losses[-1] < losses[0] / 3
    assert np.mean(key["predict"](layers, X_test, "relu") == y_test) > 0.96


@pytest.mark.parametrize(
    ("broken", "checked"), [("forward", "predict"), ("backward", "loss_and_grads"), ("one_hot", "loss_and_grads")]
)
def test_a_wrong_earlier_answer_costs_nothing_later(broken: str, checked: str) -> None:
    """The answer key calls earlier answers: a wrong one costs no check of a later exercise."""
    wrong = DEEP_NET.answers()
    exec(f"def {broken}(*args):\n    return 1 / 0", wrong)
    assert [verdict.name for verdict in DEEP_NET.verdicts(f"{checked}_checks", wrong) if not verdict.passed] == []


def test_every_check_cell_follows_its_answer() -> None:
    """Each answer cell is followed by the check cell that carries its points."""
    DEEP_NET.refuse_misplaced_checks()
