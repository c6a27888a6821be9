"""Finds answers that use a forbidden module, from the text of the notebook's cells.

The assignment says so in a locked cell, once, for the student's own notebook and for grading alike:

    %forbid sklearn.neighbors scipy.spatial

Cells are read in the order in which they run, and never run here, so nothing that a notebook does changes
what is found. A name uses a module if its definition imports it or mentions a name that does: an import in another
cell, a helper function or a table of functions. Names are looked up as Python would: what is local to a function is not
mistaken for a name of the notebook, and a cell that is run again replaces what it defined. What a library imports for
itself is never seen, `sklearn.datasets` may be used beside a forbidden `sklearn.neighbors`, and an import that no
answer uses (for a comparison, say) costs nothing.

Modules beside the notebook are read like cells, when a name leads there.

What it cannot see: names put together while the program runs (`getattr`, `exec`, `import_module` of a
computed text, `sys.modules`), star imports from a library, notebooks that `%run`
runs, what is stored in an attribute or an item, cells and modules beyond `MAX_SOURCE` characters, cells beyond
`MAX_CELLS` characters together, modules beyond `MAX_MODULES`, and code copied from a library. So it shows an honest
student at once that a shortcut does not count, and leaves a cheat in plain sight of whoever reads the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from autograder.checking.bindings import MAX_DOTS, Binding, Meanings, bindings_of, merged, read_bindings

__all__ = ["ImportAnalysis", "module_paths", "named_modules"]

FORBID = re.compile(r"^%forbid\b(.*)$", re.MULTILINE)
MAX_SOURCE = 200_000
MAX_CELLS = 2_000_000  # characters of all cells together, which take some ten seconds and a hundred megabytes
MAX_MODULES = 30  # beside the notebook, that are read
MAX_LOOKUPS = 2_000  # for one name: modules can import each other in endless ways
MAX_REMEMBERED = 20_000  # characters of a cell; those that a class has in common are short


class Namespace:
    """The names that a notebook or a module defines, and the modules from which it imports everything.

    Of these, the first `replaced[name]` give nothing by a name, since a later definition has replaced it.
    """

    def __init__(self) -> None:
        self.bindings: dict[str, Meanings] = {}
        self.stars: list[str] = []
        self.replaced: dict[str, int] = {}

    def read(self, source: str) -> None:
        """Read one more cell, or all of a module."""
        for name, meanings in bindings_of(source) if len(source) <= MAX_REMEMBERED else read_bindings(source):
            if name == "*":
                self.stars += [binding.imported.removesuffix(".*") for binding in meanings]
                continue
            before = self.bindings.get(name)
            again = any(name in binding.roots for binding in meanings)
            self.bindings[name] = merged(meanings, before) if again and before else meanings
            if not again:
                self.replaced[name] = len(self.stars)

    def imported_by_stars(self, name: str) -> list[str]:
        """The modules from which the meaning of a name may have come with everything else."""
        return self.stars[self.replaced.get(name, 0) :]


class ImportAnalysis:
    """Knows what the cells read so far define, and which of these names use a forbidden module. `text_of` gives the
    text of a module beside the notebook, by its dotted name."""

    def __init__(
        self,
        forbidden: Collection[str] = (),
        cells: Iterable[str] = (),
        text_of: Callable[[str], str | None] = lambda module: None,
    ) -> None:
        self.forbidden, self.text_of = forbidden, text_of
        self.notebook = Namespace()
        self.modules: dict[str, Namespace | None] = {}
        self.left, self.lookups, self.letters = MAX_MODULES, 0, 0
        self.known: dict[tuple[str, frozenset[str]], str] = {}
        for source in cells:
            self.read(source)

    def read(self, source: str) -> None:
        """Read one more cell, as its author typed it."""
        if self.forbidden and len(source) <= MAX_SOURCE and self.letters + len(source) <= MAX_CELLS:
            self.known = {}
            self.letters += len(source)
            self.notebook.read(source)

    def forbidden_module(self, name: str, lent: frozenset[str] = frozenset()) -> str:
        """The forbidden module that `name` uses, or nothing; the names in `lent` are the answer key's for now."""
        if (name, lent) not in self.known:
            self.known[name, lent] = self._search(name, lent)
        return self.known[name, lent]

    def _search(self, name: str, lent: frozenset[str]) -> str:
        waiting, self.lookups = [("", name)], 0
        seen, done = set(waiting), set[tuple[str, Binding]]()
        while waiting:
            module, dotted = waiting.pop()
            namespace = self._module(module) if module else self.notebook
            root, _, rest = dotted.partition(".")
            if namespace is None or (not module and root in lent):
                continue
            # A star is what a module beside the notebook defines, never a library's.
            stars = namespace.imported_by_stars(root)
            found = [place for star in stars for place in self._places(f"{star}.{dotted}", module)]
            for binding in namespace.bindings.get(root, ()):
                if not binding.imported and (module, binding) in done:
                    continue
                done.add((module, binding))
                for used in sorted({f"{binding.imported}.{rest}"} if binding.imported else binding.modules):
                    if forbidden := self._part_of(used):
                        return forbidden
                    found += self._places(used.rstrip("."), module)
                found += [(module, mentioned) for mentioned in sorted(binding.names)]
            waiting += [place for place in dict.fromkeys(found) if place not in seen]
            seen.update(found)
        return ""

    def _part_of(self, module: str) -> str:
        """Which forbidden module `module` is or is a part of."""
        return next((forbidden for forbidden in self.forbidden if f"{module}.".startswith(f"{forbidden}.")), "")

    def _places(self, used: str, importer: str) -> list[tuple[str, str]]:
        """The names in modules beside the notebook for which `used` may stand in the module `importer`: as it is, or
        relative to a package that the importer is in."""
        self.lookups += 1
        if used.count(".") > MAX_DOTS or self.lookups > MAX_LOOKUPS:
            return []
        packages = importer.split(".") if importer else []
        for depth in range(len(packages) + 1):
            parts = [*packages[:depth], *used.split(".")]
            for length in range(len(parts) - 1, depth, -1):
                module = ".".join(parts[:length])
                if self._module(module) is not None:
                    return [(module, ".".join(parts[length:]))]
        return []

    def _module(self, name: str) -> Namespace | None:
        """The namespace of the module `name` beside the notebook; None if there is none or too much was read."""
        if name not in self.modules:
            text = self.text_of(name) if self.left > 0 else None
            namespace = None if text is None or len(text) > MAX_SOURCE else Namespace()
            if namespace is not None and text is not None:
                self.left -= 1
                namespace.read(text)
            self.modules[name] = namespace
        return self.modules[name]


def module_paths(name: str) -> tuple[str, str]:
    """Where the text of a module may be, relative to the notebook, in the order in which Python looks."""
    path = name.replace(".", "/")
    return f"{path}/__init__.py", f"{path}.py"


def named_modules(source: str) -> list[str]:
    """The modules that a cell's `%forbid` lines name."""
    return [name for line in FORBID.findall(source) for name in line.split()]
