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

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

__all__ = ["ImportAnalysis", "bindings_of", "imported_modules", "module_paths", "named_modules"]

RUN = re.compile(r"%run\s+(?:-\w+\s+)*[\"']?(?:\./)?([\w/]+)(?:\.py)?(?![\w./])")
FORBID = re.compile(r"^%forbid\b(.*)$", re.MULTILINE)
MAX_SOURCE = 200_000
MAX_CELLS = 2_000_000  # characters of all cells together, which take some ten seconds and a hundred megabytes
MAX_MODULES = 30  # beside the notebook, that are read
MAX_LOOKUPS = 2_000  # for one name: modules can import each other in endless ways
MAX_DOTS = 20
MAX_MEANINGS = 100  # of a name, if each is made of the one before
MAX_REMEMBERED = 20_000  # characters of a cell; those that a class has in common are short

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Binding:
    """The meaning of a name of the notebook: it was `imported` as this module or name, or its definition uses `modules`
    and mentions `names` of the notebook. All names are dotted."""

    imported: str = ""
    modules: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @cached_property
    def roots(self) -> frozenset[str]:
        """The names without what follows a dot."""
        return frozenset(dotted.partition(".")[0] for dotted in self.names)


Meanings = tuple[Binding, ...]
"""All that a name may stand for. Statements share bindings: their names together may be the square of a cell."""


def merged(meanings: Meanings, before: Meanings) -> Meanings:
    """The meaning of a name after `name = something of name`."""
    return meanings if len(before) >= MAX_MEANINGS else tuple(dict.fromkeys((*meanings, *before)))


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


def imported_modules(source: str) -> set[str]:
    """The modules that a cell cannot do without, by the first part of their names: no `try` or `if` is around them."""
    statements = parsed(source)
    named = [alias.name for statement in statements if isinstance(statement, ast.Import) for alias in statement.names]
    named += [s.module for s in statements if isinstance(s, ast.ImportFrom) and s.module and not s.level]
    return {name.split(".")[0] for name in named}


def read_bindings(source: str) -> tuple[tuple[str, Meanings], ...]:
    """The names that a cell binds, in order. A cell that is not Python binds nothing: it could not run either."""
    top = parsed(source)
    on_top = set(map(id, top))
    found: list[tuple[str, Meanings]] = []
    latest: dict[str, Meanings] = {}
    for statement in flat(top):
        for name, binding in (*bound_by(statement), *made_global(statement)):
            # In a branch (`try: import …`, `except: name = None`) either may be the name's meaning.
            before = None if id(statement) in on_top else latest.get(name)
            latest[name] = merged((binding,), before) if before else (binding,)
            found.append((name, latest[name]))
    return tuple(found)


bindings_of = lru_cache(maxsize=300)(read_bindings)


def bound_by(statement: ast.stmt) -> Iterator[tuple[str, Binding]]:
    """The names that a single statement of the notebook itself binds."""
    if isinstance(statement, Import):
        yield from ((name, Binding(imported=module)) for name, module in imports(statement))
    elif isinstance(statement, Scope):
        binding = binding_of(list(ast.walk(statement)), has_scope=True)
        # A function that calls itself is no new thing made of an old one.
        yield statement.name, Binding("", binding.modules, binding.names - {statement.name})
    else:
        nodes = list(own_nodes(statement))
        binding = binding_of(nodes, has_scope=False)
        yield from ((name, binding) for name in sorted(stored(nodes) - local(nodes)))


def made_global(statement: ast.stmt) -> Iterator[tuple[str, Binding]]:
    """What a function binds for the notebook once it is called. The names stand for what they did before, too."""
    inside = list(ast.walk(statement)) if isinstance(statement, Scope) else []
    names = declared_global(inside)
    for node in inside[1:] if names else ():
        for name, binding in bound_by(node) if isinstance(node, ast.stmt) else ():
            if name in names:
                yield name, Binding(binding.imported, binding.modules, binding.names | {name})


