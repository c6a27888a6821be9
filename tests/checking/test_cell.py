"""Reading a check cell: its tests, what is hidden, what they weigh, and where its author slipped."""

from __future__ import annotations

import ast

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.preprocessors import ClearHiddenTests

from autograder.checking.cell import CheckCell, CheckCellError, is_check_cell

CELL = '''%%check
import math

def test_visible(student):
    """It holds
    on two lines.

    More for the instructor.
    """

### BEGIN HIDDEN TESTS
@points(2.5)
@given("softmax", "scores")
def test_hidden_one(student, reference, *, rng):
    pass

def helper():
    pass
### END HIDDEN TESTS

@points(0)
def test_last(student): assert True
'''


@pytest.mark.parametrize("source", ["%%check", "%%check\nx", "\n\n  %%check  \nx", "%%check now\nx", "%%check\r\nx"])
def test_check_cells_are_recognised(source: str) -> None:
    """A check cell would run in the student's kernel, hidden tests and all."""
    assert is_check_cell(source)


@pytest.mark.parametrize("source", ["", "%%checks\nx", "# %%check", "x = 1\n%%check", "%check\nx", "%%time\n%%check"])
def test_other_cells_are_not_check_cells(source: str) -> None:
    """An ordinary nbgrader test would be read as a check."""
    assert not is_check_cell(source)


def test_all_that_a_test_says_of_itself_is_read() -> None:
    """Weights, hiddenness or fixtures would be wrong, and with them the scores."""
    visible, hidden, last = CheckCell(CELL).tests()
    assert (visible.name, visible.description, visible.weight) == ("test_visible", "It holds on two lines.", 1.0)
    assert (visible.hidden, visible.fixtures, visible.given, visible.line) == (False, ("student",), (), 4)
    assert (hidden.name, hidden.description, hidden.weight) == ("test_hidden_one", "hidden one", 2.5)
    assert (hidden.hidden, hidden.fixtures) == (True, ("student", "reference", "rng"))
    assert (hidden.given, hidden.line) == (("softmax", "scores"), 14)
    assert (last.hidden, last.weight) == (False, 0.0)


def test_a_description_is_a_line_and_other_decorators_say_nothing_of_the_check() -> None:
    """A table would have spaces at its ends, or a check with a mark of pytest's could not be read."""
    source = '%%check\n@pytest.mark.skipif(False)\n@pytest.mark.slow\ndef test_a(student):\n    """ It holds.  """'
    (test,) = CheckCell(source).tests()
    assert (test.description, test.weight, test.given, test.void) == ("It holds.", 1.0, (), "")


def test_line_numbers_stay() -> None:
    """An error would be reported for another line than the author sees."""
    module = CheckCell(CELL).module
    lines = {node.name: node.lineno for node in ast.parse(module).body if isinstance(node, ast.FunctionDef)}
    written = CELL.split("\n")
    assert all(f"def {name}(" in written[line - 1] for name, line in lines.items())
    assert len(module.split("\n")) == len(written)


def test_a_cell_without_a_body_has_no_tests() -> None:
    """An empty check cell would end the grader."""
    assert CheckCell("%%check").tests() == []


def test_a_cell_may_begin_with_empty_lines() -> None:
    """Every student would wait for a person, over a line that nobody sees."""
    assert [test.name for test in CheckCell("\n \n%%check\ndef test_a(student): pass").tests()] == ["test_a"]


@pytest.mark.parametrize("comment", ["### BEGIN HIDDEN TESTS", "# BEGIN HIDDEN TESTS", "#BEGIN HIDDEN TESTS  "])
def test_what_nbgrader_takes_out_of_the_release_is_hidden(comment: str) -> None:
    """The numbers of a test that students never see would be told to them."""
    end = comment.replace("BEGIN", "END")
    source = f"%%check\ndef test_a(student): pass\n{comment}\ndef test_b(student): pass\n{end}"
    cell = new_code_cell(source, metadata={"nbgrader": {"grade": True}})
    released, _ = ClearHiddenTests().preprocess(new_notebook(cells=[cell]), {})
    left = {test.name for test in CheckCell(released.cells[0].source).tests()}
    assert left == {test.name for test in CheckCell(source).tests() if not test.hidden} == {"test_a"}


