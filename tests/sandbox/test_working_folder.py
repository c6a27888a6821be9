"""A notebook finds in its folder what it finds there in Jupyter, and its shell lines run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course.assignment import KeyCell
from autograder.grading.answer_key import AnswerKey
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits
from autograder.sandbox.namespace_sandbox import NamespaceSandbox

pytestmark = pytest.mark.slow

LOOP = "def mean(x):\n    total = 0.0\n    for value in x:\n        total += value\n    return total / len(x)\n"
FILES = {
    "utils.py": LOOP.encode(),
    "tools/__init__.py": b"from .more import DEEP",
    "tools/more.py": b"DEEP = 7",
    "numpy.py": b"raise RuntimeError('this is not NumPy')",
    "helper.ipynb": nbformat.writes(new_notebook(cells=[new_code_cell("helped = 42")])).encode(),
    "data/numbers.csv": b"1,2,3",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[NamespaceSandbox]:
    with NamespaceSandbox(Limits()) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def kernel(sandbox: NamespaceSandbox) -> Iterator[Kernel]:
    with Kernel(sandbox, FILES) as kernel:
        yield kernel


def shown(kernel: Kernel, code: str) -> Any:
    """What a cell printed, or the error that it raised."""
    outputs = kernel.execute(code, 30).outputs.cells
    return "".join(output.get("text", output.get("evalue", "")) for output in outputs)


def test_modules_and_notebooks_beside_the_notebook_are_found(kernel: Kernel) -> None:
    """Whoever keeps functions in a file of their own would get nothing for right answers."""
    assert shown(kernel, "from utils import mean\nfrom tools import DEEP\nprint(mean([1, 2]), DEEP)") == "1.5 7\n"
    assert shown(kernel, "%run helper.ipynb\nprint(helped, open('data/numbers.csv').read())") == "42 1,2,3\n"


def test_a_file_takes_the_place_of_no_installed_module(kernel: Kernel) -> None:
    """A leftover numpy.py would cost a student everything."""
    assert shown(kernel, "import numpy; print(numpy.arange(2))") == "[0 1]\n"


def test_a_shell_line_runs_and_the_cell_goes_on(kernel: Kernel) -> None:
    """A `def` below a harmless `!ls` would not exist, and its checks would be lost."""
    code = "!ls data; echo $HOME; exit 3\ndef after(): return _exit_code\nprint(after())"
    assert shown(kernel, code) == "numbers.csv\n/home/student\n3\n"
    assert shown(kernel, "word = 'two'\n!echo one {word}\nlines = !echo three\nprint(lines)") == "one two\n['three']\n"


@pytest.mark.parametrize("line", ["%pip install x", "!pip3 install x", "!python -m pip install x", "%conda install x"])
def test_an_installer_says_that_nothing_is_installed(kernel: Kernel, line: str) -> None:
    """It would try the network for half a minute, and end the cell with an error."""
    assert shown(kernel, f"{line}\nprint('on')") == (
        "Nothing can be installed while your notebook is graded; what the course uses is there.\non\n"
    )


def test_a_shell_line_can_be_interrupted(kernel: Kernel) -> None:
    """A command without end would cost the whole notebook its kernel."""
    execution = kernel.execute("!sleep 600", 1)
    assert (execution.timed_out, execution.died) == (True, False)
    assert shown(kernel, "print('alive')") == "alive\n"


def test_the_answer_key_finds_them_too() -> None:
    """An assignment whose solution imports a module of the course could not be graded at all."""
    answers = "%pip install x\n!ls\n%run helper.ipynb\nfrom utils import mean\nimport numpy as np\n"
    answers += "def twice(x):\n    return helped * mean(x)"
    cells = (KeyCell("answer", answers, False), KeyCell("checks", "", True))
    with AnswerKey(cells, FILES, Limits()) as key, key.at("checks") as reference:
        assert reference.twice(np.array([1.0, 2.0])) == 63.0


def test_lines_of_a_module_beside_the_notebook_count(kernel: Kernel) -> None:
    """A loop that is forbidden in the notebook would be free in a file beside it."""
    code = "from autograder.kernel_side.cost import Meter\nfrom utils import mean\n"
    code += "with Meter(True) as meter: mean(range(100))\nprint(meter.cost['lines'] > 200)"
    assert shown(kernel, code) == "True\n"
