"""What the text of an assignment says of its functions, and messages that speak of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.checking.magic import check
from autograder.checking.signatures import signatures

SCORES = '''
def scores(W, b, X):
    """The scores of examples. X: (m, d); W (c, d) weights, b (c,) biases.

    Returns an array (m, c).
    """
    return {body}
'''


def told(definition: str, test: str) -> str:
    """What a student is told of a visible check."""
    namespace: dict[str, Any] = {"np": np}
    exec(definition, namespace)
    shown = check(f"def test_it(student):\n{test}", namespace, [definition])
    assert shown is not None
    return shown.verdicts[0].message


def scores_told(body: str, m: int = 4, d: int = 3, c: int = 2) -> str:
    test = f"""
    rng = np.random.default_rng(0)
    W, b, X = rng.normal(size=({c}, {d})), rng.normal(size={c}), rng.normal(size=({m}, {d})).round(1)
    assert_close(student.scores(W, b, X), X @ W.T + b)"""
    return told(SCORES.format(body=body), test)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("(X @ W.T + b).T", "(c, m) instead of (m, c)"),
        ("X.sum(axis=1)", "(m,) instead of (m, c)"),
        ("X", "(m, d) instead of (m, c)"),
        ("np.zeros((4, 7))", "(m, c) is expected"),
    ],
)
def test_shapes_are_told_in_the_exercises_letters(body: str, message: str) -> None:
    """(4, 2) says nothing to whoever thinks in m and c."""
    assert message in scores_told(body)


def test_letters_that_two_lengths_share_are_not_guessed() -> None:
    """With as many examples as features, (4,) may be m or d."""
    assert "(m,)" not in scores_told("X.sum(axis=1)", d=4)
    assert "(m, c) is expected" in scores_told("X.sum(axis=1)", d=4)


def test_the_row_that_a_wrong_number_belongs_to_is_shown() -> None:
    """To compute one row by hand is how such an error is found."""
    message = scores_told("X @ W.T + b + (np.arange(4) == 2)[:, None]")
    rng = np.random.default_rng(0)
    rng.normal(size=(2, 3)), rng.normal(size=2)
    row = rng.normal(size=(4, 3)).round(1)[2]
    assert f"X[2] is [{', '.join(f'{number:g}' for number in row)}]." in message


def test_no_letters_are_invented() -> None:
    """A returned tuple is no shape, and a letter that no parameter has means nothing to the student."""
    found = signatures(
        [
            'def f(X):\n    """X: (m, d). Returns (loss, grad)."""',
            'def g(y, num_classes):\n    """y: (m,) labels. Returns (m, num_classes)."""',
            'def h(X: "(n, d)", b) -> "(n,)":\n    pass',
            "def broken(:",
            "%load_ext autograder",
            'def one(X):\n    """X: (m, d). Returns (m, 1)."""',
            'x = 1\nclass g:\n    """Returns (m,)."""\ndef p(a: None, /, b, *, c: "(m,)") -> None:\n    pass',
            'def k(X):\n    """Nothing is said."""',
        ]
    )
    assert found["f"].returns == ()
    assert found["g"].returns == ("m", "num_classes")
    assert (found["h"].returns, found["h"].shapes) == (("n",), {"X": ("n", "d")})
    assert (found["k"].returns, found["k"].shapes) == ((), {})
    assert found["one"].returns == ("m", "1")
    assert (found["p"].parameters, found["p"].shapes) == (("a", "b", "c"), {"c": ("m",)})
    assert set(found) == {"f", "g", "h", "k", "one", "p"}


def test_lengths_that_are_given_as_numbers_have_letters_too() -> None:
    definition = 'def g(y, n):\n    """y: (m,) labels. Returns (m, n)."""\n    return np.zeros((n, len(y)))'
    assert "(n, m) instead of (m, n)" in told(
        definition, "    assert_close(student.g(np.array([1, 0, 2]), 4), np.eye(4)[[1, 0, 2]])"
    )


@pytest.mark.parametrize(
    ("table", "told_of_it"),
    [
        ("np.array([['a', 'b']] * 3)", ""),
        ("np.array([['2026-01-01']] * 3, 'M8[D]')", ""),
        ("np.array([[1 + 1j, 2]] * 3)", "X[1] is [1+1j, 2+0j]."),
        ("np.zeros((3, 12))", "X[1] is [0, "),
        ("np.zeros((3, 13))", ""),
        ("np.zeros((4, 1))", ""),
        ("np.zeros(3)", ""),
        ("[[1.0], [2.0], [3.0]]", ""),
    ],
)
def test_only_a_short_row_of_numbers_is_shown(table: str, told_of_it: str) -> None:
    """Whoever has wrong values for a table of words or dates would get no grade."""
    definition = 'def g(X):\n    """X: (m, d). Returns (m,)."""\n    return np.array([0.0, 2.0, 2.0])'
    message = told(definition, f"    assert_close(student.g({table}), np.arange(3.0))")
    assert message.startswith("The values are wrong.")
    assert told_of_it in message
    assert ("X[" in message) is bool(told_of_it)


def test_the_row_of_another_axis_is_not_shown() -> None:
    """A student would compute by hand from a row that has nothing to do with the number."""
    definition = 'def g(W, X):\n    """W: (c, d), X: (m, d). Returns (m,)."""\n    return np.array([0.0, 2.0, 2.0])'
    message = told(definition, "    assert_close(student.g(np.eye(3), 2 * np.eye(3)), np.arange(3.0))")
    assert "X[1] is [0, 2, 0]" in message
    assert "W[" not in message


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("np.ones((5, 3))", "The shape is wrong: (d,) instead of (m,)."),
        ("np.ones(5)", "The shape is wrong: (m,) is expected."),
        ("np.ones((5, 5))", "The shape is wrong: (m,) is expected."),
    ],
)
def test_lengths_come_from_arguments_of_the_shape_that_is_said(X: str, message: str) -> None:
    """A student who passes on another shape would be told wrong letters, or get no grade."""
    definition = 'def g(X):\n    """X: (m, d). Returns (m,)."""\n    return np.ones(3)'
    assert told(definition, f"    assert_close(student.g({X}), np.ones(5))").startswith(message)


@pytest.mark.parametrize(
    ("signature", "says", "call", "message"),
    [
        ("X", "X: (m, d).", "student.g(X)", "The shape is wrong. "),
        ("X", "X: (m, d). Returns (m, d).", "student.g(X)", "The shape is wrong. "),
        ("X", "X: (m, d). Returns (m,).", "1 * student.g(X)", "The shape is wrong. "),
        ("X", "X: (m, d). Returns (m,).", "student.g(X)", "The shape is wrong: (d,) instead of (m,). "),
        ("X, n=3", "X: (m, d). Returns (m,).", "student.g(X)", "The shape is wrong: (d,) instead of (m,). "),
        ("*rest", "Returns (m,).", "student.g(X)", "The shape is wrong. "),
        ("X, *rest", "X: (m, d). Returns (m,).", "student.g(X, 1, 2)", "The shape is wrong: (d,) instead of (m,). "),
        ("*, X", "X: (m, d). Returns (m,).", "student.g(X=X)", "The shape is wrong: (d,) instead of (m,). "),
    ],
)
def test_a_shape_has_letters_where_the_call_and_the_text_give_them(
    signature: str, says: str, call: str, message: str
) -> None:
    """A student would be told of letters of another value, or get no grade where a default is used."""
    definition = f'def g({signature}):\n    """{says}"""\n    return np.ones(3)'
    assert told(definition, f"    X = np.ones((5, 3))\n    assert_close({call}, np.ones(5))").startswith(message)


def test_no_row_is_shown_of_what_the_text_does_not_explain() -> None:
    """A student would look for their mistake in a row that may have nothing to do with it."""
    definition = 'def g(X):\n    """X."""\n    return np.zeros(3)'
    assert "X[" not in told(definition, "    assert_close(student.g(np.ones((3, 2))), np.ones(3))")


@pytest.mark.parametrize(
    ("body", "comparison", "message"),
    [
        ("[1, 2]", "assert_same({}, [1, 2, 3])", "The value is wrong. Got [1, 2], "),
        ("[1.0, 2.0]", "assert_close({}, np.ones(3))", "The shape is wrong. "),
        ("2.0", "assert_close({}, np.ones(3))", "An array is expected, and this is one number. "),
        ("np.ones(3)", "assert_close({}, 2.0)", "One number is expected, and this is an array. "),
        ("'ab'", "assert_close({}, np.ones(3))", "An array is expected, and this is of type str."),
    ],
)
def test_what_is_no_array_has_no_letters(body: str, comparison: str, message: str) -> None:
    """A student would look for an array where there is none, or get no grade."""
    definition = f'def g(X):\n    """X: (m, d). Returns (m,)."""\n    return {body}'
    assert told(definition, f"    {comparison.format('student.g(np.ones((3, 4)))')}").startswith(message)


def test_an_argument_without_axes_has_no_letters() -> None:
    """Whoever has the wrong shape where a learning rate is an array would get no grade."""
    definition = 'def g(y, rate):\n    """y: (m,) labels. Returns (m,)."""\n    return y[:2]'
    message = told(definition, "    assert_close(student.g(np.arange(3.0), np.array(0.5)), np.arange(3.0))")
    assert message.startswith("The shape is wrong: (m,) is expected.")
