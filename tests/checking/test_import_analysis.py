"""Modules that answers may not use: found wherever an honest author would look, and never where they are not."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

import autograder
from autograder.authoring.structure import structure_problems
from autograder.checking import import_analysis
from autograder.checking.import_analysis import ImportAnalysis, module_paths, named_modules
from autograder.checking.magic import CheckTable, check
from autograder.grading.notebook_run import module_text

SETUP = (
    "%load_ext autograder\n%forbid sklearn.neighbors scipy.spatial\nimport sklearn\nimport numpy as np\nfiles = !ls\n"
)
FORBIDDEN = ["sklearn.neighbors", "scipy.spatial"]


def found(*cells: str, name: str = "answer", lent: frozenset[str] = frozenset()) -> str:
    return ImportAnalysis(FORBIDDEN, (SETUP, *cells)).forbidden_module(name, lent)


def test_the_line_names_the_modules() -> None:
    """Of the whole line, at its beginning only."""
    assert named_modules(SETUP) == FORBIDDEN
    assert named_modules("# %forbid numpy\nx = '%forbid numpy'\n%forbidden numpy") == []


@pytest.mark.parametrize(
    "cells",
    [
        ["def answer(x):\n    from scipy.spatial.distance import cdist\n    return cdist(x, x)"],
        ["def answer(x):\n    import scipy.spatial as s\n    return s.distance.cdist(x, x)"],
        ["def answer(x):\n    from scipy import spatial\n    return spatial"],
        ["def answer(x):\n    import scipy\n    return scipy.spatial.distance.cdist(x, x)"],
        ["def answer(x):\n    return sklearn.neighbors.KNeighborsClassifier()"],
        ["from scipy.spatial.distance import cdist\n\ndef answer(x):\n    return cdist(x, x)"],
        ["def answer(x):\n    return cdist(x, x)", "from scipy.spatial.distance import cdist"],
        ["from scipy.spatial.distance import cdist as d", "def answer(x):\n    return [d(v, v) for v in x]"],
        ["import scipy.spatial.distance", "answer = lambda x: scipy.spatial.distance.cdist(x, x)"],
        [
            "from scipy import spatial",
            "def helper(x):\n    return spatial.cKDTree(x)",
            "def answer(x):\n    return helper(x)",
        ],
        [
            "from scipy.spatial import distance",
            "ways = {'l2': distance.cdist}",
            "def answer(x, n):\n    return ways[n](x, x)",
        ],
        [
            "model = sklearn.neighbors.KNeighborsClassifier()\nmodel = model.fit(1)",
            "def answer(x):\n    return model.predict(x)",
        ],
        [
            "try:\n    from scipy.spatial import KDTree\nexcept ImportError:\n    KDTree = None",
            "def answer(x):\n    return KDTree(x)",
        ],
        [
            "try:\n    from fast import KDTree\nexcept ImportError:\n    from scipy.spatial import KDTree",
            "def answer(x):\n    return KDTree(x)",
        ],
        ["if True:\n    tools = None\n    import scipy as tools", "def answer(x):\n    return tools.spatial.KDTree(x)"],
        ["%%time\nimport importlib\ndef answer(x):\n    return importlib.import_module('scipy.spatial').KDTree(x)"],
        ["%matplotlib inline\nnp.sum?\nimport scipy.spatial as s\ndef answer(x):\n    return s.KDTree(x)"],
        ["%time import scipy.spatial as s\ndef answer(x):\n    return s.KDTree(x)"],
        ["if 1:\n    %prun -q from scipy.spatial import KDTree as answer"],
        ["%prun -s cumulative -l 10 -q from scipy.spatial import KDTree as answer"],
        ["\n  from scipy.spatial import KDTree\n  def answer(x):\n    return KDTree(x)"],
        [">>> from scipy.spatial import KDTree\n>>> def answer(x):\n...     return KDTree(x)\n..."],
        ["In [12]: from scipy.spatial import KDTree\n    ...: answer = KDTree\n    ...: "],
        [
            "class Answer:\n    def run(self):\n        import scipy.spatial",
            "def answer(x):\n    return Answer().run()",
        ],
        ["from scipy import spatial", "def answer(x, spatial=spatial):\n    return spatial.KDTree(x)"],
        ["from scipy import spatial", "def answer(x, *, spatial=spatial):\n    return spatial.KDTree(x)"],
        ["from scipy.spatial import KDTree as k", "@k\ndef answer(k):\n    return k(k)"],
        ["from scipy.spatial import KDTree as k", "@print\n@(lambda f: k)\nclass answer:\n    k = 1"],
        ["from scipy.spatial import KDTree as answer", "def answer(x, k=answer):\n    return k(x)"],
        ["from scipy.spatial import KDTree as answer", "@(lambda f: answer)\ndef answer(x): pass"],
        ["from scipy.spatial import KDTree as answer", "class answer(answer): pass"],
        ["from scipy.spatial import KDTree as k", "class answer(k):\n    k = 1"],
        ["from scipy.spatial import KDTree as k", "class answer(metaclass=k):\n    def k(self): pass"],
        ["from scipy import spatial", "answer = lambda x, spatial=spatial: spatial.KDTree(x)"],
        [
            "from scipy import spatial",
            "class Tree:\n    def of(self, x, spatial=spatial):\n        return x\nanswer = Tree",
        ],
        ["def load():\n    global s\n    import scipy.spatial as s\nload()", "def answer(x):\n    return s.KDTree(x)"],
        [
            "import scipy.spatial\ndef load():\n    global tree\n    tree = scipy.spatial.KDTree\nload()",
            "def answer(x):\n    return tree(x)",
        ],
        [
            "from scipy.spatial import KDTree\ndef never():\n    global KDTree\n    KDTree = None",
            "def answer(x):\n    return KDTree(x)",
        ],
        [
            "import scipy.spatial as s\nmatch s:\n    case tree:\n        pass",
            "def answer(x):\n    return tree.KDTree(x)",
        ],
        ["import scipy.spatial as s\nmatch [s]:\n    case [*trees]:\n        pass\nanswer = trees"],
        ["import scipy.spatial as s\nmatch {1: s}:\n    case {**trees}:\n        pass\nanswer = trees"],
    ],
)
def test_a_use_is_found(cells: list[str]) -> None:
    """Directly, by another name, in another cell, through a helper, a table or an object."""
    assert found(*cells) in FORBIDDEN


@pytest.mark.parametrize(
    "cells",
    [
        ["def answer(x):\n    return sklearn.datasets.load_digits()"],
        ["def answer(x):\n    from sklearn.linear_model import LogisticRegression\n    return LogisticRegression()"],
        ["def answer(x):\n    import scipy.spatially\n    return scipy.special.softmax(x)"],
        ["import sklearn.neighbors", "def answer(x):\n    return sklearn.datasets.load_digits()"],
        ["def answer(x):\n    return x", "from scipy.spatial.distance import cdist\nprint(answer(1) - cdist(1, 1))"],
        ["from scipy import spatial", "def answer(spatial):\n    return spatial.sum()"],
        ["from scipy import spatial", "def answer(x):\n    spatial = x.mean()\n    return spatial"],
        ["from scipy import spatial", "def answer(x):\n    return [spatial for spatial in x]"],
        ["from scipy import spatial", "answer = [spatial for spatial in range(3)]"],
        ["from scipy import spatial", "def answer(x):\n    return x.spatial"],
        ["def answer(x):\n    'Like scipy.spatial.distance.cdist.'\n    # import scipy.spatial\n    return x"],
        [
            "from scipy.spatial.distance import cdist\ndef answer(x):\n    return cdist(x, x)",
            "def answer(x):\n    return x",
        ],
        [
            "from scipy.spatial import KDTree as tree",
            "def tree(x):\n    return x",
            "def answer(x):\n    return tree(x)",
        ],
        ["def answer(x):\n    import scipy.spatial\n    return answer(x)", "def answer(x):\n    return answer(x - 1)"],
        ["from scipy import spatial", "def answer(x, y=1, spatial=None):\n    return spatial"],
        [
            "count = 0\ndef check(x):\n    global count\n    import scipy.spatial\n    count += 1",
            "def answer(x):\n    return count",
        ],
        [
            "from scipy import spatial",
            "def answer(x):\n    match x:\n        case [spatial, *_]:\n            return spatial",
        ],
        ["this is no Python", "def answer(x):\n    return (x\n        % 3)"],
        ["from ..scipy.spatial import x\n"],
        ["from scipy.spatial import KDTree as answer\n;print a\nthis is no Python"],
        ["from scipy.spatial import KDTree as answer\nx = (1\n, 2"],
        ["from scipy.spatial import KDTree as answer\nif 1:\n;print a"],
    ],
)
def test_an_honest_answer_is_left_alone(cells: list[str]) -> None:
    """Other modules, names that only look alike, a comparison of one's own, and answers that were mended."""
    assert found(*cells) == ""


