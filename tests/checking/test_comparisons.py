"""What students are told of a wrong answer: the exact sentences, and that they hold nothing of a hidden test."""

from __future__ import annotations

import contextlib
import re
import tracemalloc
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.checking.cell import Check
from autograder.checking.comparisons import (
    argument_of,
    assert_close,
    assert_no_warnings,
    assert_same,
    assert_that,
    assert_unchanged,
)
from autograder.checking.explain import verdict_of
from autograder.checking.outcomes import CheckFailed, Outcome
from autograder.checking.proxies import NotebookProxy, connection_of
from autograder.checking.transports import InProcessTransport
from autograder.kernel_side.tensors import tensor
from autograder.kernel_side.values import Unsupported

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
SQUARE = np.array([[1.0, 2.0], [3.0, 4.0]])
NONE = "Nothing was returned (None): is there a return at the end?"
WRONG = "The values are wrong."
NUMBERS = "Dates or durations are expected, and these are numbers."
BY_M = "The values are m times the right ones: you took the sum; take the mean (m examples)."
BY_ONE_M = "The values are 1/m times the right ones: they were divided by the number of examples m once too often."


def told(compare: Any, *args: Any, hidden: bool, **kwargs: Any) -> str:
    """What the student is told when this comparison fails in a check."""
    with pytest.raises(CheckFailed) as caught:
        compare(*args, **kwargs)
    check = Check("test_it", "It holds.", 1.0, hidden, (), (), 1)
    verdict = verdict_of(check, caught.value)
    assert verdict.outcome is Outcome.WRONG
    return verdict.message


