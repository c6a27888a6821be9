"""Answers that are more alike than chance makes them. Each student's are read in a process with limits."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, combinations, product
from pathlib import Path

from pygments.lexers import PythonLexer
from pygments.token import Comment, Literal, Name, Text

from autograder.files import read_inside
from autograder.publishing.doctree.parsed_notebook import ParsedCell, Unreadable, read
from autograder.publishing.page_limits import first_that_works

__all__ = ["Gram", "Pair", "grams", "grams_of_code", "grams_of_students", "similar_pairs"]

# Tokens of code and words of prose that make one piece.
CODE, WORDS = 16, 6
# A piece that so many have is the usual way to write it; answers that share so few pieces are alike by chance.
COMMON, COMMON_SHARE = 4, 0.25
LEAST, ALIKE = 40, 0.6
MAX_CHARACTERS = 100_000
# The lexer is quadratic in blanks and in the length of a line, and layout does not count.
BLANKS = re.compile(r"\s{2,}")
LONG = re.compile(r".{500}")

# A piece by its digest, which is the same in every process: a class has millions of them.
Gram = bytes
DIGEST_BYTES = 8


@dataclass(frozen=True)
class Pair:
    """Two students, and the share of the shorter one's own pieces that the other has too."""

    one: str
    other: str
    share: float


def grams_of_students(files: Mapping[str, list[Path]]) -> dict[str, set[Gram] | None]:
    """The pieces of each student's graded notebooks and modules; None where they take too much time or memory to be
    read."""
    done = first_that_works((grams_of_files,), files.items(), os.cpu_count() or 1)
    found = {student: pieces for (student, _), pieces in done}
    return {student: found[student] for student in files}


def grams_of_files(named: tuple[str, list[Path]]) -> set[Gram]:
    """The pieces of the answers in a student's notebooks and modules, as far as these can be read."""
    found: set[Gram] = set()
    for path in named[1]:
        try:
            if path.suffix == ".py":
                found |= grams_of_code(read_inside(path.parent, path.name, MAX_CHARACTERS).decode(errors="replace"))
            else:
                found |= grams(read(path).cells)
        except (OSError, Unreadable):
            continue
    return found


def grams(cells: Iterable[ParsedCell]) -> set[Gram]:
    """The pieces of the answers among `cells`: of code without names, comments and layout, of prose as words."""
    return {
        gram
        for cell in cells
        if cell.is_answer
        for gram in (grams_of_code(cell.source) if cell.kind == "code" else runs(words(cell.source), WORDS))
    }


def grams_of_code(source: str) -> set[Gram]:
    return set(runs(tokens(source), CODE))


def runs(parts: Iterable[str], length: int) -> Iterator[Gram]:
    """All runs of `length` neighbours."""
    row = list(parts)
    return map(digest, zip(*(row[start:] for start in range(length)), strict=False))


def digest(run: tuple[str, ...]) -> Gram:
    return blake2b("\0".join(run).encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()


def tokens(source: str) -> Iterator[str]:
    short = LONG.sub(r"\g<0>\n", BLANKS.sub(collapsed, source[:MAX_CHARACTERS]))
    for kind, text in PythonLexer().get_tokens(short):
        if kind in Comment or kind in Text or kind in Literal.String.Doc:
            continue
        yield "name" if kind in Name and kind not in Name.Builtin else "text" if kind in Literal.String else text


def collapsed(blanks: re.Match[str]) -> str:
    return "\n" if "\n" in blanks[0] else " "


def words(source: str) -> Iterator[str]:
    yield from re.findall(r"\w+", source[:MAX_CHARACTERS].lower())


def similar_pairs(
    students: Mapping[str, set[Gram]], known: set[Gram], earlier: Mapping[str, set[Gram]] | None = None
) -> list[Pair]:
    """Pairs whose answers are alike beyond pieces that are `known` to all (the release, the answer key) or that many
    have. In a pair with a student of an earlier term, that one is the second."""
    everybody = {**students, **(earlier or {})}
    counts = Counter(gram for own in everybody.values() for gram in own)
    common = max(COMMON, COMMON_SHARE * len(everybody))
    own = {name: {g for g in pieces if counts[g] <= common} - known for name, pieces in everybody.items()}
    holders: dict[Gram, tuple[list[str], list[str]]] = {}
    for name, pieces in own.items():
        for gram in pieces:
            holders.setdefault(gram, ([], []))[name not in students].append(name)
    shared = Counter(
        pair for now, before in holders.values() for pair in chain(combinations(sorted(now), 2), product(now, before))
    )
    pairs = (Pair(a, b, round(n / min(len(own[a]), len(own[b])), 4)) for (a, b), n in shared.items() if n >= LEAST)
    return sorted((pair for pair in pairs if pair.share >= ALIKE), key=lambda pair: (-pair.share, pair.one, pair.other))
