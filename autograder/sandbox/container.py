"""The options with which a container must be started so that a sandbox can be made in it."""

from __future__ import annotations

import os
import subprocess
from functools import cache

from autograder.sandbox.boot import python_command
from autograder.sandbox.paths import package_folder

__all__ = ["advice", "may_mount"]

MARKS = ("/.dockerenv", "/run/.containerenv")
CAP_SYS_ADMIN = 21
NEEDS = {
    "namespaces": "`--security-opt seccomp=unconfined --security-opt unmask=ALL` (Docker calls the second "
    "`systempaths=unconfined`)",
    "proc": "`--security-opt unmask=ALL` (in Docker `--security-opt systempaths=unconfined`)",
}
AS_ROOT = ", and as root also with `--cap-add SYS_ADMIN`, or with Python where other users can read it"


def in_container() -> bool:
    """Whether this process runs in a container, as far as containers say so."""
    named = "container" in os.environ or "KUBERNETES_SERVICE_HOST" in os.environ
    return named or any(map(os.path.exists, MARKS))


def may_mount() -> bool:
    """Whether this process may mount in a namespace of its own without a new user namespace."""
    with open("/proc/self/status") as file:
        capabilities = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(capabilities, 16) >> CAP_SYS_ADMIN & 1)


@cache
def advice(python_is_hidden: bool) -> str:
    """How to start this container so that namespaces can be made in it; empty outside of containers, and where nothing
    is known to be missing. `python_is_hidden` says that other users cannot reach Python."""
    if not in_container():
        return ""
    needs = NEEDS.get(what_is_refused(), "")
    if os.geteuid() != 0 or may_mount() or not python_is_hidden:
        return f"start the container with {needs}" if needs else ""
    return f"start the container with {needs or 'the same options'}{AS_ROOT}"


def what_is_refused() -> str:
    """The part of a sandbox that is refused here: `namespaces`, a `proc` of its own, or nothing. Tried out."""
    command = python_command(str(package_folder().parent), "autograder.sandbox.inside.try_namespaces", site=False)
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