def parsed(source: str) -> list[ast.AST]:
    """The statements of a cell; if it is not Python as it stands, without IPython's own lines."""
    for text in (source, "\n".join(map(without_magic, source.split("\n")))):
        try:
            return list(ast.parse(text).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return []


def without_magic(line: str) -> str:
    """A line with `%magic`, `!command` and `help?` taken out; `%run` of a module is the import of all that it
    defines."""
    text = line.strip()
    if (run := RUN.match(text)) and all(part.isidentifier() for part in run[1].split("/")):
        return f"{line[: len(line) - len(line.lstrip())]}from {run[1].replace('/', '.')} import *"
    if text.startswith(("%%", "%", "!", "?")) or text.endswith("?"):
        return line[: len(line) - len(line.lstrip())] + ("" if text.startswith("%%") else "pass")
    before, equals, after = line.partition("=")
    return f"{before}= None" if equals and after.strip().startswith(("%", "!")) else line


def flat(nodes: list[ast.AST]) -> Iterator[ast.stmt]:
    """The notebook's own statements in order, those inside of `if`, `for`, `with` and `try` included."""
    waiting = nodes[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, Scope):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


def imports(statement: Import) -> Iterator[tuple[str, str]]:
    """Pairs (name, meaning) of an import."""
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            yield alias.asname or alias.name, f"{statement.module}.{alias.name}" if statement.module else alias.name
        else:
            root = alias.name.partition(".")[0]
            yield alias.asname or root, alias.name if alias.asname else root


def binding_of(nodes: list[ast.AST], has_scope: bool) -> Binding:
    """The modules and names that a definition imports and mentions."""
    inner = {name: module for node in nodes if isinstance(node, Import) for name, module in imports(node)}
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {module for node in nodes if isinstance(node, ast.ImportFrom) for _, module in imports(node)}
    modules |= {module for node in nodes if isinstance(node, ast.Call) for module in named_import(node)}
    hidden = local(nodes) | (stored(nodes) - declared_global(nodes) if has_scope else set())
    names = set()
    for dotted in mentioned(nodes):
        root, _, rest = dotted.partition(".")
        if root in inner and root not in hidden:
            modules.add(f"{inner[root]}.{rest}".rstrip("."))
        elif root not in hidden:
            names.add(dotted)
    names |= mentioned_by_defaults(nodes)
    return Binding("", frozenset(modules), frozenset(names))


def named_import(call: ast.Call) -> Iterator[str]:
    """The module of `import_module("…")` and `__import__("…")`."""
    function = (dotted_name(call.func) or "").rpartition(".")[2]
    first = call.args[0] if call.args else None
    if function in ("import_module", "__import__") and isinstance(first, ast.Constant) and type(first.value) is str:
        yield first.value


def mentioned(nodes: list[ast.AST]) -> set[str]:
    """The names that are read, as far as they are dotted: `sklearn.neighbors.KNeighborsClassifier`."""
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    names = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    return {dotted for node in (*attributes, *names) if (dotted := dotted_name(node))}


def mentioned_by_defaults(nodes: list[ast.AST]) -> set[str]:
    """The names in default values of a statement's outermost functions: they are the notebook's own, also where an
    argument has the same name."""
    outermost = nodes[:1] if isinstance(nodes[0], ast.FunctionDef | ast.AsyncFunctionDef) else nodes
    functions = [node for node in outermost if isinstance(node, Function)]
    values = [value for node in functions for value in (*node.args.defaults, *node.args.kw_defaults) if value]
    return {dotted for value in values for dotted in mentioned(list(ast.walk(value)))}


def dotted_name(node: ast.AST) -> str | None:
    """`a.b.c` as text, or None for an expression that is not such a chain of names."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < MAX_DOTS:
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def stored(nodes: list[ast.AST]) -> set[str]:
    """Names that are assigned or defined in these nodes, not by an import."""
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in nodes if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name}
    names |= {node.rest for node in nodes if isinstance(node, ast.MatchMapping) and node.rest}
    return names | {node.name for node in nodes[1:] if isinstance(node, Scope)}


def local(nodes: list[ast.AST]) -> set[str]:
    """Names that exist only inside: arguments, and what a comprehension runs over."""
    names = {node.arg for node in nodes if isinstance(node, ast.arg)}
    targets = [node.target for node in nodes if isinstance(node, ast.comprehension)]
    return names | {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def declared_global(nodes: list[ast.AST]) -> set[str]:
    return {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
