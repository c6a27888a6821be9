"""Nodes for the outputs of a code cell: printed text, pictures, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rich.text import Text

from autograder.publishing.doctree import html
from autograder.publishing.doctree.context import Context
from autograder.publishing.doctree.markdown import MarkdownReader, listing
from autograder.publishing.doctree.nodes import ListingKind, Node
from autograder.publishing.doctree.pandoc import Item
from autograder.publishing.doctree.parsed_notebook import ParsedCell, text_of
from autograder.publishing.doctree.pictures import BadImage
from autograder.publishing.doctree.text_lines import clean, from_terminal, shortened

__all__ = ["MAX_OUTPUTS", "output_items", "output_nodes", "printed_text", "raw_nodes"]

IMAGES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif", "image/webp", "image/bmp")
FIGURE_PROGRAMS = {"plotly": "plotly", "vega": "Altair", "bokeh": "Bokeh"}
WIDGET = "application/vnd.jupyter.widget-view+json"
MAX_OUTPUTS = 200
LATEX = re.compile(r"^\s*(?:\$\$(.+)\$\$|\$(?:\\displaystyle)?(.+)\$|\\\[(.+)\\\])\s*$", re.DOTALL)


def output_items(cell: ParsedCell, context: Context) -> Iterator[Item]:
    """The questions to pandoc for this cell's outputs, so that one process answers for all."""
    for output in join_streams(cell.outputs)[:MAX_OUTPUTS]:
        data = mime_bundle(output)
        source = text_of(data.get("text/html"))
        if html.has_page_content(source) and not html.unknown_tags(source):
            yield "html", html.sanitised(source)
        if latex := text_of(data.get("text/latex")):
            yield from context.formula_items(tex(latex), True)


def output_nodes(cell: ParsedCell, context: Context, markdown: Any) -> list[Node]:
    """The nodes for a cell's outputs; `markdown` reads a Markdown text."""
    nodes: list[Node] = []
    outputs = join_streams(cell.outputs)
    for output in outputs[:MAX_OUTPUTS]:
        nodes += nodes_of(output, context, markdown)
    if len(outputs) > MAX_OUTPUTS:
        context.say(f"only the first {MAX_OUTPUTS} of {len(outputs):,} outputs are shown")
    return nodes