CLOSE = [
    # is there anything, and of which type
    (None, A, {}, NONE, ""),
    (None, 1.0, {}, NONE, ""),
    (None, (A, A), {}, NONE, ""),
    (None, {"a": 1.0}, {}, NONE, ""),
    ("x", A, {}, "An array is expected, and this is of type str.", ""),
    ({}, 1.0, {}, "A number is expected, and this is of type dict.", ""),
    (Unsupported("DataFrame"), A, {}, "An array is expected, and this is a value of type DataFrame.", ""),
    (Unsupported("X1234"), A, {}, "An array is expected, and this is of a type that does not fit.", "It is: X1234."),
    (Unsupported("array of dtype object"), A, {}, "An array is expected, and this is an array of objects.", None),
    (Unsupported("array of dtype |S7"), A, {}, "An array is expected, and this is of a type that does not fit.", None),
    ([[1.0], [2.0, 3.0]], A, {}, "The rows have different lengths, so they make no array.", ""),
    ([1.0, None], A, {}, "Numbers are expected, and there is something else among them.", ""),
    (np.array(["1", "2"]), A, {}, "Numbers are expected, and there is something else among them.", ""),
    # the shape
    (A.T, A, {}, "The shape is transposed.", "Shape (3, 2), expected (2, 3)."),
    (A[None], A, {}, "The result has an extra axis of length 1.", None),
    (np.ones(3), np.ones((1, 3)), {}, "The result lacks an axis of length 1.", None),
    (np.ones(1), 1.0, {}, "The result has an extra axis of length 1.", None),
    (np.ones(3), 1.0, {}, "One number is expected, and this is an array.", "Shape (3,), expected ()."),
    (1.0, A, {}, "An array is expected, and this is one number.", None),
    (np.ones(6), A, {}, "The array has 1 axes instead of 2.", None),
    (np.ones((2, 4)), A, {}, "The shape is wrong.", "Shape (2, 4), expected (2, 3)."),
    (np.ones((1,) * 20), A, {}, "The array has far too many axes.", None),
    # the values
    (A * np.nan, A, {}, "There are NaN among the values.", None),
    (A / 0.0, A, {}, "There are infinite values: something overflows or divides by zero.", None),
    (-A, A, {}, "The values are the right ones times −1: the sign is wrong.", None),
    (2 * A, A, {}, "The values are twice the right ones: a factor of 2 is too much.", None),
    (A / 2, A, {}, "The values are half the right ones: a factor of 2 is missing.", None),
    (7 * A, A, {"m": 7}, BY_M, None),
    (A / 7, A, {"m": 7}, BY_ONE_M, None),
    (7 * A, A, {}, WRONG, "6 of 6 numbers differ; the largest difference is at [1, 2]: got 42, expected 6."),
    (2 * A, A, {"m": 2}, "The values are twice the right ones: a factor of 2 is too much.", None),
    (SQUARE.T, SQUARE, {}, "The result is transposed.", None),
    (A + 1, A, {}, WRONG, None),
    (Fraction(1, 3), 0.5, {}, WRONG, None),
    (0.5, Decimal("0.25"), {}, WRONG, None),
    (Fraction(10**400), 1.0, {}, "The number is far too large.", ""),
    (3.0, 4.0, {}, WRONG, "Got 3, expected 4."),
    (3 + 1j, 4.0, {}, WRONG, "Got 3+1j, expected 4."),
    (True, 4.0, {}, WRONG, "Got 1, expected 4."),
    (
        np.array([1, 2], np.uint8),
        [2, 1],
        {},
        WRONG,
        "2 of 2 numbers differ; the largest difference is at [0]: got 1, expected 2.",
    ),
    (np.zeros(2), np.full(2, 2e-9), {"m": 9}, WRONG, None),
    (0.0, 0.002, {"atol": 0.0015, "rtol": 0, "m": 9}, WRONG, None),
    (A + 1, A, {"mistakes": {"one is added": A + 1}}, "One is added.", None),
    (A + 2, A, {"mistakes": {"one is added": A + 1}}, WRONG, None),
    (2 * A, A, {"mistakes": {"doubled!": 2 * A}}, "Doubled!", None),
    (A + 1, A, {"mistakes": {"one row": A[0]}}, WRONG, None),
    # parts
    ({"a": A}, {"a": A, "b": A}, {}, "The dict must have exactly the keys 'a', 'b'.", "It has 'a'."),
    ({}, {"a": A}, {}, "The dict must have exactly the keys 'a'.", "It has none."),
    ({}, {4711: A}, {}, "The dict has the wrong keys.", "It has none, and 4711 are expected."),
    (A, {"a": A}, {}, "A dict is expected, and this is of type ndarray.", ""),
    ({"a": -A}, {"a": A}, {}, "In a, the values are the right ones times −1: the sign is wrong.", None),
    ({4711: -A}, {4711: A}, {}, "In value 1, the values are the right ones times −1: the sign is wrong.", None),
    (A, (1.0, A), {}, "2 values are expected, and this is of type ndarray.", ""),
    (Unsupported("Pair99"), (1.0, A), {}, "2 values are expected, and this is of a type that does not fit.", None),
    ((1.0,), (1.0, A), {}, "The number of values is wrong.", "1 values, expected 2."),
    ((1.0, None), (1.0, A), {}, "In value 2, nothing was returned (None): is there a return at the end?", ""),
    ((1.0, 2 * A), (1.0, A), {"mistakes": {"both": (1.0, 2 * A)}}, "In value 2, both.", None),
    ((1.0, {"W": A.T}), (1.0, {"W": A}), {}, "In value 2, in W, the shape is transposed.", None),
    ([A], [A, A], {}, "The number of values is wrong.", None),
    (3.0, [A, A], {}, "A list is expected, and this is of type float.", ""),
]


@pytest.mark.parametrize(("actual", "expected", "options", "cause", "detail"), CLOSE)
def test_a_wrong_answer_is_told_in_these_words(
    actual: Any, expected: Any, options: Any, cause: str, detail: str | None
) -> None:
    """A student would be told something else than what is wrong, or a hidden check would give its numbers away."""
    with np.errstate(all="ignore"):
        assert told(assert_close, actual, expected, hidden=True, **options) == cause
        visible = told(assert_close, actual, expected, hidden=False, **options)
    assert visible.startswith(cause)
    if detail is not None:
        assert visible == f"{cause} {detail}".strip()


