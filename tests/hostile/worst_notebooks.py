"""Notebooks that cost as much as their writer could make them: small to hand in, and endless to draw."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from pdf_notebooks import code, display, encoded, markdown, raw, stream
from PIL import Image

Cells = list[dict[str, Any]]


def jpeg(side: int = 2400) -> str:
    noise = np.random.default_rng(0).integers(0, 256, (side, side)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise, "L").save(out, "JPEG", quality=1)
    return encoded(out.getvalue())


def huge_png(number: int) -> str:
    """A picture of 40 million pixels in a few kilobytes, each another one."""
    image = Image.new("1", (6320, 6320))
    image.putpixel((number, 0), 1)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return encoded(out.getvalue())


def svg(body: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90">{body}</svg>'


def used(count: int) -> str:
    shapes = '<rect width="1" height="1"/>' * count
    return svg(f'<g id="a">{shapes}</g>' + '<use href="#a"/>' * count)


def clipped(count: int) -> str:
    shapes = '<rect width="1" height="1"/>' * count
    return svg(f'<clipPath id="a">{shapes}</clipPath>' + '<rect width="9" height="9" clip-path="url(#a)"/>' * count)


def pictures(*data: dict[str, str]) -> Cells:
    return [code("plot()", *(display(**{"text_plain": "p", **bundle}) for bundle in data))]


def named_often(count: int, side: int = 2400) -> Cells:
    attached = {"a": {"image/jpeg": jpeg(side)}}
    return [markdown("![](attachment:a)\n" * count, attachments=attached)]


def fenced(language: str, text: str) -> Cells:
    return [markdown(f"```{language}\n{text}\n```")]


STEPS = ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"]
WORST: dict[str, Callable[[], Cells]] = {
    "lexer fancy": lambda: fenced("fancy", "/" + "\\\\" * 40 + '"'),
    "lexer mcschema": lambda: fenced("mcschema", "<!--" * 10 + "!"),
    "lexer ansys": lambda: fenced("ansys", "'" + "\\\\" * 50 + "\n"),
    "blanks": lambda: [code("x \n" + " \n" * 3_900), code(" " * 300_000 + "x"), code("\n" * 50_000 + "x")],
    "backquotes": lambda: [code("`" * 300_000), code("@" * 59_000)],
    "magics": lambda: [code("%%check\n" * 3_900)],
    "a picture named often": lambda: named_often(3_000),
    "small pictures": lambda: [cell for _ in range(5) for cell in named_often(3_000, 8)],
    "huge pictures": lambda: pictures(*({"image_png": huge_png(number)} for number in range(40))),
    "uses": lambda: pictures({"image_svg": used(20_000)}),
    "clips": lambda: pictures({"image_svg": clipped(20_000)}),
    "drawings": lambda: pictures(*({"image_svg": used(150 + number)} for number in range(150))),
    "quotes": lambda: [markdown("> " * 600 + f"deep {number}") for number in range(25)],
    "lists": lambda: [markdown("\n".join("  " * n + f"- a{number}" for n in range(200))) for number in range(50)],
    "deep HTML": lambda: pictures({"text_html": "<table><tr><td>" + "<blockquote>" * 9_000 + "x"}),
    "emphasis": lambda: [markdown("*a* " * 14_000 + str(number)) for number in range(60)],
    "brackets": lambda: [markdown("[" * 20_000 + str(number)) for number in range(20)],
    "dollars": lambda: [markdown("$" * 50_000 + str(number)) for number in range(10)],
    "displays": lambda: [markdown("\\\\[ " * 12_000 + str(number)) for number in range(10)],
    "formulas": lambda: [markdown(f"$\\frac{{a}}{{b_{n}}}$ " * 3) for n in range(4_000)],
    "fractions": lambda: [markdown("$" + "\\frac{1}{" * 8 + f"x_{n}" + "}" * 8 + "$") for n in range(1_000)],
    "scripts": lambda: [markdown("$" + "x^{" * 9 + f"{n}" + "}" * 9 + "$") for n in range(500)],
    "macros": lambda: [markdown("$" + "".join(f"\\def\\a{c}{{\\a{d}\\a{d}}}" for c, d in STEPS) + "\\aa$")],
    "cells": lambda: [markdown(f"a *b* {number}") for number in range(60_000)],
    "lines": lambda: [code("x = [1, 'a', None]\n" * 3_900 + str(number)) for number in range(60)],
    "tables": lambda: pictures(*({"text_html": f"<table>{f'<tr><td>{n}<td>b' * 1_400}</table>"} for n in range(300))),
    "outputs": lambda: [code("p()", *(display(text_plain=f"line {n}\n" * 60) for n in range(20_000)))],
    "prints": lambda: [code("p()", stream("x" * 20_000_000)), code("p()", stream("\x1b[31mz\x1b[0m " * 500_000))],
    "missing pictures": lambda: [markdown("![](a.png)\n" * 5_400) for _ in range(20)],
    "raw": lambda: [raw("x" * 10_000_000)],
    "one letter": lambda: [markdown("a" + "\u0301" * 59_000), code("a" + "\u0301" * 200_000)],
}  # fmt: skip


def worst(name: str) -> Cells:
    """The cells of a notebook of this name."""
    return WORST[name]()
