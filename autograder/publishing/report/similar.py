"""Answers that are more alike than chance makes them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from pygments.lexers import PythonLexer
from pygments.token import Comment, Literal, Name, Text

from autograder.publishing.doctree.parsed_notebook import ParsedCell

__all__ = ["Gram", "Pair", "grams", "similar_pairs"]

# Tokens of code and words of prose that make one piece.
CODE, WORDS = 16, 6
# What so many have is how one writes it; what so few pieces are alike in is chance.
COMMON, COMMON_SHARE = 4, 0.25
LEAST, ALIKE = 40, 0.6
MAX_CHARACTERS = 100_000
# The lexer is quadratic in blanks, and layout does not count.
BLANKS = re.compile(r"\s{2,}")

# A piece by its hash: a class has millions of them.
Gram = int


@dataclass(frozen=True)
class Pair:
    """Two students, and the share of the shorter one's own pieces that the other has too."""

    one: str
    other: str
    share: float


def grams(cells: Iterable[ParsedCell]) -> set[Gram]:
    """The pieces of the answers among `cells`: of code without names, comments and layout, of prose as words."""
    return {
        gram
        for cell in cells
        if cell.is_answer
        for gram in (runs(tokens(cell.source), CODE) if cell.kind == "code" else runs(words(cell.source), WORDS))
    }


def runs(parts: Iterable[str], length: int) -> Iterator[Gram]:
    """All runs of `length` neighbours."""
    row = list(parts)
    return map(hash, zip(*(row[start:] for start in range(length)), strict=False))


def tokens(source: str) -> Iterator[str]:
    for kind, text in PythonLexer().get_tokens(BLANKS.sub(collapsed, source[:MAX_CHARACTERS])):
        if kind in Comment or kind in Text or kind in Literal.String.Doc:
            continue
        yield "name" if kind in Name and kind not in Name.Builtin else "text" if kind in Literal.String else text


def collapsed(blanks: re.Match[str]) -> str:
    return "\n" if "\n" in blanks[0] else " "


def words(source: str) -> Iterator[str]:
    yield from re.findall(r"\w+", source[:MAX_CHARACTERS].lower())


def similar_pairs(students: Mapping[str, set[Gram]], known: set[Gram]) -> list[Pair]:
    """Pairs whose answers are alike beyond what is `known` to all (the release, the answer key) and what many have."""
    counts = Counter(gram for own in students.values() for gram in own)
    common = max(COMMON, COMMON_SHARE * len(students))
    own = {name: {g for g in pieces if counts[g] <= common} - known for name, pieces in students.items()}
    holders: dict[Gram, list[str]] = {}
    for name, pieces in own.items():
        for gram in pieces:
            holders.setdefault(gram, []).append(name)
    shared = Counter(pair for names in holders.values() for pair in combinations(sorted(names), 2))
    pairs = (Pair(a, b, round(n / min(len(own[a]), len(own[b])), 4)) for (a, b), n in shared.items() if n >= LEAST)
    return sorted((pair for pair in pairs if pair.share >= ALIKE), key=lambda pair: (-pair.share, pair.one, pair.other))