HOURS = np.timedelta64(3, "h")

SAME = [
    (None, 3, NONE, ""),
    (np.array(3), 3, "An array came back where a single value is expected.", ""),
    (np.ones(2), [1, 1], "An array came back where a list is expected.", ""),
    ("3", [3], "A list is expected, and this is of type str.", ""),
    ([1], {1}, "A set is expected, and this is of type list.", ""),
    ((1, 2), "12", "Text is expected, and this is of type tuple.", ""),
    (Unsupported("generator"), [1], "A list is expected, and this is a value of type generator.", ""),
    (Unsupported("N77"), 3, "A single value is expected, and this is of a type that does not fit.", "It is: N77."),
    (4, 3, "The value is wrong.", "Got 4, expected 3."),
    ("HT" * 99, "H", "The value is wrong.", None),
    ({"a": np.ones(2)}, {"a": 1}, "The value is wrong.", None),
    (np.array([1, 2, 4]), np.array([1, 2, 3]), WRONG, "At [2]: got 4, expected 3."),
    ([1, 2], np.array([1, 2, 3]), "The shape is wrong.", "Shape (2,), expected (3,)."),
    (np.array([[1], [2]]), np.array([1, 2]), "The result has an extra axis of length 1.", None),
    (["a", "c"], np.array(["a", "b"]), WRONG, "At [1]: got c, expected b."),
    ([1, 2], np.array(["a", "b"]), WRONG, None),
    (np.array([1]), np.array(["2026-01-02"], "M8[D]"), NUMBERS, ""),
    ([3, 4], np.array([3, 4], "m8[h]"), NUMBERS, ""),
    (3, HOURS, "The value is wrong.", None),
    (HOURS, 3, "The value is wrong.", None),
    ([HOURS], [3], "The value is wrong.", None),
    ([3], [HOURS], "The value is wrong.", None),
    ((1, HOURS), (1, 3), "The value is wrong.", None),
    ({"a": {1: [HOURS]}}, {"a": {1: [3]}}, "The value is wrong.", None),
    ({"a": 3}, {"a": HOURS}, "The value is wrong.", None),
    ([np.array([HOURS])], [[3]], "The value is wrong.", None),
    ([HOURS], np.array([3], object), WRONG, None),
    (np.array([3, "a"], object), np.array([HOURS, "a"], object), WRONG, "A duration is no number."),
    ([pd.NA, "b"], np.array(["a", "b"]), WRONG, ""),
    (["x"], np.array(["2026-01-02"], "M8[D]"), WRONG, None),
    (np.array(["NaT"], "M8[D]"), np.array(["x"]), WRONG, None),
    (pd.DataFrame({"a": [1, 2]}), np.array([[1], [2]]), "An array is expected, and this is a DataFrame.", ""),
    (np.ma.masked_array([1, 9], [0, 1]), np.array([1, 9]), "An array is expected, and this is a masked array.", ""),
    (pd.Series([1, 2]), [1, 2], "A list is expected, and this is a Series.", ""),
    (pd.NA, 3, "The value is wrong.", "Got <NA>, expected 3."),
    (10**400, 0.5, "The value is wrong.", None),
    (Unsupported("X"), np.array([1]), "An array is expected, and this is of a type that does not fit.", None),
]


@pytest.mark.parametrize(("actual", "expected", "cause", "detail"), SAME)
def test_an_unequal_answer_is_told_in_these_words(actual: Any, expected: Any, cause: str, detail: str | None) -> None:
    """A student would be told something else than what is wrong, or a hidden check would give its values away."""
    assert told(assert_same, actual, expected, hidden=True) == cause
    visible = told(assert_same, actual, expected, hidden=False)
    assert visible.startswith(cause)
    if detail is not None:
        assert visible == f"{cause} {detail}".strip()


