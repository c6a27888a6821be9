"""Mutants: the answer key changed as students err, and what the checks notice of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import tiny_course

from autograder.authoring.mutants import mutants_of
from autograder.authoring.mutation import mutation_table, survivor_text, try_mutants

ANSWER = '''\
def f(X, n=1 + 1):
    """X: (m, d), “a + b”."""
    ### BEGIN SOLUTION
    X = X.copy()
    X = X - X.mean(axis=0, keepdims=True)
    for i in range(n):
        if X[i, 0] > 0:
            X[i] *= -X[i, 0] / n + 2 * n
    return X.T @ np.where(X > 0, X, 0)
    ### END SOLUTION
'''
EXPECTED = {
    "without a copy": "X = X\n",
    "in place": "X -= X.mean(axis=0, keepdims=True)\n",
    "over another axis than 0": "X.mean(axis=1, keepdims=True)",
    "over all axes": "X.mean(axis=None, keepdims=True)",
    "without keepdims": "keepdims=False",
    "sum instead of mean": "X.sum(axis=0",
    "plus instead of minus": "X = (X + X.mean(axis=0, keepdims=True))",
    "one round too few": "range(n - 1)",
    "one round too many": "range(n + 1)",
    ">= instead of >": "if (X[i, 0] >= 0):",
    "the comparison the other way round": "if (0 > X[i, 0]):",
    "without the branch": "if False:",
    "without the minus": "*= X[i, 0] / n + 2 * n",
    "not divided by n": "*= (-X[i, 0]) + 2 * n",
    "without the first term": "X[i] *= (2 * n)",
    "without the factor 2": "/ n + n",
    "not transposed": "return X @ np.where",
    "the product the other way round": "return (np.where(X > 0, X, 0) @ X.T)",
    "the branches exchanged": "np.where(X > 0, 0, X)",
}


@pytest.mark.parametrize(("what", "text"), EXPECTED.items())
def test_the_answer_key_is_changed_as_students_err(what: str, text: str) -> None:
    """What students write would never be tried."""
    assert any(mutant.what == what and text in mutant.source for mutant in mutants_of("f", ANSWER))


def test_every_mutant_is_another_program_with_one_change_in_the_solution() -> None:
    """A mutant that is the answer key would be reported as a gap of the checks."""
    mutants = mutants_of("f", ANSWER)
    assert len({mutant.source for mutant in mutants}) == len(mutants) > len(EXPECTED)
    written = ANSWER.split("\n")
    for mutant in mutants:
        assert ast.dump(ast.parse(mutant.source)) != ast.dump(ast.parse(ANSWER))
        changed = [n for n, (a, b) in enumerate(zip(written, mutant.source.split("\n"), strict=True), 1) if a != b]
        assert changed == [mutant.line]
        assert 4 <= mutant.line <= 9
    assert mutants_of("f", "def f(:") == []
    assert mutants_of("f", ANSWER.replace("### BEGIN SOLUTION", "")) == []


@pytest.mark.slow
def test_what_no_check_notices_survives(tmp_path: Path) -> None:
    """A gap in the checks would stay unknown until a student falls into it."""
    text = tiny_course.TEXT.replace("    answer = x * x\n", "    answer = abs(x) * abs(x) + 0 * x\n")
    course = tiny_course.make_course(tmp_path / "course", text)
    found = {noticed.title: noticed for noticed in try_mutants(course, tiny_course.NAME)}
    survivors = {title for title, noticed in found.items() if not noticed.by_any}
    assert survivors == {
        f"square: {what}" for what in ("without the last term", "minus instead of plus", "without the factor x")
    }
    assert found["square: without the first term"].by_visible
    entry = survivor_text(found["square: without the last term"])
    assert "    -    answer = abs(x) * abs(x) + 0 * x\n    +    answer = (abs(x) * abs(x))" in entry
    assert ":replaces: square\ndef square(x):" in entry
    assert "SOLUTION" not in entry
    assert mutation_table(tiny_course.NAME, list(found.values())).row_count == 2
