"""`%%check` in a real IPython: what students see in their own notebook, and what nbgrader's tools make of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output
from nbformat.v4 import new_code_cell, new_output
from nbgrader import utils

from autograder.checking.magic import CheckTable
from autograder.checking.outcomes import Outcome, Verdict
from autograder.checking.table import text_table


def shown(shell: InteractiveShell, source: str) -> tuple[dict[str, str], str]:
    """The result of a cell as a front end gets it, and what it printed."""
    with capture_output() as captured:
        result = shell.run_cell(source).result
    data = shell.display_formatter.format(result)[0] if result is not None else {}
    return data, captured.stdout


TESTS = '''%%check
def test_small(student):
    """Right on a small number."""
    assert_close(student.double(2), 4.0)

@points(3)
def test_negative(student):
    """Right on a negative number & zero."""
    assert_close(student.double(-2), -4.0)
'''
BROKEN = ["def double(x): return 2 * x", "def double(x) return 2 * x"]


def test_a_class_that_is_still_to_be_written_is_not_done_yet(shell: InteractiveShell) -> None:
    """A student who has not begun would be asked whether the cell of the class has been run."""
    with capture_output():
        shell.run_cell("class KMeans:\n    'k-means'\n    raise NotImplementedError()", store_history=True)
    data, _ = shown(shell, "%%check\ndef test_a(student):\n    student.KMeans(3)")
    assert "Not done yet: KMeans." in data["text/html"]


def test_a_student_reads_why_a_check_cannot_be_run_here(shell: InteractiveShell) -> None:
    """Without pandas on their laptop they read that a person would look at it, whom nobody had told."""
    data, _ = shown(shell, "%%check\nimport pandas_of_another_world\n\ndef test_a(student):\n    student.f()")
    reason = "This check could not be run here: ModuleNotFoundError: No module named 'pandas_of_another_world'"
    assert reason in " ".join(data["text/plain"].split())


def graded(shell: InteractiveShell) -> tuple[float, list[str]]:
    """The points of two that nbgrader itself gives for what the cell put out, and what it warned of."""
    with capture_output() as captured:
        result = shell.run_cell(TESTS).result
    said = [("stdout", captured.stdout), ("stderr", captured.stderr)]
    outputs = [new_output("stream", name=name, text=text) for name, text in said if text]
    outputs += [new_output("execute_result", shell.display_formatter.format(result)[0])] if result is not None else []
    cell = new_code_cell(TESTS, outputs=outputs)
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": 2, "grade_id": "a"}
    warned: list[str] = []
    log = logging.Logger("nbgrader")
    log.addFilter(lambda record: warned.append(record.getMessage()) is not None)
    return utils.determine_grade(cell, log)[0], warned


def test_unfinished_work_is_told_check_by_check(shell: InteractiveShell) -> None:
    """A student who has not begun would see a traceback instead of what is to be done."""
    data, _ = shown(shell, TESTS)
    assert "0 of 2 visible checks hold" in data["text/html"]
    assert data["text/html"].count("There is no double: has the cell that defines it been run?") == 2
    with capture_output():
        shell.run_cell("def double(x)\n    return 2 * x\n    raise NotImplementedError()", store_history=True)
    assert "There is no double: the cell that defines it ended with an error." in shown(shell, TESTS)[0]["text/html"]
    shell.run_cell("def double(x): raise NotImplementedError")
    assert "Not done yet: double still raises NotImplementedError." in shown(shell, TESTS)[0]["text/html"]


def test_a_partly_right_answer_shows_what_holds_and_what_does_not(shell: InteractiveShell) -> None:
    """A student would not see which check holds, nor why another does not."""
    shell.run_cell("def double(x): return abs(2 * x)")
    html = shown(shell, TESTS)[0]["text/html"]
    assert "1 of 2 visible checks hold" in html
    assert "Right on a negative number &amp; zero." in html
    assert "Got 4, expected -4." in html
    assert html.index("✓") < html.index("✗")


@pytest.mark.parametrize(("body", "earned"), [("2 * x", 2), ("abs(2 * x)", 0), ("0", 0), ("missing", 0)])
def test_nbgrader_reads_full_marks_only_where_all_checks_hold(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, body: str, earned: float
) -> None:
    """nbgrader's Validate button would call wrong work right, or right work wrong, or warn of our table."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    shell.run_cell(f"import sys\ndef double(x):\n    print('a student says', file=sys.stderr)\n    return {body}")
    assert graded(shell) == (earned, [])