@pytest.mark.parametrize(
    ("actual", "expected", "options"),
    [
        (A + 1e-10, A, {}),
        (1, 1.0, {}),
        (np.float32(0.5), 0.5, {}),
        ([[1, 2, 3], [4, 5, 6]], A, {}),
        ((1.0, [2.0]), [1.0, np.array([2.0])], {}),
        ([1.0, A], (1, A), {}),
        ({"b": A, "a": [1, 2]}, {"a": [1, 2], "b": A}, {}),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf]), {"equal_nan": True}),
        (np.zeros((0, 3)), np.zeros((0, 3)), {}),
        ([], [], {}),
        (0.1 + 0.2, 0.3, {}),
        (0.004, 0.0039, {"rtol": 0, "atol": 1e-3}),
        (np.array([True, False]), [1, 0], {}),
        (Decimal("0.5"), 0.5, {}),
        (10**20, 1e20, {}),
        (1e20, 10**20, {}),
        ([10**20, 0.5], [1e20, 0.5], {}),
        ((10**20, 1), np.array([1e20, 1]), {}),
        ([(10**20, 1), [2, 3]], np.array([[1e20, 1], [2, 3]]), {}),
        ([1, [[10**20]]], (1, np.array([[1e20]])), {}),
        (Fraction(1, 2), 0.5, {}),
        (0.5, Fraction(1, 2), {}),
        (tensor(3), 3, {}),
        (tensor(3.0), np.float64(3), {}),
        (tensor(0.5), Fraction(1, 2), {}),
    ],
)
def test_right_answers_are_close(actual: Any, expected: Any, options: Any) -> None:
    """A right answer would be marked wrong for its type, its rounding or its order of keys."""
    assert_close(actual, expected, **options)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (3, 3),
        (np.int64(3), 3),
        ([1, (2, "a")], [1, (2, "a")]),
        ({1, 2}, {2, 1}),
        (None, None),
        (pd.NA, pd.NA),
        (timedelta(hours=3), HOURS),
        ([np.timedelta64(180, "m"), {"a": (timedelta(hours=3), 3.0)}], [HOURS, {"a": (HOURS, 3)}]),
        (np.array([HOURS, 1], object), np.array([timedelta(hours=3), True], object)),
        ([[pd.NA]], [[pd.NA]]),
        ([], np.array([], "M8[D]")),
        (np.array(["NaT"], "M8[D]"), np.array(["NaT"], "M8[D]")),
        (np.array(["a"]), np.array(["a"])),
        ([1, 2], np.array([1, 2])),
        (np.array([1.0, 2.0]), np.array([1, 2])),
    ],
)
def test_right_answers_are_the_same(actual: Any, expected: Any) -> None:
    """A right answer would be marked wrong for being a list or a NumPy number."""
    assert_same(actual, expected)


FLOATS = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-3)


@settings(deadline=None, max_examples=200)
@given(
    hnp.arrays(float, hnp.array_shapes(max_dims=3), elements=FLOATS),
    st.sampled_from([-1.0, 2.0, 0.5, 30.0, 1 / 30]),
    st.integers(0, 10),
)
def test_a_factor_is_named_only_where_it_is_one(expected: np.ndarray, factor: float, where: int) -> None:
    """A guess would be told as a fact: one entry that does not fit the factor speaks against it."""
    assume(len(np.unique(np.abs(expected))) > 1)
    actual = expected * factor
    sentence = told(assert_close, actual, expected, m=30, hidden=True)
    named = {-1.0: "times −1", 2.0: "twice", 0.5: "half", 30.0: "are m times", 1 / 30: "1/m"}
    assert named[factor] in sentence
    actual.flat[where % actual.size] += 0.1 * abs(actual.flat[where % actual.size])
    assert told(assert_close, actual, expected, m=30, hidden=True) == WRONG