def test_what_is_lent_is_not_the_students() -> None:
    """While the answer key's function is lent, an earlier shortcut costs a later answer nothing."""
    cells = ["def early(x):\n    import scipy.spatial", "def answer(x):\n    return early(x)"]
    assert found(*cells) == "scipy.spatial"
    assert found(*cells, lent=frozenset({"early"})) == ""


FILES = {
    "nndl.knn": "from scipy.spatial import cKDTree\nfrom .layers import *\nclass KNN:\n    def fit(self, X):\n"
    "        self.tree = cKDTree(X)\nclass Plain:\n    def fit(self, X): pass\nclass Deep:\n"
    "    def fit(self, X): hidden(X)",
    "nndl.layers": "from ..far import tree as hidden",
    "far": "import sklearn.neighbors as n\ndef tree(X): return n.KDTree(X)",
    "nndl.models": "from .knn import KNN, Plain",
    "nndl": "from .knn import *",
    "loop": "from loop import *\nfrom loop.again import *\nfrom loop import a as b, b as a",
}


@pytest.mark.parametrize(
    ("cell", "module"),
    [
        ("from nndl.knn import KNN as answer", "scipy.spatial"),
        ("from nndl.knn import Plain as answer", ""),
        ("from nndl.knn import Deep as answer", "sklearn.neighbors"),
        ("import nndl.knn as k\ndef answer(X): return k.KNN().fit(X)", "scipy.spatial"),
        ("import nndl.knn as k\ndef answer(X): return k.Plain().fit(X)", ""),
        ("from nndl import KNN\ndef answer(X): return KNN().fit(X)", "scipy.spatial"),
        ("from nndl import *\ndef answer(X): return KNN().fit(X)", "scipy.spatial"),
        ("from nndl import *\ndef answer(X): return print(X)", ""),
        ("def tree(X): pass\nfrom far import *\ndef answer(X): return tree(X)", "sklearn.neighbors"),
        ("from far import *\ntree = print(tree)\ndef answer(X): return tree(X)", "sklearn.neighbors"),
        ("from far import *\ndef tree(X): pass\ndef answer(X): return tree(X)", ""),
        ("from nndl import models\nanswer = models.KNN", "scipy.spatial"),
        ("from nndl import models\nanswer = models.Plain", ""),
        ("from loop import a as answer", ""),
        ("from loop import elsewhere as answer", ""),
        ("%run nndl/knn.py\ndef answer(X): return KNN().fit(X)", "scipy.spatial"),
        ("if True:\n    %run -i './far' 3\ndef answer(X): return tree(X)", "sklearn.neighbors"),
        ("%run nndl/knn.py\ndef answer(X): return Plain().fit(X)", ""),
        ("%run nndl/knn.ipynb\ndef answer(X): return KNN().fit(X)", ""),
        ("%run\ndef answer(X): return KNN().fit(X)", ""),
    ],
)
def test_modules_beside_the_notebook_are_read(cell: str, module: str) -> None:
    """A student's module would be the way around what may not be used."""
    assert ImportAnalysis(FORBIDDEN, [cell], FILES.get).forbidden_module("answer") == module


