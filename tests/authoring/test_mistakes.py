"""mistakes.md and alternatives.md as people leave them: half edited, in another encoding, not where they should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_course import Run
from tiny_course import MISTAKES, NAME, make_course

AMISS = {
    "loses": (MISTAKES.replace("test_norm_345]", "test_norm_345", 1).encode(), "Code cell 1 at line "),
    "head": (b"---\njupytext: [myst\n---\n# Mistakes\n", "while parsing a flow sequence"),
    "list": (b"# Mistakes\n\n```{code-cell} ipython3\n---\n- square\n---\nx = 1\n```\n", "is not of type 'object'"),
    "latin": ("# Mistakes\n\n## Größe\n".encode("latin-1"), "'utf-8' codec can't decode byte 0xf6"),
}


@pytest.mark.parametrize("document", ["mistakes.md", "alternatives.md"])
@pytest.mark.parametrize("kind", AMISS)
def test_a_document_that_cannot_be_read_is_reported(run: Run, tmp_path: Path, kind: str, document: str) -> None:
    """A bracket that is missing in a mistake would look like a bug of ours."""
    content, why = AMISS[kind]
    root = make_course(tmp_path).root
    path = root / "assignments" / NAME / document
    path.write_bytes(content)
    check_sentence(run, root, path, why)


def test_a_document_that_is_none_is_reported(run: Run, tmp_path: Path) -> None:
    """An assignment would be released without a single mistake tried, as if there were none."""
    root = make_course(tmp_path).root
    path = root / "assignments" / NAME / "mistakes.md"
    path.unlink()
    path.mkdir()
    check_sentence(run, root, path, "Is a directory")
    path.rmdir()
    path.symlink_to("moved-away.md")
    check_sentence(run, root, path, "No such file or directory")
    path.unlink()
    path.symlink_to(path.name)
    check_sentence(run, root, path, "Too many levels of symbolic links")


def check_sentence(run: Run, root: Path, path: Path, why: str) -> None:
    """Validation says in one sentence which document it cannot read, and why."""
    code, out, err = run("validate", NAME, here=root)
    assert (code, out) == (2, ""), err
    said = err.splitlines()[-1]
    assert said.startswith(f"autograder: {path} cannot be read (")
    assert why in said
    assert said.endswith("): mend it, or delete it.")
    assert "Traceback" not in err