@pytest.mark.parametrize(
    ("actual", "expected", "options", "message"),
    [
        (2.0, 1.0, {}, WRONG),
        (np.array([2.0, 2.0]), np.array([1.0, 1.0]), {}, WRONG),
        (np.array([-3.0, 0.0]), np.array([3.0, 0.0]), {}, WRONG),
        (30.0, 1.0, {"m": 30}, WRONG),
        (30 * 0.37, 0.37, {"m": 30}, "The values are m times the right ones: you took the sum; take the mean"),
        (np.nan, np.nan, {}, "There are NaN among the values."),
        (np.ones((4, 1)), np.ones(4), {"shape": "(m,)"}, "length 1: (m, 1) instead of (m,)."),
        (np.ones((3, 4)), np.ones((4, 3)), {"shape": "(m, c)"}, "The shape is transposed: (c, m) instead of (m, c)."),
        (np.ones((3, 5)), np.ones((4, 3)), {"shape": "(m, c)"}, "The shape is wrong: (m, c) is expected."),
        (np.ones((3, 4)), np.ones((3, 3)), {"shape": "(m, c)"}, "The shape is wrong: (m, c) is expected."),
    ],
)
def test_nothing_is_named_that_chance_shows_too(actual: Any, expected: Any, options: Any, message: str) -> None:
    """A student would be told of a factor that is none, or of a letter that the exercise does not have."""
    assert message in told(assert_close, actual, expected, hidden=True, **options)


HOSTILE = st.one_of(
    st.none(),
    st.floats(),
    st.integers(),
    st.text(max_size=5),
    st.text(max_size=9).map(Unsupported),
    hnp.arrays(st.sampled_from(["f8", "f2", "c16", "?", "i1", "u8", "<U3"]), hnp.array_shapes(min_dims=0, min_side=0)),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), st.floats(), max_size=3),
    st.sets(st.integers(), max_size=3),
    st.lists(st.one_of(st.floats(), st.text(max_size=3), st.none(), st.lists(st.integers())), max_size=3),
)
DIGITS = re.compile(r"\d{2,}|\d\.\d|[3-9]")


@settings(deadline=None, max_examples=400)
@given(HOSTILE, st.sampled_from([np.full((2, 2), 0.734), 0.734, {"loss": 0.734}, (0.734, np.full(2, 0.734))]))
def test_whatever_comes_back_fails_in_a_sentence_without_numbers(actual: Any, expected: Any) -> None:
    """Some return value would end the check with a fault of ours, or bring a hidden number to light."""
    with np.errstate(all="ignore"):
        sentence = told(assert_close, actual, expected, hidden=True, m=9)
    assert "0.734" not in sentence
    axes = re.sub(
        r"the array has \d axes instead of \d|\d values are|\(.*\)|value \d|factor of 2", "", sentence.lower()
    )
    assert not DIGITS.search(axes.replace("1/m", "").replace("−1", "")), sentence


@settings(deadline=None, max_examples=200)
@given(HOSTILE, st.sampled_from([np.arange(2), 3, "abc", {1}, [1, 2], {"a": 1}, np.array(["x", "y"]), None]))
def test_whatever_comes_back_is_the_same_or_not(actual: Any, expected: Any) -> None:
    """Some return value would end the check with an exception that is neither right nor wrong."""
    with contextlib.suppress(CheckFailed):
        assert_same(actual, expected)


@pytest.mark.parametrize("compare", [assert_close, assert_same])
@pytest.mark.parametrize(
    "value",
    [
        ["x" * 400_000, *["a"] * 100_000],
        [np.zeros(2**16, bool)] * 1000 + [np.zeros(2**16, complex)],
        [[np.zeros(500, bool)] * 99, np.zeros(500, "<U99999")],
    ],
    ids=["text", "complex", "text array"],
)
def test_no_result_makes_the_grader_allocate_far_more_than_it_holds(compare: Any, value: Any) -> None:
    """One long text among short ones, made an array, would fill the grader's memory."""
    tracemalloc.start()
    try:
        with pytest.raises(CheckFailed):
            compare(value, np.zeros(3))
        with pytest.raises(CheckFailed):
            assert_same(value, np.array(["a"]))
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


