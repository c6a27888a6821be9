"""Printed text, figures and files of a call: what a test sees of them, what is told, and what hostile ones gain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_cell import run_checks

from autograder.checking.cell import CheckCell
from autograder.checking.check_runner import Seeds
from autograder.checking.figure_comparison import MOST_CANDIDATES, assert_figure
from autograder.checking.observing import Axes, Figure, figures_of
from autograder.checking.outcomes import CheckFailed, Outcome, Verdict
from autograder.checking.proxies import NotebookProxy
from autograder.checking.transports import InProcessTransport
from autograder.kernel_side.observation import MAX_FILE, MAX_PRINTED
from autograder.kernel_side.values import Encoder

SOURCE = """
import matplotlib.pyplot as plt
def hello(name): print("Hello,", name); return 3
def endless():
    for _ in range(10**6): print("x" * 100)
def curves(x):
    plt.plot(x, x**2, label="square")
    plt.plot(x, np.exp(x), "--", label="exp")
    plt.title("Growth"); plt.xlabel("x"); plt.ylabel("value"); plt.yscale("log"); plt.legend()
    plt.show()
def others():
    figure, (a, b, c) = plt.subplots(1, 3)
    figure.suptitle("three")
    a.scatter([1, 2], [3, 4]); b.bar(["u", "v"], [5, 6]); c.imshow(np.eye(3))
def nothing(): pass
def empty(): plt.figure()
def many():
    plt.plot(np.zeros(10**6)); plt.imshow(np.zeros((1000, 1000)))
def too_many():
    plt.imshow(np.zeros((6000, 6000)))
def open_figures():
    for _ in range(100): plt.figure()
def odd():
    plt.plot([1, 2]); plt.gca().get_title = lambda: 1 / 0
def write(text, name="out"):
    with open(name, "w") as file: file.write(text)
def binary():
    with open("b", "wb") as file: file.write(b"\\xff")
def link():
    import os; os.symlink("/etc/passwd", "passwd"); os.mkfifo("pipe")
def elsewhere():
    import pathlib
    for folder in (".cache", "plots"):
        pathlib.Path(folder).mkdir(); pathlib.Path(folder, "a").write_text(folder)
def longer(text):
    import os
    seen = os.stat("out").st_mtime_ns
    with open("out", "a") as file: file.write(text)
    os.utime("out", ns=(seen, seen))
def big():
    with open("big", "wb") as file: file.truncate(10**9)
"""


@pytest.fixture
def student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NotebookProxy:
    """A notebook with these functions, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"np": np}
    exec(compile(SOURCE, "<cell 1>", "exec"), namespace)
    return NotebookProxy(InProcessTransport(namespace))


def verdict(body: str, student: NotebookProxy, hidden: bool = False) -> Verdict:
    """The verdict of one test with this body."""
    test = f"def test_a(student):\n    {body}"
    test = f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS" if hidden else test
    (found,) = run_checks(CheckCell(f"%%check\n{test}"), student, None, Seeds(b"", "", "", ""))
    return found


DRAWN = "x = np.arange(3.0)\n    with figures(student) as drawn: student.curves(x)\n    "
OTHERS = "with figures(student) as drawn: student.others()\n    a, b, c = drawn[0].axes\n    "


