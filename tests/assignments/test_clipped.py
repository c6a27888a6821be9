"""A loss is said to be made of clipped probabilities only if it is what clipping gives."""

from __future__ import annotations

import pytest
from assignment_text import AssignmentText

SOFTMAX = """
def softmax_loss(a, y):
    s = a - a.max(axis=1, keepdims=True)
    return {}
"""
ONE_VS_REST = """
def one_vs_rest_loss(z, Y):
    return {}
"""
LOGISTIC = """
def logistic_loss_and_grad(theta, X, y, lam):
    h, rest = 1 / (1 + np.exp(-np.clip(X @ theta, -700, 700))), np.r_[0, theta[1:]]
    return {}, X.T @ (h - y) / len(y) + lam / len(y) * rest
"""
OF_EACH = "np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]"
OF_ALL = "(np.logaddexp(0, z) - z * Y).sum(axis=1)"
OF_LOGISTIC = "np.logaddexp(0, X @ theta) - y * (X @ theta)"
CLIPPED = [
    ("softmax", SOFTMAX, "-np.mean(np.log(softmax(a)[np.arange(len(y)), y] + 1e-7))"),
    ("deep_net", ONE_VS_REST, "np.mean(np.minimum(np.logaddexp(0, z) - z * Y, -np.log(1e-9)).sum(axis=1))"),
    ("xor", LOGISTIC, f"np.mean(np.minimum({OF_LOGISTIC}, -np.log(1e-5))) + lam / 2 / len(y) * rest @ rest"),
]
OTHERS = [
    ("softmax", SOFTMAX, OF_EACH),
    ("softmax", SOFTMAX, f"np.mean({OF_EACH}) / 100"),
    ("deep_net", ONE_VS_REST, OF_ALL),
    ("deep_net", ONE_VS_REST, f"np.mean({OF_ALL}) / 30"),
    ("xor", LOGISTIC, OF_LOGISTIC),
    ("xor", LOGISTIC, f"np.mean({OF_LOGISTIC}) / 30"),
]


def messages(name: str, answer: str) -> list[str]:
    """What the checks of an answer say, as far as they fail."""
    text = AssignmentText(name)
    namespace = text.answers()
    exec(answer, namespace)
    exercise = answer.split("(")[0].removeprefix("\ndef ")
    return [verdict.message for verdict in text.verdicts(f"{exercise}_checks", namespace) if not verdict.passed]


@pytest.mark.parametrize(("name", "answer", "loss"), CLIPPED)
def test_what_clipping_gives_is_named(name: str, answer: str, loss: str) -> None:
    """The entry of mistakes.md knows one bound, and students choose another."""
    assert any("clipped" in message for message in messages(name, answer.format(loss)))


@pytest.mark.parametrize(("name", "answer", "loss"), OTHERS)
def test_another_mistake_is_not_called_clipping(name: str, answer: str, loss: str) -> None:
    """A student would look for what is not there."""
    found = messages(name, answer.format(loss))
    assert found
    assert not any("clipped" in message or "could not be used" in message for message in found)