def test_a_condition_of_the_authors_is_told_in_their_words() -> None:
    """`assert_that` would pass on what does not hold, or keep its sentence to itself."""
    assert_that(True, "never")
    assert told(assert_that, False, "the loss must fall", hidden=True) == "The loss must fall."


def test_changed_inputs_are_told_with_their_place_in_visible_checks() -> None:
    """A function that spoils its input would pass, or its student would not know which one."""

    def f(a: Any, p: Any) -> None:
        p["W"] += 1

    student = NotebookProxy(InProcessTransport({"f": f, "g": lambda a: a}))
    student.g(np.zeros(2))
    assert_unchanged(student)
    student.f(np.zeros(2), {"W": np.zeros(1)})
    told_hidden = told(assert_unchanged, student, hidden=True)
    assert told_hidden == "f changes its second argument: work on a copy."
    assert told(assert_unchanged, student, hidden=False) == f"{told_hidden} Argument 2['W']."
    connection_of(student).start_test()
    assert_unchanged(student)


def test_warnings_are_told_with_their_kind_in_visible_checks() -> None:
    """An overflow that only warns would pass, or its student would not know of what kind it is."""
    student = NotebookProxy(InProcessTransport({"f": np.exp}))
    student.f(np.ones(2))
    assert_no_warnings(student)
    student.f(np.array([1e9]))
    assert told(assert_no_warnings, student, hidden=True) == "Calling f gives warnings."
    with_kind = "Calling f gives warnings. RuntimeWarning: overflow encountered in exp."
    assert told(assert_no_warnings, student, hidden=False) == with_kind


@pytest.mark.parametrize(
    "wrap", [lambda x: {"a": x}, lambda x: [x, x], lambda x: (A, x)], ids=["dict", "list", "tuple"]
)
def test_the_parts_of_a_result_have_its_tolerances(wrap: Any) -> None:
    """A test's own tolerance would not hold for what is returned in a dict or a tuple."""
    near, far = wrap(A * (1 + 1e-4)), wrap(A + 1e-4)
    with pytest.raises(CheckFailed):
        assert_close(near, wrap(A))
    assert_close(near, wrap(A), rtol=1e-3)
    with pytest.raises(CheckFailed):
        assert_close(far, wrap(A), rtol=0.0)
    assert_close(far, wrap(A), rtol=0.0, atol=1e-3)


def test_a_part_names_its_mistake_with_its_numbers() -> None:
    """A mean that was forgotten in one of several gradients would only be called wrong."""
    with pytest.raises(CheckFailed) as caught:
        assert_close({"dW": 7 * A, "db": A}, {"dW": A, "db": A}, m=7)
    assert caught.value.cause == f"in dW, t{BY_M[1:-1]}"
    assert caught.value.detail == "6 of 6 numbers differ; the largest difference is at [1, 2]: got 42, expected 6"
    with pytest.raises(CheckFailed) as caught:
        assert_close({"a": Unsupported("X1234")}, {"a": A})
    assert caught.value.detail == "it is: X1234"