@pytest.mark.parametrize(
    "body",
    [
        "with printed(student) as out: assert student.hello('a') == 3\n    assert_same(out.text, 'Hello, a\\n')",
        "with printed(student) as out: [student.hello(n) for n in 'ab']\n    assert out.lines[1] == 'Hello, b'",
        "with printed(student) as out: student.nothing()\n    assert out.lines == []",
        "with printed(student) as out, figures(student) as d: student.hello('a')\n    assert out.lines and not d",
        DRAWN + "assert_figure(drawn, title='growth', xlabel=True, ylabel='value', yscale='log', legend=['exp'])",
        DRAWN + "assert_figure(drawn, lines=2); assert_figure(drawn, lines=[(x, x**2), (x, np.exp(x))])",
        DRAWN + "assert drawn[0].axes[0].labels == ['square', 'exp'] and len(drawn) == 1",
        OTHERS + "assert drawn[0].title == 'three'; assert_figure(a, points=[[1, 3], [2, 4]])",
        OTHERS + "assert_figure(b, bars=[5, 6]); assert b.xticks == ['u', 'v']",
        OTHERS + "assert_figure(c, image=np.eye(3))",
        "with figures(student) as drawn: student.open_figures()\n    assert len(drawn) == 20",
        "with figures(student) as drawn: student.many()\n    assert len(drawn[0].axes[0].lines[0][0]) == 10**6",
        "with written(student) as files: student.write('a,b\\n')\n    assert_same(files.text('out'), 'a,b\\n')",
        "with written(student) as files: student.elsewhere()\n    assert files.files == {'plots/a': b'plots'}",
        "student.write('a')\n    with written(student) as f: student.longer('b')\n    assert f.text('out') == 'ab'",
        "with written(student) as files: student.link()\n    assert files.files == {}",
        "with written(student) as files: student.write('a\\r\\nb')\n    assert_same(files.text('out'), 'a\\nb')",
        "with measure(student) as cost: pass\n    assert (cost.lines, cost.peak_bytes) == (0, 0)",
        "with printed(student) as out: student.hello('a \\n\\n b\\n')\n    assert out.lines == ['Hello, a', '', ' b']",
        "with written(student) as files: student.write('a', 'x'); student.write('b', 'y')\n"
        "    assert files.text('x') + files.text('y') == 'ab'",
        f"with written(student) as files: student.big()\n    assert len(files.data('big')) == {MAX_FILE}",
    ],
    ids=range(21),
)
def test_what_a_call_leaves_behind_is_seen(student: NotebookProxy, body: str) -> None:
    """Printing, plots and files could only be graded by hand."""
    found = verdict(body, student)
    assert found.passed, found.detail


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (DRAWN + "assert_figure(drawn, title='loss')", "The title must contain 'loss'. It is 'Growth'."),
        (DRAWN + "assert_figure(drawn, xscale='log')", "The x axis must have the scale 'log'. It has 'linear'."),
        (DRAWN + "assert_figure(drawn, legend=['tanh'])", "The legend does not name 'tanh'. It has square, exp."),
        (DRAWN + "assert_figure(drawn, lines=3)", "The number of lines must be 3. There are 2."),
        (DRAWN + "assert_figure(drawn, lines=[(x, x**2), (x, x)])", "Line 2 of 2 has the wrong y values."),
        (DRAWN + "assert_figure(drawn, lines=[(x, x**2), (x + 1, x)])", "Line 2 of 2 is not there: no line"),
        (DRAWN + "assert_figure(drawn, bars=[1])", "There are no bars."),
        (OTHERS + "assert_figure(drawn, xlabel=True)", "There is no label on the x axis."),
        (OTHERS + "assert_figure(a, legend=True)", "There is no legend: label the lines and call legend()."),
        (OTHERS + "assert_figure(a, points=[[1, 3]])", "The number of points is wrong."),
        (OTHERS + "assert_figure(b, bars=[5, 7])", "The bars have the wrong values."),
        (OTHERS + "assert_figure(c, image=np.ones((3, 3)))", "The image has the wrong values."),
        ("with figures(student) as drawn: student.nothing()\n    assert_figure(drawn)", "No figure was drawn."),
        ("with figures(student) as drawn: student.empty()\n    assert_figure(drawn)", "The figure is empty."),
        ("with figures(student) as drawn: student.too_many()", "What too_many holds is too large"),
        ("with figures(student) as drawn: student.odd()", "odd raised ZeroDivisionError"),
        ("with written(student) as files: student.write('')\n    files.text('b')",
         "The file b was not written. Written: out."),
        ("with written(student) as files: student.binary()\n    files.text('b')", "The file b is not text in UTF-8."),
        ("with written(student) as files: pass\n    files.text('b')", "The file b was not written. Written: nothing."),
        ("with printed(student) as out: student.hello('a')\n    assert_same(out.lines, ['b'])", "The value is wrong."),
    ],
    ids=range(20),
)  # fmt: skip
def test_what_is_missing_is_told(student: NotebookProxy, body: str, message: str) -> None:
    """A student would not learn what their plot or their output lacks."""
    found = verdict(body, student)
    assert found.outcome in (Outcome.WRONG, Outcome.RAISED)
    assert message in found.message


def test_printing_without_end_is_cut(student: NotebookProxy) -> None:
    """A megabyte of output for each call would fill the grader's memory."""
    started = time.process_time()
    found = verdict(
        f"with printed(student) as out: student.endless()\n    assert len(out.text) == {MAX_PRINTED}", student
    )
    assert found.passed, found.detail
    assert time.process_time() - started < 20