def join_streams(outputs: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """Streams that follow each other are one text: a thousand prints are a thousand outputs."""
    joined: list[Mapping[str, Any]] = []
    for name, output in ((stream_name(output), output) for output in outputs):
        if name and joined and stream_name(joined[-1]) == name:
            joined[-1]["text"].append(text_of(output.get("text")))
        else:
            joined.append({**output, "text": [text_of(output.get("text"))]} if name else output)
    return joined


def stream_name(output: Mapping[str, Any]) -> str:
    return text_of(output.get("name")) or "stdout" if output.get("output_type") == "stream" else ""


def nodes_of(output: Mapping[str, Any], context: Context, markdown: Any) -> list[Node]:
    match output.get("output_type"):
        case "stream":
            return terminal(text_of(output["text"]), context, "stderr" if stream_name(output) == "stderr" else "output")
        case "error":
            return terminal(traceback_of(output), context, "error")
        case "display_data" | "execute_result" | "update_display_data" | "pyout":
            return bundle(output, context, markdown)
    context.say(f"an output of unknown type is not shown ({clean(text_of(output.get('output_type')))[:40]})")
    return []


def traceback_of(output: Mapping[str, Any]) -> str:
    traceback = output.get("traceback")
    lines = [text_of(line) for line in traceback] if isinstance(traceback, list) else []
    name, value = text_of(output.get("ename")), text_of(output.get("evalue"))
    return "\n".join(lines) if any(lines) else f"{name}: {value}"


def terminal(text: str, context: Context, kind: ListingKind) -> list[Node]:
    """Text with terminal colours; a long one is shortened, and says by how much."""
    if not text.strip("\n"):
        return []
    short, note = shortened(text.strip("\n"))
    if note:
        context.say(f"long output shortened: {note.strip('… ')}")
    return [listing(from_terminal(short), kind)]


def printed_text(output: Mapping[str, Any]) -> str:
    """The text of an output, whatever else it has."""
    text = text_of(output.get("text")) or text_of(mime_bundle(output).get("text/plain"))
    return text or (traceback_of(output) if output.get("output_type") == "error" else "")


def mime_bundle(output: Mapping[str, Any]) -> Mapping[str, Any]:
    data = output.get("data")
    return data if isinstance(data, dict) else {}


def bundle(output: Mapping[str, Any], context: Context, markdown: Any) -> list[Node]:
    """The richest form of a result that paper can show."""
    data = mime_bundle(output)
    source = text_of(data.get("text/html"))
    if html.has_page_content(source) and (nodes := MarkdownReader(context).html(source)):
        return list(nodes)
    for kind in IMAGES:
        if image := text_of(data.get(kind)):
            return image_output(kind, image, output, context)
    if name := figure_program(data, source):
        return [undrawn_figure(name, data, context)]
    if WIDGET in data:
        return terminal("Here is a widget, which moves only while the notebook runs.", context, "output")
    if latex := text_of(data.get("text/latex")):
        return [context.formula(tex(latex), latex, True)]
    if text := text_of(data.get("text/markdown")):
        nodes = markdown(text)
        return list(nodes)
    return text_output(data, source, context)


def figure_program(data: Mapping[str, Any], source: str) -> str:
    """The program that draws an interactive figure in a browser, or an empty string for another output."""
    kinds = " ".join(map(str, data)) + (f" {source[:1_000_000]}" if "<script" in source.lower() else "")
    return next((name for word, name in FIGURE_PROGRAMS.items() if word in kinds), "")


def undrawn_figure(name: str, data: Mapping[str, Any], context: Context) -> Node:
    """One line in the place of an interactive figure that came without a picture."""
    plain = text_of(data.get("text/plain")).strip()
    line = plain if plain and len(plain) <= 100 and "\n" not in plain else f"<{name} figure>"
    return context.written(clean(line), f"{name} figure without a picture: save it as PNG and show that", block=True)


def text_output(data: Mapping[str, Any], source: str, context: Context) -> list[Node]:
    if text := text_of(data.get("text/plain")):
        return terminal(text, context, "output")
    if source:
        return [context.written(shortened(clean(source))[0], "HTML not shown", block=True)]
    if "application/json" in data:
        return terminal(json.dumps(data["application/json"], indent=1, ensure_ascii=False), context, "output")
    for kind, value in data.items():
        context.say(f"an output of type {clean(str(kind))[:60]} is shown as text")
        return terminal(text_of(value) or json.dumps(value), context, "output")
    return []


def image_output(kind: str, image: str, output: Mapping[str, Any], context: Context) -> list[Node]:
    metadata = output.get("metadata")
    size = metadata.get(kind) if isinstance(metadata, dict) else None
    width = size.get("width") if isinstance(size, dict) else None
    try:
        known = float(width) if isinstance(width, (int, float)) and 0 < width < 10_000 else None
        add = context.pictures.add_text if kind == "image/svg+xml" else context.pictures.add_base64
        picture = add(image, known)
    except BadImage as error:
        fallback = text_of(mime_bundle(output).get("text/plain")) or f"<{kind}, {len(image):,} characters>"
        return [context.written(clean(shortened(fallback)[0]), str(error), block=True)]
    plain = clean(" ".join(text_of(mime_bundle(output).get("text/plain")).split()))[:200]
    alt = f"Picture made by cell {context.cell}: {plain}" if plain else f"Picture made by cell {context.cell}"
    return [replace(picture, alt=alt)]


def tex(latex: str) -> str:
    found = LATEX.match(latex)
    return next(group for group in found.groups() if group).strip() if found else latex.strip()


def raw_nodes(cell: ParsedCell) -> list[Node]:
    """A raw cell, as it was written."""
    return [listing(Text(cell.source), "markdown")] if cell.source.strip() else []