@pytest.mark.parametrize(
    "source",
    [
        "def test_a(student):\n    assert True\n    ### BEGIN HIDDEN TESTS\n    assert 1\n    ### END HIDDEN TESTS",
        "### BEGIN HIDDEN TESTS\n@points(3)\n### END HIDDEN TESTS\ndef test_a(student): pass",
    ],
)
def test_a_test_with_a_hidden_line_is_hidden(source: str) -> None:
    """The numbers of the hidden lines of a test would be told to students."""
    (test,) = CheckCell(f"%%check\n{source}").tests()
    assert test.hidden


BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f"{BEGIN}\n{BEGIN}\n{END}", "line 3: HIDDEN TESTS begins inside HIDDEN TESTS: close that first"),
        (f"x = 1\n{END}", f"line 3: {END} without its {BEGIN}"),
        (f"{BEGIN}\n{END}\n{END}", f"line 4: {END} without its {BEGIN}"),
        (f"x = 1\n{BEGIN}\nx = 2", f"HIDDEN TESTS is never closed: add {END}"),
        ("x = 1\ndef test_a(student:\n    pass", "line 3: "),
        ("x = 1\n\n  y = 2", "line 4: unexpected indent"),
        ("@points(w)\ndef test_a(student): pass", "line 2: @points takes literal values, without names"),
        ("@points(weight=2)\ndef test_a(student): pass", "line 2: @points takes literal values, without names"),
        ("@points()\ndef test_a(student): pass", "line 2: @points takes literal values, without names"),
        ("@points(2, by=1)\ndef test_a(student): pass", "line 2: @points takes literal values, without names"),
        ("def test_a(private): pass", "line 2: test_a takes private files, so it must be hidden"),
        ("@points({[]: 1})\ndef test_a(student): pass", "line 2: @points takes literal values, without names"),
        ("match 1:\n    case _:\n        def test_a(student): pass", "line 4: test_a would not count"),
        ("@points('two')\ndef test_a(student): pass", "line 3: @points takes a number"),
        ("@points(True)\ndef test_a(student): pass", "line 3: @points takes a number"),
        ("@points(1e999)\ndef test_a(student): pass", "line 3: @points takes a number"),
        ("@void('')\ndef test_a(student): pass", "line 3: @void takes a text that says why"),
        ("@void(' ')\ndef test_a(student): pass", "line 3: @void takes a text that says why"),
        ("@void(1)\ndef test_a(student): pass", "line 3: @void takes a text that says why"),
        ("@void()\ndef test_a(student): pass", "line 2: @void takes literal values, without names"),
        ("def test_a(student): pass\ndef test_a(x): pass", "line 3: test_a is already defined at line 2"),
        ("async def test_a(student): pass", "line 2: test_a would not count: a check is a plain function"),
        ("class TestIt:\n    def test_a(self, student): pass", "line 3: test_a would not count"),
        ("if 1:\n    pass\nelse:\n    def test_a(student): pass", "line 5: test_a would not count"),
        ("try:\n    pass\nexcept ImportError:\n    def test_a(student): pass", "line 5: test_a would not count"),
        ("@given(*names)\ndef test_a(student): pass", "line 2: @given takes literal values, without names"),
        ("x = '\ud800'", "it cannot be read as Python: "),
        ("x = " + "-" * 9999 + "1", "it cannot be read as Python: "),
    ],
)
def test_a_slip_of_the_author_is_told_with_its_line(body: str, message: str) -> None:
    """A marker or weight that is written wrongly would change scores, or release a hidden test, in silence."""
    with pytest.raises(CheckCellError) as caught:
        CheckCell(f"%%check\n{body}").tests()
    assert str(caught.value).startswith(message)