def test_what_students_and_authors_write_is_text_in_the_table(shell: InteractiveShell) -> None:
    """A name or an exception's text could run a script in the browser of whoever opens the notebook."""
    shell.run_cell("def double(x): raise ValueError('<script>alert(1)</script> \"&')")
    tests = TESTS.replace("Right on a small number.", "<img src=x onerror=alert(2)>")
    html = shown(shell, tests)[0]["text/html"]
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_table_can_be_read_as_text(shell: InteractiveShell) -> None:
    """Where HTML is not shown, a student would see nothing, or a number."""
    shell.run_cell("def double(x): return abs(2 * x)")
    assert shown(shell, TESTS)[0]["text/plain"] == (
        "1 of 2 visible checks hold\n"
        "✓ holds: Right on a small number.\n"
        "✗ fails: Right on a negative number & zero.\n"
        "    The values are wrong. Got 4, expected -4."
    )


def test_text_is_no_wider_than_a_terminal_and_loses_nothing(shell: InteractiveShell) -> None:
    """nbgrader's `validate` cuts long lines."""
    words = [f"my-word{number}" for number in range(40)]
    shell.run_cell(f"def f(): raise ValueError({' '.join(words)!r})")
    text = shown(shell, f'%%check\ndef test_f(student):\n    """{" ".join(words)}"""\n    student.f()')[0]["text/plain"]
    assert max(map(len, text.splitlines())) <= 79
    assert all(text.split().count(word) >= 2 for word in words[:-1])


def test_what_is_continued_or_told_of_a_check_is_indented() -> None:
    """Where one check ends and the next begins could not be seen."""
    verdicts = [
        Verdict("test_a", "ten letters " * 8, 1, False, Outcome.PASSED),
        Verdict("test_b", "Right.", 1, False, Outcome.WRONG, "another message " * 6 + "\nIts second line."),
    ]
    assert text_table(verdicts, "1 of 2", "More is asked when graded. " * 4).splitlines() == [
        "1 of 2",
        "✓ holds: ten letters ten letters ten letters ten letters ten letters ten",
        "  letters ten letters ten letters",
        "✗ fails: Right.",
        "    another message another message another message another message another",
        "    message another message",
        "    Its second line.",
        "More is asked when graded. More is asked when graded. More is asked when",
        "graded. More is asked when graded.",
    ]


def test_a_void_check_is_not_counted(shell: InteractiveShell) -> None:
    """A student would look for a mistake that is none of theirs."""
    shell.run_cell("def double(x): return abs(2 * x)")
    tests = TESTS.replace("@points(3)", '@points(3)\n@void("It asked too much.")')
    html = shown(shell, tests)[0]["text/html"]
    assert "1 of 1 visible checks hold" in html
    assert "– void" in html
    assert "Void: It asked too much." in html


def test_what_the_hidden_checks_ask_is_one_sentence() -> None:
    """What is still to come would be read as one check."""
    table = CheckTable([], ["Numbers near 1000.", "Arguments are unchanged"])
    assert table.more == "2 more when graded: Numbers near 1000; Arguments are unchanged."
    assert table._repr_html_().endswith(f">{table.more}</p>")
    assert "<p" not in CheckTable([], [])._repr_html_()


@pytest.mark.parametrize(
    "body", ["def test_a(student:\n    pass", "### BEGIN HIDDEN TESTS", "@points(x)\ndef test_a(): pass"]
)
def test_a_check_cell_that_was_changed_is_told(shell: InteractiveShell, body: str) -> None:
    """A student who has broken a check cell would see a traceback of our own."""
    data, printed = shown(shell, f"%%check\n{body}")
    assert not data
    assert printed.startswith("This check cell was changed and cannot be read any more")
    assert printed.endswith("get a fresh copy of the notebook.\n")


def test_a_cell_without_a_check_does_not_claim_that_all_hold(shell: InteractiveShell) -> None:
    """A cell whose checks are all hidden would look like a success."""
    data, printed = shown(shell, "%%check\nimport math")
    assert not data
    assert printed == "No check of this cell can be run here: hidden checks run after you hand in.\n"


def test_a_check_leaves_the_notebook_as_it_was(shell: InteractiveShell) -> None:
    """Names of the checks would get into the student's notebook and hide mistakes there."""
    shell.run_cell("def double(x): return 2 * x")
    before = {name for name in shell.user_ns if not name.startswith("_")}
    shell.run_cell(TESTS)
    assert {name for name in shell.user_ns if not name.startswith("_")} == before
    assert not shell.run_cell("double(4)").error_in_exec


