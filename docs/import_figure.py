"""What imports what in the package. `python docs/import_figure.py` draws it anew in how-it-works.md.

An arrow in the figure leads from a part of the package to one that it imports. What is reached over another arrow
anyway has none of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["GRAPH", "MODULES", "PAGE", "figure", "imported", "part", "section"]

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "autograder"
PAGE = ROOT / "docs" / "how-it-works.md"
SECTION = re.compile(r"(?s)(<!-- imports: .*? -->\n).*?(<!-- end -->)")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "migrations" not in path.parts  # which alembic reads and runs
}
# Whoever is on top imports what it likes, and what is below everything is imported by whoever likes.
TOP = ("cli", "demo", "demo_command", "doctor_command", "grade_command")
LEAVES = (
    "errors",
    "text",
    "files",
    "options",
    "progress",
    "imports",
    "workers",
    "interrupts",
    "garbage",
    "distribution",
    "version",
    "datasets",
    "threads",
)


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in a module, be it for its types only; also one that is named in a text,
    since commands are imported by name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide where they point"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module or "" for name in names)
        if isinstance(node, ast.Constant) and node.value in MODULES:
            yield node.value
        yield from imported(node)


def imports_of(path: Path) -> set[str]:
    return {name for name in imported(ast.parse(path.read_text(encoding="utf-8"))) if name in MODULES}


GRAPH = {name: imports_of(path) - {name} for name, path in MODULES.items()}


def part(module: str) -> str:
    """The folder below the package, or the name of a module that is in none."""
    return module.split(".")[1] if "." in module else ""


def parts() -> dict[str, set[str]]:
    """The parts of the package, and which others each of them imports."""
    found: dict[str, set[str]] = {}
    for module, names in GRAPH.items():
        here = "cli" if part(module) in TOP else part(module)
        if here and here not in LEAVES:
            others = {part(name) for name in names} - {here, "", *TOP, *LEAVES}
            found.setdefault(here, set()).update(others)
    return found


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """All that is reached from `start` over one arrow or more."""
    return graph[start].union(*(reached(graph, other) for other in graph[start]))


def figure() -> str:
    """The figure, as Mermaid."""
    graph = parts()
    lines = ["```mermaid", "flowchart TD", f"    cli[{', '.join(TOP)}]"]
    for here, others in sorted(graph.items()):
        below = set().union(*(reached(graph, other) for other in others))
        lines += [f"    {here} --> {other}" for other in sorted(others - below)]
    return "\n".join([*lines, "```"]) + "\n"


def section(text: str) -> str:
    """The page `text` with today's figure in it."""
    return SECTION.sub(lambda found: found[1] + figure() + found[2], text)


if __name__ == "__main__":
    PAGE.write_text(section(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