@pytest.mark.parametrize(
    "line",
    [
        'print("a=%d" % 3)', 'm = ("%d %d"\n     % (3, 4))', "if (1\n    != 2): pass", "names = !ls", "a, b = %who",
        "def g(x):  # is it right?\n    return x", 'def g(x):\n    """Is it right?\n    Yes."""', "np.sum??", "!ls",
        "?np", "%time )(", "%time !ls", 'd = {}\nd["#"] = !ls', "x: list = !ls", "(a, b) = !ls",
        'if 1:\n    d = {}\n    d["k"] = %timeit -o 1', 'print("a=%d" % 3)\nx = f(a=1) != 2  # x = !ls', ";print a",
        "if 1:\n    /print a", ",print a\n;print it's", "!ls\n(1\n, 2\n/ 3)", "!echo \\\n  ) \\\n  )",
        "x = !echo \\\n)",
    ],
)  # fmt: skip
def test_beside_ipython_s_own_lines_python_is_read_as_it_is(line: str) -> None:
    """One percent or question mark in a cell that draws a figure would hide all that the cell uses."""
    assert found(f"%matplotlib inline\n{line}\nimport scipy.spatial as s\ndef answer(x):\n    return s.KDTree(x)") != ""


def test_modules_of_any_number_and_size_take_no_time() -> None:
    """A submission may have thousands of modules, each of which imports all others."""
    stars = "".join(f"from m{i} import *\nfrom m0.m{i} import *\n" for i in range(2_000))
    read: list[str] = []

    def text_of(name: str) -> str | None:
        read.append(name)
        return stars if name[0] == "m" and name[1:].isdigit() else None

    started = time.process_time()
    analysis = ImportAnalysis(FORBIDDEN, ["from m0 import *\ndef answer(x): return f(x)"], text_of)
    assert analysis.forbidden_module("answer") == ""
    assert time.process_time() - started < 5
    assert sum(name[0] == "m" and name[1:].isdigit() for name in read) <= 31