def test_a_hidden_test_may_take_private_files() -> None:
    """Files that students must not see could be used by no check."""
    (test,) = CheckCell(f"%%check\n{BEGIN}\ndef test_a(student, private): pass\n{END}").tests()
    assert test.fixtures == ("student", "private")


@pytest.mark.parametrize(
    ("body", "names", "complete"),
    [
        ("student.f(student.x)\n    reference.g(1)", {"f", "x"}, True),
        ("student.f(1)\n    assert_unchanged(student)", {"f"}, True),
        ("with measure(student) as cost: student.f(1)", {"f"}, True),
        ("helper(student)", set(), False),
        ("helper(f=student)", set(), False),
        ("np.copy(student)", set(), False),
        ("getattr(student, name)", set(), False),
        ("other = student\n    other.f(1)", set(), False),
        ("with printed(student) as out: student.f(1)", {"f"}, False),
    ],
)
def test_what_a_cell_uses_of_the_notebook_is_read(body: str, names: set[str], complete: bool) -> None:
    """A grade would stand though the answer that a check uses in another way has changed."""
    called = CheckCell(f"%%check\ndef test_a(student, reference):\n    {body}\n").called()
    assert (called.names, called.complete) == (names, complete)


def test_right_options_that_students_can_read_are_found_with_their_lines() -> None:
    """The answer to a multiple-choice question would be released."""
    body = "\n".join(
        [
            "def test_a(student): assert_choice(student.a, 'abc', right='a')",
            "def test_b(student): assert_choice(student.b, 'abc', reasons={'c': 'why not'})",
            "def test_c(student): assert_choice(student.c, options='abc')",
            "def test_d(student): other(student.d, right='a')",
            BEGIN,
            "def test_e(student): assert_choice(student.e, 'abc', right='a')",
            END,
        ]
    )
    assert CheckCell(f"%%check\n{body}").revealing_lines() == [2, 3]


@pytest.mark.parametrize(
    "helper",
    [
        "def helper():\n    def test_point(): pass",
        "class Model:\n    def test_error(self): pass",
        "class TestData:\n    size = 3",
        "async def helper(): pass",
    ],
)
def test_helpers_of_a_check_cell_are_no_tests(helper: str) -> None:
    """A cell that is right could not be released."""
    assert [test.name for test in CheckCell(f"%%check\n{helper}\ndef test_a(student): pass").tests()] == ["test_a"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("student.f(1)\n    assert_unchanged(student)", True),
        ("student.f(1)\n    assert_no_warnings(student)", True),
        ("with measure(student) as cost: student.f(1)\n    assert_that(cost.lines < 9, 'no loops')", True),
        ("with measure(student) as cost: student.f(1)\n    assert cost.lines < 9", True),
        ("with measure(student) as cost: a = student.f(1)\n    assert a == 1 and 2\n    assert cost.lines < 9", False),
        ("assert_close(student.f(1), 1)\n    assert_unchanged(student)", False),
        ("assert_that(student.f(1) == 1, 'one')", False),
        ("assert student.f(1) == 1\n    assert_unchanged(student)", False),
        ("helper(student)\n    assert_unchanged(student)", False),
        ("assert_that(student.f(1) == 1, 'one')\n    assert_unchanged(student)", False),
        ("with measure(student): student.f(1)\n    assert_unchanged(student)", True),
        (
            "with printed(student) as out: student.f(1)\n    assert out.text == 'a'\n    assert_unchanged(student)",
            False,
        ),
        ("assert_same(student.f(1), 1)\n    assert_unchanged(student)", False),
        ("assert_choice(student.answer, 'ab')\n    assert_unchanged(student)", False),
        ("student.f(1)", False),
        ("with pytest.raises(ValueError): student.f(1)\n    assert_unchanged(student)", False),
    ],
)
def test_checks_that_believe_the_students_process_are_told(body: str, expected: bool) -> None:
    """An author would not know that points can be had by tampering."""
    cell = CheckCell(f"%%check\ndef helper(student): pass\ndef test_a(student):\n    {body}\n")
    assert bool(cell.believing()) is expected
