"""The answer key of xor against oracles of another kind: scikit-learn, SciPy, the lectures' worked numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from assignment_text import AssignmentText, Namespace, about
from scipy.optimize import approx_fprime, linprog
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPRegressor

from autograder.datasets import load_digits

XOR_TEXT = AssignmentText("xor")
POINTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
WITH_ONES = np.column_stack([np.ones(4), POINTS])


@pytest.fixture(scope="module")
def key() -> Namespace:
    return XOR_TEXT.answers()


def random_network(rng: np.random.Generator, d: int, h: int) -> dict[str, np.ndarray]:
    signs = np.where(np.arange(h) % 2, -1.0, 1.0)
    return {
        "W1": 0.5 * rng.normal(size=(h, d)),
        "b1": signs * rng.uniform(0.4, 0.8, size=h),
        "W2": 0.5 * rng.normal(size=(1, h)),
        "b2": np.array([0.7]),
    }


def small_network(**parts: list[Any]) -> dict[str, np.ndarray]:
    return {name: np.array(part, dtype=float) for name, part in parts.items()}


LECTURE_SOLUTIONS = [
    small_network(W1=[[1, 1], [1, 1]], b1=[0, -1], W2=[[1, -2]], b2=[0]),
    small_network(W1=[[1, 1], [2, 2]], b1=[-1, -1], W2=[[-3, 1]], b2=[0]),
]


def starts() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The good and the bad start that the handout gives."""
    namespace: Namespace = {"np": np}
    for cell in XOR_TEXT.cells():
        if re.match(r"def (good|bad)_start", cell.source):
            exec(cell.source, namespace)
    return namespace["good_start"](), namespace["bad_start"]()


def test_points_add_up() -> None:
    """100 points, 80 of them by checks."""
    graded = [about(cell) for cell in XOR_TEXT.cells() if about(cell).get("grade")]
    assert sum(about["points"] for about in graded) == 100
    assert sum(about["points"] for about in graded if about["locked"]) == 80


def test_perceptron_is_the_sign_of_the_lecture_s_sigmoid(key: Namespace) -> None:
    """Seed 003: g(-30), g(-10), g(-10), g(10) round to AND."""
    sigmoid = 1 / (1 + np.exp(-(-30 + 20 * POINTS[:, 0] + 20 * POINTS[:, 1])))
    np.testing.assert_array_equal(key["perceptron"](POINTS, np.array([20.0, 20.0]), -30.0), sigmoid.round())


@pytest.mark.parametrize(
    ("name", "inputs", "gate"),
    [("and_weights", POINTS, all), ("or_weights", POINTS, any), ("not_weights", POINTS[:2, 1:], lambda x: not x[0])],
)
def test_gates_have_their_truth_tables(
    key: Namespace, name: str, inputs: np.ndarray, gate: Callable[..., bool]
) -> None:
    w, b = key[name]
    assert [bool(output) for output in key["perceptron"](inputs, w, b)] == [bool(gate(x)) for x in inputs]


def test_batch_perceptron_learns_and_as_on_paper(key: Namespace) -> None:
    """The epochs of AND that the handout shows, in exact arithmetic; it converges in the tenth."""
    labels = [-1, -1, -1, 1]
    theta = [0.0, 0.0, 0.0]
    for epoch in range(1, 11):
        wrong = [
            (x, t)
            for x, t in zip(WITH_ONES, labels, strict=True)
            if t * sum(a * c for a, c in zip(x, theta, strict=True)) <= 0
        ]
        theta = [c + sum(t * x[j] for x, t in wrong) / 4 for j, c in enumerate(theta)]
        found, converged = key["batch_perceptron"](WITH_ONES, np.array(labels), 1.0, 1e-9, epoch)
        assert list(found) == theta
        assert converged == (epoch == 10)
    assert theta == [-0.75, 0.5, 0.5]