def hostile() -> Iterator[str]:
    yield "(" * 100_000
    yield "-" * 100_000 + "1"
    yield "a" + ".b" * 60_000
    yield " " * 150_000 + "?x"
    yield "x = 1\n" * 30_000
    yield "if 1:\n x = 1\n" * 12_000
    yield "%a\n" * 60_000
    yield "%time x = 1\n" * 16_000
    yield "%time " * 33_000 + "x"
    yield "%a\n" + " " * 150_000 + "x"
    yield "x = 1\n" * 100_000 + ";a\n)"
    yield ";a\n" * 50_000
    yield "a=%a " * 30_000
    yield "a[(" * 100 + "=%a\n" * 30_000
    yield "%a\\\n" + "=" + " " * 150_000
    yield "\n" + " " * 1_000 + "x = !ls\n" * 10_000
    yield "\0"
    yield "def f():\n" + " x = f()\n" * 15_000
    yield "".join(f"def f{i}(): return f{i + 1}(), f{i + 2}()\n" for i in range(4_000))
    yield "x = 1\n" * 100_000
    yield "if 1:\n" + " f = f.f\n" * 18_000
    yield "".join(f"{' ' * i}def f{i}():\n{' ' * i} global f\n{' ' * i} f = f.f\n" for i in range(95))
    yield "def f():\n global f\n" + "".join(f" f = f.a{number}\n" for number in range(10_000))
    names = [f"a{number:x}" for number in range(9_000)]
    targets, values = "=".join(names), ",".join(names)
    yield f"{targets} = 0\n{targets} = f = ({values})"
    yield f"if 1:\n {targets} = 0\n {targets} = f = ({values})"


@pytest.mark.parametrize("source", list(hostile()), ids=range(25))
def test_hostile_text_takes_no_time_and_no_exception(source: str) -> None:
    """Cells come from anybody."""
    started = time.process_time()
    analysis = ImportAnalysis(FORBIDDEN, [source])
    assert [analysis.forbidden_module(name) for name in ("f", "f0", "x") for _ in range(1000)] == [""] * 3000
    assert time.process_time() - started < 20


