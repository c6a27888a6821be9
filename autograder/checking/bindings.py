"""The names that a cell or a module binds, and what their definitions import and mention, from its text alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

__all__ = ["MAX_DOTS", "Binding", "Meanings", "bindings_of", "imported_modules", "merged", "read_bindings"]

TIMED = re.compile(r"%(?:time|prun)\s+(?:-[DlsT]\s+\S+\s+|-\S+\s+)*(.+)")
# A line that goes on with `% (a, b)` or `!= b` is no magic, nor is a text with a percent sign behind an equals sign; a
# question mark may end a text or a comment.
MAGIC = re.compile(r"%{1,2}[A-Za-z]|!(?!=)|\?")
ASSIGNED = re.compile(r"(.*?[^=!<>]=)\s*(?:%[A-Za-z]|!)")
CALL = re.compile(r"\s*[,;/]")  # `/f x`, `,f x` and `;f x`, unless an expression goes on
PROMPTED = re.compile(r">>>(?: |$)|In \[\d+\]: ")
PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)|In \[\d+\]: | *\.\.\.+: ?")
QUOTED = frozenset("\"'#")
RUN = re.compile(r"%run\s+(?:-\w+\s+)*[\"']?(?:\./)?([\w/]+)(?:\.py)?(?![\w./])")
RUN_LINE = re.compile(r"^([ \t]*)%run\b.*", re.MULTILINE)
MAX_DOTS = 20
MAX_MEANINGS = 100  # of a name, if each is made of the one before

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


def imported_modules(source: str) -> set[str]:
    """The modules that a cell cannot do without, by the first part of their names: no `try` or `if` is around them.
    What `%run` runs is a file, and no module that can be installed."""
    statements = parsed(RUN_LINE.sub(r"\1pass", source))
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
        nodes: list[ast.AST] = list(ast.walk(statement))
        binding = binding_of(nodes, has_scope=True)
        # A function that calls itself is no new thing made of an old one, but one with the old one as a default is.
        names = (binding.names - {statement.name}) | mentioned_outside(nodes)
        yield statement.name, Binding("", binding.modules, names)
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
    """The statements of a cell; if it is not Python as it stands, without IPython's own lines. With any other line that
    is not Python the cell cannot run, so it has none."""
    if body := body_of(source):
        return body
    lines = without_magics(without_prompts(source))
    return body_of("\n".join(lines)) or body_of("\n".join(map(without_call, lines)))


def body_of(text: str) -> list[ast.AST]:
    """The statements of a text; none if it is not Python."""
    try:
        return list(ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def without_prompts(source: str) -> list[str]:
    """The lines of a cell without the indentation of the first, and without the prompts of a copied session."""
    text = source.lstrip()
    indent = source[: len(source) - len(text)].rpartition("\n")[2]
    lines = [line.removeprefix(indent) for line in f"{indent}{text}".split("\n")]
    return [PROMPT.sub("", line, count=1) for line in lines] if PROMPTED.match(text) else lines


def without_magics(lines: list[str]) -> list[str]:
    """The lines with IPython's own taken out, as far as a backslash carries them on."""
    read: list[str] = []
    goes_on = False
    for line in lines:
        read.append("" if goes_on else without_magic(line))
        goes_on = line.endswith("\\") and read[-1] != line
    return read


def without_call(line: str) -> str:
    return f"{indent_of(line)}pass" if CALL.match(line) else line


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def without_magic(line: str) -> str:
    """A line with `%magic`, `!command` and `help?` taken out; `%run` of a module is the import of all that it
    defines, and `%time` of a statement the statement."""
    text = line.strip()
    indent = indent_of(line)
    if (run := RUN.match(text)) and all(part.isidentifier() for part in run[1].split("/")):
        return f"{indent}from {run[1].replace('/', '.')} import *"
    if (timed := TIMED.match(text)) and body_of(timed[1]):
        return f"{indent}{timed[1]}"
    if MAGIC.match(text) or (text.endswith("?") and QUOTED.isdisjoint(text)):
        return indent + ("" if text.startswith("%%") else "pass")
    assigned = ASSIGNED.match(line)
    return f"{assigned[1]} None" if assigned and body_of(f"{assigned[1].lstrip()} None") else line


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
    names |= mentioned_outside(nodes)
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


def mentioned_outside(nodes: list[ast.AST]) -> set[str]:
    """The names in decorators and bases of a statement, and in default values of its outermost functions: they are the
    notebook's own, also where an argument or something inside has the same name."""
    statement = nodes[0]
    outermost = nodes[:1] if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) else nodes
    functions = [node for node in outermost if isinstance(node, Function)]
    values = [value for node in functions for value in (*node.args.defaults, *node.args.kw_defaults) if value]
    values += statement.decorator_list if isinstance(statement, Scope) else []
    if isinstance(statement, ast.ClassDef):
        values += [*statement.bases, *(keyword.value for keyword in statement.keywords)]
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