def test_batch_perceptron_stops_at_zero_on_xor(key: Namespace) -> None:
    """All four updates cancel, so that it converges with four mistakes; linear programming finds no separating line."""
    labels = 2 * XOR - 1
    theta, converged = key["batch_perceptron"](WITH_ONES, labels, 1.0, 1e-9, 1000)
    assert converged
    assert not theta.any()
    assert linprog(np.zeros(3), A_ub=-labels[:, None] * WITH_ONES, b_ub=-np.ones(4), bounds=(None, None)).status == 2


def test_batch_perceptron_does_not_converge_on_unbalanced_xor(key: Namespace) -> None:
    rows = [0, 1, 2, 3, 3, 3, 3, 3]
    assert not key["batch_perceptron"](WITH_ONES[rows], (2 * XOR - 1)[rows], 1.0, 1e-9, 2000)[1]


def test_batch_perceptron_separates_threes_from_eights(key: Namespace) -> None:
    """What the handout says of the digits."""
    X_train, y_train, X_test, y_test = load_digits()
    pixels, classes = np.vstack([X_train, X_test]), np.concatenate([y_train, y_test])
    some = np.isin(classes, [3, 8])
    X = np.column_stack([np.ones(some.sum()), pixels[some]])
    y = np.where(classes[some] == 3, 1, -1)
    theta, converged = key["batch_perceptron"](X, y, 1.0, 1e-9, 1000)
    assert len(X) == 357
    assert converged
    assert np.all(y * (X @ theta) > 0)


def test_linear_fit_is_scikit_learn_s(key: Namespace) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 4)) * [0.1, 1, 10, 30] + 3, rng.normal(size=50) + 5
    oracle = LinearRegression().fit(X, y)
    w, b = key["linear_fit"](X, y)
    np.testing.assert_allclose(w, oracle.coef_, rtol=1e-9)
    np.testing.assert_allclose(b, oracle.intercept_, rtol=1e-9)


def test_linear_fit_of_xor_is_one_half(key: Namespace) -> None:
    """Seed 000: w = (0, 0), b = 1/2."""
    w, b = key["linear_fit"](POINTS, XOR)
    np.testing.assert_allclose([*w, b], [0, 0, 0.5], atol=1e-15)


@pytest.mark.parametrize("lam", [0.5, 3.0])
def test_logistic_gradient_vanishes_where_scikit_learn_ends(key: Namespace, lam: float) -> None:
    """scikit-learn minimises n times the lecture's cost, bias unregularised, so our gradient is zero at its optimum."""
    X, labels, _, _ = load_digits((200, 1))
    y = (labels > 4).astype(int)
    model = LogisticRegression(C=1 / lam, tol=1e-10, max_iter=10000).fit(X, y)
    theta = np.r_[model.intercept_, model.coef_[0]]
    _, gradient = key["logistic_loss_and_grad"](theta, np.column_stack([np.ones(len(X)), X]), y, lam)
    np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_logistic_loss_agrees_with_scikit_learn(key: Namespace) -> None:
    """scikit-learn's log loss plus the regularisation without the bias."""
    rng = np.random.default_rng(4)
    X, theta, y = np.column_stack([np.ones(8), rng.normal(size=(8, 2))]), rng.normal(size=3), np.array([0, 1] * 4)
    loss, _ = key["logistic_loss_and_grad"](theta, X, y, 0.7)
    plain = log_loss(y, expit(X @ theta))
    assert loss == pytest.approx(plain + 0.7 / 16 * (theta[1] ** 2 + theta[2] ** 2))