def test_the_cells_that_are_read_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A submission may hold 64 MB of them, each of which names thousands of things."""
    monkeypatch.setattr(import_analysis, "MAX_CELLS", 1_000)
    analysis = ImportAnalysis(FORBIDDEN)
    for number in range(1_000):
        analysis.read(f"a{number} = b{number}")
    assert 950 < sum(len(f"{name} = b{name[1:]}") for name in analysis.notebook.bindings) <= 1_000


def test_without_forbidden_modules_nothing_is_read() -> None:
    """Other assignments pay nothing for it."""
    assert ImportAnalysis([], ["import scipy.spatial as answer"]).notebook.bindings == {}


def test_a_student_is_told_at_once() -> None:
    """In the student's own notebook, in the check that calls the answer, by name."""
    cell = "def answer(x):\n    from scipy.spatial.distance import cdist\n    return cdist(x, x)"
    source = 'def test_answer(student):\n    """It works."""\n    with pytest.raises(ValueError):\n'
    source += "        student.answer(1)\n"
    namespace = {"answer": lambda x: x}
    table = check(source, namespace, [SETUP, cell])
    assert table is not None
    assert table.verdicts[0].message == "Answers may not use scipy.spatial, and answer does."
    assert "may not" not in str(check(source, namespace, [cell]))


def test_the_notebook_knows_its_cells() -> None:
    """Through IPython itself: the line is a magic, and the check sees what was run, and what was run again."""
    shell = InteractiveShell()
    autograder.load_ipython_extension(shell)
    shell.run_cell("%forbid fractions", store_history=True)
    shell.run_cell("from fractions import Fraction as F\ndef half():\n    return float(F(1, 2))", store_history=True)
    source = '%%check\ndef test_half(student):\n    """A half."""\n    assert_close(student.half(), 0.5)\n'
    table = shell.run_cell(source, store_history=True).result
    assert isinstance(table, CheckTable)
    assert table.verdicts[0].message == "Answers may not use fractions, and half does."
    shell.run_cell("def half():\n    return 0.5", store_history=True)
    assert shell.run_cell(source, store_history=True).result.holds


@pytest.mark.parametrize("path", module_paths("helper"))
def test_the_notebook_knows_the_modules_beside_it(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check would hold in the notebook, and be refused when it is graded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_bytes(b"from fractions import Fraction  # by Andr\xe9\ndef half(): return Fraction(1, 2)")
    cells = ["%forbid fractions", "from helper import half", "def answer(): return float(half())"]
    table = check("def test_a(student):\n    student.answer()", {"answer": lambda: 0.5}, cells)
    assert table is not None
    assert table.verdicts[0].message == "Answers may not use fractions, and answer does."


def test_validate_refuses_lines_that_would_do_nothing() -> None:
    """In an unlocked cell, with something that is no module, or in the notebook's metadata."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%forbid sklearn.neighbors, 1st")])
    notebook.metadata["autograder"] = {"forbidden": ["scipy"]}
    texts = "\n".join(map(str, structure_problems({Path("/nowhere/x/x.ipynb"): notebook})))
    for part in ("locked cells only", "'sklearn.neighbors,' is none", "'1st' is none", "are named in the setup cell"):
        assert part in texts


def test_a_long_notebook_is_followed_into_modules_to_its_end() -> None:
    """The last exercises could use what is forbidden, by way of a module, and nothing would be said."""
    texts = {"helper": "import sklearn.neighbors\ndef f(x):\n    return sklearn.neighbors.KDTree(x)"}
    analysis = ImportAnalysis(["sklearn.neighbors"], ["import numpy as np"], texts.get)
    for number in range(60):
        analysis.read(f"def g{number}(x):\n    return np.abs(x) + np.exp(x) + np.log(x)")
        assert not any(analysis.forbidden_module(f"g{before}") for before in range(number + 1))
    analysis.read("from helper import f\ndef last(x):\n    return f(x)")
    assert analysis.forbidden_module("last") == "sklearn.neighbors"


def test_of_a_package_and_a_module_of_one_name_the_package_is_read(tmp_path: Path) -> None:
    """Python imports the package, whatever the module beside it says."""
    texts = dict(zip(module_paths("helper"), ("print('read')", "print('passed over')"), strict=True))
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    done = subprocess.run([sys.executable, "-c", "import helper"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "read\n"
    assert module_text({path: text.encode() for path, text in texts.items()}, "helper") == "print('read')"


def test_a_name_of_a_thousand_dots_is_not_looked_for() -> None:
    """Each of its parts would be a file to look for on the disk."""
    asked: list[str] = []
    cell = f"import {'.'.join('a' * 1000)} as b\ndef f():\n    return b"
    assert ImportAnalysis(["x"], [cell], asked.append).forbidden_module("f") == ""  # type: ignore[arg-type]
    assert not asked
