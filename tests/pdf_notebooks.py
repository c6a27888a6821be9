"""Notebooks for the PDF tests, made in code so that a reviewer can read them."""

import base64
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

Cell = dict[str, Any]


def markdown(source: str, **more: Any) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def raw(source: str) -> Cell:
    return {"cell_type": "raw", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any], count: int | None = 1) -> Cell:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": list(outputs),
        "execution_count": count,
    }


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**bundle: Any) -> dict[str, Any]:
    """A display_data output; ``text_plain="x"`` stands for "text/plain"."""
    data = {key.replace("_", "/", 1).replace("svg", "svg+xml"): value for key, value in bundle.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def error(name: str, value: str, *traceback: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": list(traceback)}


def notebook(*cells: Cell) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


def save(path: Path, *cells: Cell) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    return path


def picture(kind: str = "PNG", size: tuple[int, int] = (320, 200)) -> bytes:
    """A plot-like picture with black ink."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.line([(10, 10), (10, size[1] - 10), (size[0] - 10, size[1] - 10)], fill="black", width=3)
    draw.line([(10, size[1] - 10), (size[0] // 2, 30), (size[0] - 10, 60)], fill="blue", width=4)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def graded(cell: Cell, grade_id: str, kind: str, points: float = 0) -> Cell:
    """nbgrader's metadata: ``kind`` is "answer", "check" or "written"."""
    metadata = {
        "grade": kind != "answer",
        "grade_id": grade_id,
        "locked": kind == "check",
        "schema_version": 3,
        "solution": kind != "check",
        "task": False,
    }
    if kind != "answer":
        metadata["points"] = points
    return {**cell, "metadata": {"nbgrader": metadata}}


def homework(*, answer_lines: int = 2, tail: str = "", first: str = "LINEAR") -> list[Cell]:
    """A small assignment: two questions checked by code, one written, and prose around them."""
    body = "\n".join(f"    step_{number} = x * {number}" for number in range(answer_lines))
    return [
        markdown("# Small homework\n\nWhat you will do."),
        code("import numpy as np", count=1),
        markdown(f"## {first} functions\n\nIntroduction to linear."),
        graded(code(f"def linear(x):\n{body}\n    return x", count=2), "linear", "answer"),
        graded(
            code("%%check\ndef test_linear(student):\n    assert True", stream("LINEAR-CHECKED\n"), count=3),
            "linear_checks",
            "check",
            4,
        ),
        markdown("## Quadratic functions\n\nIntroduction to quadratic." + tail),
        graded(code("def quadratic(x):\n    return x ** 2", count=4), "quadratic", "answer"),
        graded(
            code("%%check\ndef test_quadratic(student):\n    assert True", count=5),
            "quadratic_checks",
            "check",
            6,
        ),
        graded(markdown("Because WRITTEN-ANSWER."), "why", "written", 2.5),
        markdown("## On your own\n\nCLOSING-WORDS"),
    ]
