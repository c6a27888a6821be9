"""Shell lines of a notebook (`!ls`, `%pip`) where there are no terminals, which IPython uses for them."""

from __future__ import annotations

import re
import subprocess
from typing import Any

__all__ = ["run_without_terminals"]

INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
INSTALLS = re.compile(rf"\s*(?:\S*/)?(?:python\S*\s+-m\s+)?(?:{'|'.join(INSTALLERS)})3?\b")
NOTHING_INSTALLED = "Nothing can be installed while your notebook is graded; what the course uses is there."


def run_without_terminals(shell: Any) -> None:
    """Let shell lines of an IPython shell run through pipes, and installers only say that they do nothing."""

    def system(command: str) -> None:
        if INSTALLS.match(command):
            print(NOTHING_INSTALLED)
        else:
            shell.user_ns["_exit_code"] = run(shell.var_expand(command, depth=1))

    def install(line: str) -> None:
        print(NOTHING_INSTALLED)

    for name in INSTALLERS:
        shell.register_magic_function(install, "line", name)
    shell.system = system


def run(command: str) -> int:
    """Run a command and print its output as it comes. Returns its exit code."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, shell=True, errors="replace", **pipes) as process:  # type: ignore[call-overload]
        try:
            for line in iter(lambda: process.stdout.readline(8192), ""):
                print(line, end="")
        except KeyboardInterrupt:
            process.kill()
            raise
    return int(process.returncode)
