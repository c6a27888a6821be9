"""Pages of HTML that need no network and no script: one template for the nodes of cells, one style for all."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from autograder.publishing.colours import DARK, readable_on
from autograder.text import in_percent, in_points

__all__ = ["TEMPLATES", "render", "title"]

TEMPLATES = Path(__file__).with_name("templates")
MIMETYPES = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}


def render(template: str, pictures: Mapping[str, bytes], **values: Any) -> str:
    """A page, or a part of one, with `pictures` inside; every text in `values` is escaped."""
    return environment().get_template(template).render(images=Addresses(pictures), **values)


class Addresses(dict[str, str]):
    """The `data:` address of each picture, made when the page asks for it."""

    def __init__(self, pictures: Mapping[str, bytes]) -> None:
        super().__init__()
        self.pictures = pictures

    def __missing__(self, name: str) -> str:
        self[name] = data_address(name, self.pictures[name])
        return self[name]


@cache
def environment() -> Environment:
    """The templates."""
    loader = FileSystemLoader(TEMPLATES)
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {
        "number": in_points,
        "percent": in_percent,
        "score": score,
        "question": title,
        "in_dark": partial(readable_on, DARK),
    }
    made.globals["unknown_kind"] = unknown_kind
    return made


def unknown_kind(kind: str) -> str:
    raise ValueError(f"nodes.html.j2 cannot draw a {kind}")


def score(points: float | None) -> str:
    """Points that may not be there."""
    return "–" if points is None else in_points(points)


def title(grade_id: str) -> str:
    """A grade cell's name as that of a question: without what says that it holds the checks."""
    return grade_id.removesuffix("_checks")


def data_address(name: str, content: bytes) -> str:
    return f"data:{MIMETYPES[Path(name).suffix]};base64,{base64.b64encode(content).decode()}"