@pytest.mark.parametrize("sizes", [(3, 4), (3, 4, 4, 2), (2, 7, 1, 5)])
def test_collapsed_layer_does_what_the_stack_does(key: Namespace, sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    Ws = [rng.normal(size=shape) for shape in zip(sizes[1:], sizes[:-1], strict=True)]
    bs = [rng.normal(size=n) for n in sizes[1:]]
    W, b = key["collapse_linear"](Ws, bs)
    for x in rng.normal(size=(5, sizes[0])):
        layered = x
        for layer, bias in zip(Ws, bs, strict=True):
            layered = layer @ layered + bias
        np.testing.assert_allclose(W @ x + b, layered, rtol=1e-12)


def test_forward_is_scikit_learn_s_network(key: Namespace) -> None:
    rng = np.random.default_rng(2)
    params, X = random_network(rng, 3, 5), rng.normal(size=(8, 3))
    oracle = MLPRegressor(hidden_layer_sizes=(5,), activation="relu")
    oracle.partial_fit(X, np.zeros(8))
    oracle.coefs_ = [params["W1"].T, params["W2"].T]
    oracle.intercepts_ = [params["b1"], params["b2"]]
    np.testing.assert_allclose(key["forward"](params, X), oracle.predict(X), rtol=1e-12)


def test_xor_is_solved_by_hand_and_by_both_lectures(key: Namespace) -> None:
    for params in [key["xor_by_hand"](), *LECTURE_SOLUTIONS]:
        np.testing.assert_array_equal(key["forward"](params, POINTS), XOR)


def test_forward_of_the_lecture_s_exercise(key: Namespace) -> None:
    """Seed 001's exercise on bias terms at x = (2, -1, 0), as the handout works it out."""
    layer = small_network(W1=[[1, 0, 1], [-1, 2, 3]], b1=[-1, 2])
    x = np.array([[2.0, -1.0, 0.0]])
    assert key["forward"]({**layer, "W2": np.array([[1.0, -1.0]]), "b2": np.zeros(1)}, x) == [1.0]
    assert key["forward"]({**layer, "W2": np.array([[-1.0, 1.0]]), "b2": np.ones(1)}, x) == [0.0]


@pytest.mark.parametrize(("m", "d", "h"), [(9, 3, 5), (1, 2, 2), (6, 1, 1)])
def test_gradients_are_finite_differences(key: Namespace, m: int, d: int, h: int) -> None:
    """Every entry of every gradient against SciPy's finite differences of half the sum of squared errors."""
    rng = np.random.default_rng(3)
    params, X, y = random_network(rng, d, h), rng.normal(size=(m, d)), rng.normal(size=m)
    loss, grads = key["mse_loss_and_grads"](params, X, y)
    assert {name: grad.shape for name, grad in grads.items()} == {name: value.shape for name, value in params.items()}
    np.testing.assert_allclose(loss, 0.5 * np.sum((key["forward"](params, X) - y) ** 2))
    for name, value in params.items():

        def loss_at(flat: np.ndarray, name: str = name, shape: tuple[int, ...] = value.shape) -> float:
            moved = {**params, name: flat.reshape(shape)}
            return float(0.5 * np.sum((key["forward"](moved, X) - y) ** 2))

        np.testing.assert_allclose(grads[name].ravel(), approx_fprime(value.ravel(), loss_at), atol=2e-6)


def test_derivative_of_relu_at_zero_is_zero(key: Namespace) -> None:
    """Seed 001's derivative: a unit whose score is exactly 0 gets no gradient."""
    params = small_network(W1=[[1, 1]], b1=[-1], W2=[[2]], b2=[0])
    _, grads = key["mse_loss_and_grads"](params, np.array([[0.0, 1.0]]), np.array([1.0]))
    assert not grads["W1"].any()
    assert not grads["b1"].any()


def test_good_start_learns_and_bad_start_does_not(key: Namespace) -> None:
    """What the handout says of its two starts: XOR, and (1/3, 1/3, 1, 1/3) with the second unit where it was."""
    good, bad = starts()
    learned, losses = key["train_xor"](key["mse_loss_and_grads"], good, POINTS, XOR, 0.2, 200)
    assert losses[0] == pytest.approx(0.4625)
    np.testing.assert_allclose(key["forward"](learned, POINTS), XOR, atol=1e-6)
    stuck, losses = key["train_xor"](key["mse_loss_and_grads"], bad, POINTS, XOR, 0.2, 2000)
    assert losses[-1] == pytest.approx(1 / 3)
    np.testing.assert_allclose(key["forward"](stuck, POINTS), [1 / 3, 1 / 3, 1, 1 / 3], atol=1e-6)
    np.testing.assert_array_equal(stuck["W1"][1], bad["W1"][1])


def test_largest_learning_rate_kills_the_good_start(key: Namespace) -> None:
    """What "On your own" promises: with 0.5 both units die and the output jumps around one half."""
    good, _ = starts()
    outputs = [
        key["forward"](key["train_xor"](key["mse_loss_and_grads"], good, POINTS, XOR, 0.5, steps)[0], POINTS)
        for steps in (500, 501)
    ]
    for output in outputs:
        np.testing.assert_allclose(output, output[0])
    assert outputs[0][0] + outputs[1][0] == pytest.approx(1.0)
    assert abs(outputs[0][0] - 0.5) > 1


def test_about_one_random_start_in_five_learns_xor(key: Namespace) -> None:
    rng = np.random.default_rng(0)
    final = []
    for _ in range(40):
        start = {"W1": rng.normal(size=(2, 2)), "b1": np.zeros(2), "W2": rng.normal(size=(1, 2)), "b2": np.zeros(1)}
        final.append(key["train_xor"](key["mse_loss_and_grads"], start, POINTS, XOR, 0.1, 800)[1][-1])
    assert 0.1 < np.mean(np.array(final) < 0.05) < 0.35
    piles = np.abs(np.subtract.outer(final, [0, 1 / 4, 1 / 3, 1 / 2])).min(axis=1)
    assert np.mean(piles < 0.02) > 0.9


def test_starts_trained_together_are_starts_trained_one_by_one(key: Namespace) -> None:
    """The provided function trains 100 starts as one array; here each is trained by itself, by the same steps."""
    rng, h = np.random.default_rng(5), 4
    W1, W2 = rng.normal(size=(20, h, 2)), rng.normal(size=(20, h, 1))
    learned = [
        key["train_xor"](
            key["mse_loss_and_grads"],
            {"W1": W1[s], "b1": np.zeros(h), "W2": W2[s].T, "b2": np.zeros(1)},
            POINTS,
            XOR,
            0.1,
            401,
        )[1][-1]
        < 0.01
        for s in range(20)
    ]
    assert key["share_learned"](h, 0.1, 400, seed=5, starts=20) == pytest.approx(np.mean(learned))
    assert 0 < np.mean(learned) < 1


def test_wide_networks_want_small_steps(key: Namespace) -> None:
    """What the handout shows: at the rate that suits few units the wide ones fail, with small steps they do best."""
    shares = [key["share_learned"](h, 0.1, 600) for h in (2, 8, 32)]
    assert shares[0] < shares[1] > shares[2]
    assert shares[2] < 0.1
    assert key["share_learned"](32, **key["wide_settings"]()) > 0.95


@pytest.mark.parametrize(
    ("broken", "checked", "heading"),
    [
        ("perceptron", "batch_perceptron", "batch_perceptron word for word"),
        ("forward", "mse_loss_and_grads", "mse_loss_and_grads with einsum, calling forward"),
    ],
)
def test_a_wrong_earlier_answer_costs_nothing_later(broken: str, checked: str, heading: str) -> None:
    """An answer that calls an earlier, wrong one keeps all of its checks."""
    right = XOR_TEXT.answers(**{checked: XOR_TEXT.entry("alternatives.md", heading)})
    wrong = {**right}
    exec(f"def {broken}(*args):\n    return 1 / 0", wrong)
    exec(XOR_TEXT.entry("alternatives.md", heading), wrong)
    assert XOR_TEXT.checks_lost(f"{checked}_checks", wrong) == []


def test_every_check_cell_follows_its_answer() -> None:
    """Each answer cell is followed by the check cell that carries its points."""
    XOR_TEXT.refuse_misplaced_checks()
