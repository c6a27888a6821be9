"""What errors show of what was tried, from the texts that a real sandbox gives."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode

from autograder.grading.error_incidents import incidents_from_calls, incidents_from_outputs

SHOWN = [
    ("OSError", "[Errno 30] Read-only file system: '/usr/lib/x'", "", "wrote outside"),
    ("OSError", "[Errno 30] Read-only file system: '../x'", "", "wrote outside"),
    ("PermissionError", "[Errno 13] Permission denied: '/etc/fonts/fonts.conf'", "", "wrote outside"),
    ("PermissionError", "[Errno 13] Permission denied: '/proc/1/mem'", "", None),
    ("PermissionError", "[Errno 13] Permission denied: 'own.txt'", "", None),
    (
        "PermissionError",
        "[Errno 13] Permission denied",
        "sock\x1b[38;5;241m.\x1b[39mconnect\x1b[0m(sa)",
        "tried the network",
    ),
    ("PermissionError", "[Errno 13] Permission denied", "os.kill(1, 9)", None),
    ("OSError", "[Errno 101] Network is unreachable", "", "tried the network"),
    ("OSError", "[Errno 95] Operation not supported", "", "tried the network"),
    ("URLError", "<urlopen error>", "", "tried the network"),
    ("MemoryError", "", "", "memory limit"),
    ("OSError", "[Errno 28] No space left on device", "", None),
    ("FileNotFoundError", "[Errno 2] No such file or directory: '/content/x'", "", None),
]


@pytest.mark.parametrize(("name", "text", "traceback", "kind"), SHOWN)
def test_an_incident_is_what_certainly_happened(name: str, text: str, traceback: str, kind: str | None) -> None:
    """A student must not be said to have tried what they did not."""
    output = NotebookNode(output_type="error", ename=name, evalue=text, traceback=[traceback])
    assert [(i.kind.value, i.cell) for i in incidents_from_outputs([output], "cell 3")] == [(kind, "cell 3")] * (
        kind is not None
    )


def test_what_a_call_raised_is_told_once_and_without_its_text() -> None:
    """The text may hold what a hidden check passed, and a thousand calls would make a thousand incidents."""
    raised = [("f", "OSError", f"[Errno 30] Read-only file system: '/{n}'") for n in (7, 8)]
    raised += [("f", "ValueError", "7"), ("g", "MemoryError", "7")]
    assert [(i.kind.value, i.text) for i in incidents_from_calls(raised, "f_checks")] == [
        ("memory limit", "g asked for more memory than there is"),
        ("wrote outside", "f tried to write outside its own folders"),
    ]
