"""Coursework for a deep learning course, and an autograder whose every grade can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.version import __version__ as __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from autograder.checking.magic import CheckTable


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext autograder`: the magics `%%check` and `%forbid`. The first check imports the modules behind them."""
    from autograder.distribution import other_autograder
    from autograder.kernel_side.cell_figures import keep_cell_figures

    if warning := other_autograder():
        print(warning)

    def check(line: str, cell: str) -> CheckTable | None:
        from autograder.checking.magic import check as run

        return run(cell, shell.user_ns, shell.history_manager.input_hist_raw)

    def forbid(line: str) -> None:
        """Name modules that no answer may use; the checks read this line in the cell where it stands."""

    keep_cell_figures(shell)
    shell.register_magic_function(check, "cell", "check")
    shell.register_magic_function(forbid, "line", "forbid")