def test_arguments_are_copies_as_when_grading(shell: InteractiveShell) -> None:
    """A check would hold in the notebook and fail in grading: the function changes what it is given."""
    shell.run_cell("def spoil(a):\n    a += 1\n    return a")
    tests = (
        "%%check\ndef test_a(student):\n    a = np.zeros(2)\n    b = student.spoil(a)\n    b += 1\n"
        "    assert_close(a, np.zeros(2))\n    assert_unchanged(student)"
    )
    assert "spoil changes its first argument" in shown(shell, tests)[0]["text/html"]


def test_the_answer_key_is_not_in_a_students_notebook(shell: InteractiveShell) -> None:
    """A visible test that uses the answer key would end in a traceback of our own."""
    html = shown(shell, "%%check\ndef test_a(student, reference): reference.f(1)")[0]["text/html"]
    assert "This runs when your work is graded: it needs the answer key." in html
    assert "0 of 0 visible checks hold" in html


def test_random_numbers_are_the_same_each_time_a_check_is_run(shell: InteractiveShell) -> None:
    """A student's check would hold now and then, or its mistake be gone when they look for it."""
    shell.run_cell("seen = []\ndef note(x): seen.append(float(x))")
    for _ in range(2):
        shown(shell, "%%check\ndef test_a(student, rng): student.note(rng.normal())")
    first, second = shell.user_ns["seen"]
    assert first == second


def test_rich_output_of_students_is_not_swallowed(shell: InteractiveShell) -> None:
    """Plots that a student's function shows during a check would vanish without a word, or be taken for the table."""
    shell.run_cell(
        "from IPython.display import display, HTML\ndef double(x):\n    display(HTML('<b>hi</b>'))\n    return 2 * x"
    )
    with capture_output() as captured:
        shell.run_cell(TESTS)
    outputs: list[Any] = captured.outputs
    assert all(isinstance(output, RichOutput) for output in outputs)
    assert "2 of 2 visible checks hold" in shown(shell, TESTS)[0]["text/plain"]