@pytest.mark.parametrize(
    ("compare", "actual", "expected", "values"),
    [
        (assert_close, 2.5, 1.5, (2.5, 1.5)),
        (assert_close, {"a": [A, 1.5]}, {"a": [A, 2.5]}, (1.5, 2.5)),
        (assert_same, "x", "y", ("x", "y")),
        (assert_same, None, 3, (None, 3)),
    ],
)
def test_a_failure_knows_the_innermost_values_that_differ(
    compare: Any, actual: Any, expected: Any, values: tuple[Any, Any]
) -> None:
    """A counterexample would show other values than those that the sentence is about, or none."""
    with pytest.raises(CheckFailed) as caught:
        compare(actual, expected)
    assert caught.value.values == values


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (["argument 1"], "its first argument"),
        (["argument 6['W']", "argument 6['b']"], "its sixth argument"),
        (["argument 7"], "its arguments"),
        (["argument 0"], "its arguments"),
        (["argument 12"], "its arguments"),
        (["argument 1", "argument 2"], "its arguments"),
        (["argument W"], "its arguments"),
        (["<script>"], "its arguments"),
    ],
)
def test_of_what_a_notebook_says_to_have_changed_a_small_number_is_believed(changed: list[str], named: str) -> None:
    """A student would be sent to the wrong argument, or read what another process wrote."""
    assert argument_of(changed) == named


@pytest.mark.parametrize(("m", "named"), [(2, False), (3, True)])
def test_a_factor_of_two_is_not_called_the_number_of_examples(m: int, named: bool) -> None:
    """Whoever forgot a 2 would look for a sum."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(m * A, A, m=m)
    assert ("m times the right ones" in caught.value.cause) is named


DIFFERENCES = [
    (
        np.array([1, 9], np.uint8),
        np.array([2, 4], np.uint8),
        "2 of 2 numbers differ; the largest difference is at [1]: got 9, expected 4",
    ),
    (
        np.array([1, 3], np.uint8),
        np.array([4, 2], np.uint8),
        "2 of 2 numbers differ; the largest difference is at [0]: got 1, expected 4",
    ),
    (np.array([False, True]), np.array([False, False]), "the only difference is at [1]: got 1, expected 0"),
    (
        np.array([1.0, np.nan, 9e9]),
        np.array([1.0, 2.0, 3.0]),
        "2 of 3 numbers differ; the first NaN is at [1]: got nan, expected 2",
    ),
    (np.array([1 + 2j]), np.array([1 + 0j]), "the only difference is at [0]: got 1+2j, expected 1+0j"),
]


@pytest.mark.parametrize(("got", "want", "detail"), DIFFERENCES, ids=range(5))
def test_the_largest_difference_is_found_whatever_the_type(got: np.ndarray, want: np.ndarray, detail: str) -> None:
    """Unsigned numbers wrap around and NaN compares with nothing: the wrong place would be shown."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(got, want)
    assert caught.value.detail == detail


@pytest.mark.parametrize("got", [A, np.ones((2, 1)), np.float64(1), np.ones((2, 1, 3)), np.ones(5), np.ones((1,) * 9)])
@pytest.mark.parametrize("want", [np.ones(3), np.ones((3, 3, 3)), np.float64(2)])
def test_a_wrong_shape_is_always_shown_with_the_right_one(got: Any, want: Any) -> None:
    """A student would read that a shape is wrong, and neither which it is nor which it must be."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(got, want)
    if np.shape(got) != np.shape(want):
        assert str(np.shape(got)) in caught.value.detail
        assert str(np.shape(want)) in caught.value.detail


def test_long_values_are_cut() -> None:
    """A page of numbers would hide the sentence that helps."""
    with pytest.raises(CheckFailed) as caught:
        assert_same("x" * 200, "y" * 78)
    assert caught.value.detail == f"got '{'x' * 76}…, expected '{'y' * 78}'"


def test_several_arguments_and_warnings_are_all_named() -> None:
    """A student would mend one and be told of the next only then."""

    def f(a: np.ndarray, b: np.ndarray) -> None:
        a += 1
        b += np.log(0 * b)

    student = NotebookProxy(InProcessTransport({"f": f}))
    student.f(np.ones(2), np.ones(2))
    with pytest.raises(CheckFailed) as caught:
        assert_unchanged(student)
    assert caught.value.detail == "argument 1, argument 2"