LINE = np.arange(3.0)
AXES: dict[str, Any] = {
    "title": "a", "xlabel": "b", "ylabel": "c", "xscale": "d", "yscale": "e", "xlim": [0, 1.5], "ylim": [-1, 2],
    "legend": ["f"], "xticks": ["g"], "yticks": ["h"], "lines": [{"x": LINE, "y": LINE + 1, "label": "i"}],
    "points": [{"xy": LINE + 2}], "bars": [{"bars": LINE + 3}], "images": [{"data": LINE > 1}],
}  # fmt: skip


def test_all_of_a_figure_is_read() -> None:
    """A check of one part of a plot would look at another."""
    (figure,) = figures_of([{"title": "all", "axes": [AXES]}])
    (axes,) = figure.axes
    assert (figure.title, axes.title, axes.xlabel, axes.ylabel, axes.xscale, axes.yscale) == ("all", *"abcde")
    assert (axes.xlim, axes.ylim, axes.legend, axes.xticks, axes.yticks) == ([0, 1.5], [-1, 2], ["f"], ["g"], ["h"])
    assert (axes.labels, [[list(x), list(y)] for x, y in axes.lines]) == (["i"], [[[0, 1, 2], [1, 2, 3]]])
    found = [list(array[0]) for array in (axes.points, axes.bars, axes.images)]
    assert found == [[2, 3, 4], [3, 4, 5], [False, False, True]]
    assert figures_of([{"title": "", "axes": [AXES | {"legend": None}]}])[0].axes[0].legend is None


@pytest.mark.parametrize(
    "forged",
    [
        3, [3], ["ab"], {"title": "a"}, [{}], [{"title": 3, "axes": []}], [{"title": "a", "axes": 3}],
        *([{"title": "a", "axes": [AXES | part]}] for part in (
            {"xlabel": 3}, {"yscale": None}, {"xlim": 3}, {"ylim": ["a"]}, {"legend": [5]}, {"legend": 5},
            {"xticks": [None]}, {"lines": [{}]}, {"lines": [{"x": LINE, "y": [1.0], "label": ""}]},
            {"lines": [{"x": LINE, "y": LINE, "label": 3}]}, {"points": [{"xy": np.array(["a"])}]},
            {"bars": [{"bars": LINE + 1j}]}, {"images": [{"data": None}]},
        )),
    ],
    ids=range(20),
)  # fmt: skip
def test_a_forged_figure_is_a_wrong_answer(forged: Any) -> None:
    """A comparison would fail on it as on a slip of the author's."""
    with pytest.raises(CheckFailed, match="what was drawn could not be read"):
        figures_of(forged)


class Forger:
    """A kernel that says of every call that it left this behind."""

    def __init__(self, observed: Any, *buffers: bytes) -> None:
        self.observed, self.buffers = observed, list(buffers)

    def request(self, message: Any, buffers: Any, call_back: Any) -> Any:
        if message["op"] == "get":
            return {"op": "function"}, []
        return {"op": "return", "value": 1, "observed": self.observed}, self.buffers


@pytest.mark.parametrize("forged", [3, ["list", [3]], ["dict", [["printed", 7], ["files", 7]]], ["dict", []]])
def test_forged_observations_are_none(forged: Any) -> None:
    """A kernel could end the grader, or have its check wait for a person."""
    block = "with printed(student) as p, written(student) as w: student.f()"
    found = verdict(f"{block}\n    assert (p.text, w.files) == ('', {{}})", NotebookProxy(Forger(forged)))
    assert found.passed, found.detail


def test_only_files_with_a_name_and_data_are_kept() -> None:
    """A forged one would end the check that reads it."""
    encoder = Encoder()
    data, other = encoder.encode(b"data"), encoder.encode(b"other")
    forged = [["a", data], [1, other], ["b", 2], ["c", "text"]]
    student = NotebookProxy(Forger(["dict", [["files", ["dict", forged]]]], *encoder.buffers))
    found = verdict("with written(student) as w: student.f()\n    assert w.files == {'a': b'data'}", student)
    assert found.passed, found.detail


def test_figures_are_closed_and_showing_works_again(student: NotebookProxy) -> None:
    """A check would leave its figures to the next cell, or keep the notebook from showing any."""
    import matplotlib.pyplot as plt

    show = plt.show
    assert verdict(DRAWN + "assert len(drawn) == 1", student).passed
    assert plt.get_fignums() == []
    assert plt.show is show