def test_a_student_s_function_may_read_files(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check would fail in the notebook that passes when it is graded, and nobody would know why."""
    (tmp_path / "data.txt").write_text("4.0")
    monkeypatch.chdir(tmp_path)
    shell.run_cell("def double(x): return float(open('data.txt').read()) * (1 if x > 0 else -1)")
    assert "2 of 2 visible checks hold" in shown(shell, TESTS)[0]["text/html"]


def test_a_warning_is_told_with_the_line_that_it_comes_from(shell: InteractiveShell) -> None:
    """Its kind alone sends students searching."""
    shell.run_cell(
        "import numpy as np\ndef f(x):\n    def g(x): return x\n    y = x + 1\n    return np.exp(y)", store_history=True
    )
    source = "%%check\ndef test_a(student):\n    student.f(np.array([1e4]))\n    assert_no_warnings(student)"
    told = shown(shell, source)[0]["text/html"]
    assert "RuntimeWarning: overflow encountered in exp — in f, line 5: return np.exp(y)" in told


@pytest.mark.parametrize(
    ("cells", "is_told"),
    [
        (["def double(x): return 2 * x", "def double(x) return 2 * x"], True),
        (["double = abs", "double = (abs"], True),
        (["def double(x):\n    return 2 * x", "def double(x):\n    if x:\n        return 2\n   return 3"], True),
        (["def double(x) return 2 * x", "def double(x): return 2 * x"], False),
        (["def double(x): return 2 * x", "def doubled(x) return 2 * x"], False),
        (["def double(x) return 2 * x"], False),
        (["import asyncio\nawait asyncio.sleep(0)\n%pwd\ndef double(x): return 2 * x"], False),
        (["def double(x): return 2 * x", "def double(x) return 2 * x", TESTS], True),
        ([*BROKEN, "from operator import neg as double"], False),
        ([*BROKEN, "from operator import *"], False),
        ([*BROKEN, "%run no_such_file.py"], False),
        ([*BROKEN, "double, a = abs, 1"], False),
        ([*BROKEN, "double: object = abs"], False),
        ([*BROKEN, "%%time\nx = 1\ndouble = abs"], False),
    ],
)
def test_a_cell_that_could_not_be_run_is_told(shell: InteractiveShell, cells: list[str], is_told: bool) -> None:
    """A student would search in a cell for the mistake of an earlier version, or hand in what cannot be run."""
    with capture_output():
        for cell in [*cells, "pass"]:
            shell.run_cell(cell, store_history=True)
    told = "The cell of double has an error of syntax: the checks saw what an earlier run of it defined."
    data, _ = shown(shell, TESTS)
    assert (told in data["text/html"]) is is_told
    assert (told in " ".join(data["text/plain"].split())) is is_told


def test_a_cell_that_is_too_deep_for_python_loses_no_table(shell: InteractiveShell) -> None:
    """IPython itself raises with such a cell, and the check cells after it did, too."""
    shell.run_cell("def double(x): return 2 * x", store_history=True)
    shell.user_ns["In"].append("double = " + "+".join(["1"] * 6000))
    assert "2 of 2 visible checks hold" in shown(shell, TESTS)[0]["text/html"]


def test_a_cell_s_warnings_are_not_repeated_by_its_checks(
    shell: InteractiveShell, recwarn: pytest.WarningsRecorder
) -> None:
    """A student would read them again with every run of a check cell."""
    shell.run_cell("def double(x): return 2 * x if x is not 1 else '\\d'", store_history=True)
    assert {warning.category for warning in recwarn} >= {SyntaxWarning}
    recwarn.clear()
    assert "2 of 2 visible checks hold" in shown(shell, TESTS)[0]["text/html"]
    assert not [str(warning.message) for warning in recwarn]


def test_one_interrupt_ends_a_check_cell(shell: InteractiveShell) -> None:
    """With a loop that does not end, a student would have to press ■ once for each check."""
    source = "import signal\ncalls = []\ndef double(x):\n    calls.append(x)\n    signal.raise_signal(signal.SIGINT)"
    shell.run_cell(source, store_history=True)
    message = shown(shell, TESTS)[0]["text/html"]
    assert "double raised KeyboardInterrupt — in double, line 5: signal.raise_signal(signal.SIGINT)" in message
    assert "Your code was stopped: you interrupted an earlier check." in message
    assert shell.user_ns["calls"] == [2]


SURPRISAL = """\
import numpy as np, warnings
def share(p):
    return p / p.sum()
def surprisal(p, base=0):
    warnings.warn("of another kind")
    base = np.exp(base)
    return np.mean(-np.log(p) / base)
"""


@pytest.mark.parametrize(
    ("body", "warned"),
    [
        (
            "student.surprisal(np.array([0.0, 1.0])), 1.0",
            "surprisal warned: divide by zero encountered in log — in s",
        ),
        (
            "student.surprisal(student.share(np.zeros(2))), 1.0",
            "share warned: invalid value encountered in divide — in",
        ),
        ("{'a': student.surprisal(np.zeros(1))}, {'a': 1.0}", "surprisal, line 7: return np.mean(-np.log(p) / base)."),
        (
            "student.surprisal(np.zeros(2), 1e3), 1.0",
            "surprisal warned: overflow encountered in exp — in s",
        ),
        ("student.share(np.zeros(2)) * student.surprisal(np.zeros(2)), np.ones(2)", "surprisal warned: divide by"),
        ("student.surprisal(np.ones(2), 1e3), 1.0", ""),
        ("student.surprisal(np.zeros(2)) > 1, False", ""),
        ("student.surprisal(np.zeros(2)), -np.inf", ""),
        ("'nan', student.surprisal(np.zeros(2))", ""),
        ("10**400, 1.0", ""),
        ("student.surprisal(np.zeros(2)), 10**400", "surprisal warned: divide by zero"),
        ("student.share(np.array([np.inf])), np.ones(1)", "share warned: invalid value encountered in divide"),
        ("student.share(np.array([np.nan, 1])), np.ones(2)", ""),
    ],
)
def test_the_line_that_nan_or_infinity_comes_from_is_told(shell: InteractiveShell, body: str, warned: str) -> None:
    """A student would search for it; and where it explains nothing, a warning would send them astray."""
    shell.run_cell(SURPRISAL, store_history=True)
    message = shown(shell, f"%%check\ndef test_a(student):\n    assert_close({body})")[0]["text/plain"]
    told = " ".join(message.split())
    assert "✗ fails" in told
    assert warned in told
    assert ("warned" in told) is bool(warned)