def axes(**about: Any) -> Axes:
    """An Axes with these contents, and nothing else."""
    texts = dict.fromkeys(("title", "xlabel", "ylabel"), "") | {"xscale": "linear", "yscale": "linear", "legend": None}
    lists: dict[str, Any] = {name: [] for name in ("xlim", "ylim", "xticks", "yticks", "labels")}
    return Axes(**texts | lists | {"lines": [], "points": [], "bars": [], "images": []} | about)


X, Y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
BARS = np.column_stack([X, np.zeros(3), np.ones(3), Y])


@pytest.mark.parametrize(
    ("shown", "asked", "cause"),
    [
        ({"lines": [(X, Y), (Y, X)]}, {"lines": [(X, X), (Y, Y)]}, "line 1 of 2 has the wrong y values"),
        ({"lines": [(X, Y)]}, {"lines": [(Y, Y)]}, "the line is not there: no line has its x values"),
        ({"lines": [(X[:1], Y[:1])]}, {"lines": [([1, 1], [4, 4])]}, "the line is not there"),
        ({"lines": [(X, Y[:1])]}, {"lines": [(X, [4, 4, 4])]}, "the line has the wrong y values"),
        ({"lines": [(X, Y)]}, {"lines": [(X, Y * (1 + 1e-5))]}, "the line has the wrong y values"),
        ({"bars": [BARS]}, {"bars": X}, "the bars have the wrong values"),
        ({"points": [np.ones((1, 2)), np.zeros((3, 2))]}, {"points": np.ones((3, 2))}, "the points have the wrong"),
        ({"images": [np.eye(2)]}, {"image": np.eye(3)}, "the image has the wrong shape"),
        ({"points": [np.eye(2)] * (MOST_CANDIDATES + 1)}, {"points": np.eye(2)}, "there are too many scatter plots"),
        ({"bars": [BARS] * (MOST_CANDIDATES + 1)}, {"bars": Y}, "there are too many bar charts"),
        ({"images": [np.eye(2)] * (MOST_CANDIDATES + 1)}, {"image": np.eye(2)}, "there are too many images"),
        ({"title": " "}, {"title": True}, "there is no title"),
        ({"legend": []}, {"legend": True}, "there is no legend"),
        ({"legend": ["a", "b"]}, {"legend": ["a", "c"]}, "the legend does not name 'c'"),
        ({}, {"yscale": "log"}, "the y axis must have the scale 'log'"),
        ({"title": "x", "xlabel": "x"}, {"ylabel": True}, "there is no label on the y axis"),
    ],
)
def test_a_figure_that_shows_something_else_is_wrong(shown: Any, asked: Any, cause: str) -> None:
    """The y values of another line, or one value for many, would count as what was asked for."""
    with pytest.raises(CheckFailed) as caught:
        assert_figure(axes(**shown), **asked)
    assert caught.value.cause.startswith(cause)


@pytest.mark.parametrize(
    ("shown", "asked"),
    [
        ({"lines": [(Y, X), (X, Y)]}, {"lines": [(X, Y), (Y, X)]}),
        ({"lines": [(X, Y)]}, {"lines": [(X, Y * (1 + 1e-4))], "rtol": 1e-3}),
        ({"points": [np.eye(2)] * MOST_CANDIDATES}, {"points": np.eye(2)}),
        ({"points": [np.eye(2)]}, {"points": np.eye(2) * (1 + 1e-4), "rtol": 1e-3}),
        ({"bars": [BARS]}, {"bars": Y}),
        ({"images": [np.array([[np.nan, 1.0]])]}, {"image": np.array([[np.nan, 1.0]])}),
        ({"title": "Loss on Training Data"}, {"title": "TRAINING"}),
        ({"legend": ["Train", "Test"]}, {"legend": ["TEST", "train"]}),
        ({}, {"xscale": "linear", "lines": 0, "title": False, "legend": False}),
    ],
)
def test_a_figure_that_shows_what_is_asked_for_holds(shown: Any, asked: Any) -> None:
    """A right plot would be marked wrong for its order of lines, its case or its rounding."""
    assert_figure(axes(**shown), **asked)
    assert_figure([Figure("", [axes(**shown), axes()]), Figure("", [])], **asked)
