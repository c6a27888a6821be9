"""SVG without scripts, addresses, other files or figures that grow without end."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable
from xml.etree.ElementTree import Element, register_namespace, tostring

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

__all__ = ["BadSvg", "safe_svg"]

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
MAX_ELEMENTS = 50_000
MAX_NESTING = 40

ELEMENTS = frozenset([
    "svg", "g", "defs", "symbol", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "text", "tspan", "title", "desc", "use", "style", "clipPath", "linearGradient", "radialGradient",
    "stop", "image",
])  # fmt: skip
GRADIENTS = (SVG + "linearGradient", SVG + "radialGradient")
REFERENCE = re.compile(r"url\s*\(\s*['\"]?#([^'\")\s]+)")
# Addresses stand in url(…), and as texts in image-set(…), src(…) and their like.
DANGEROUS_STYLE = re.compile(
    r"url\s*\(\s*['\"]?(?!#)|\(\s*['\"](?!#)|image-set|cross-fade|src\(|//|@import|\\|expression|javascript:",
    re.IGNORECASE,
)

register_namespace("", SVG[1:-1])
register_namespace("xlink", XLINK[1:-1])


class BadSvg(Exception):
    """Not an SVG picture that can be shown."""


def safe_svg(
    data: bytes, raster: Callable[[bytes], tuple[str, bytes]], most: int
) -> tuple[bytes, tuple[float, float], int]:
    """The picture with only what is known to be harmless, its size in pixels, and how many shapes it draws.

    `raster` decodes an embedded PNG or JPEG and returns its suffix and content. Raises BadSvg for what is no SVG, or
    draws more than `most` shapes.
    """
    try:
        root: Element = ElementTree.fromstring(data, forbid_dtd=False)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise BadSvg("not an image") from None
    if root.tag not in (SVG + "svg", "svg"):
        raise BadSvg("not an image")
    check_size(root)
    strip(root, raster)
    drawn = shapes(root)
    if drawn > most:
        raise BadSvg("image too large")
    return tostring(root), size_of(root), drawn


def check_size(root: Element) -> None:
    level, count = [root], 0
    for _ in range(MAX_NESTING):
        count += len(level)
        level = [child for element in level for child in element]
    if level or count > MAX_ELEMENTS:
        raise BadSvg("image too large")


def shapes(root: Element) -> int:
    """How many shapes are drawn: each element, and once more for each place that uses it or is clipped by it. Long
    attributes, such as paths, count as several."""
    costs = {element: 1 + sum(map(len, element.attrib.values())) // 100 for element in root.iter()}
    named: Counter[str] = Counter()
    for element in root.iter():
        if name := element.get("id"):
            named[name] += sum(costs[part] for part in element.iter())
    return sum(costs.values()) + sum(named[name] for element in root.iter() for name in references(element))


def named_in(value: str) -> set[str]:
    """The ids in an attribute: all of it behind a `#`, or in `url(#…)`."""
    whole = value.strip()
    return {*REFERENCE.findall(value), *([whole[1:]] if whole.startswith("#") and whole != "#" else [])}


def references(element: Element) -> set[str]:
    """The ids that an element names: those that it uses, is clipped by or is filled with."""
    return {name for value in element.attrib.values() for name in named_in(value)}


def strip(root: Element, raster: Callable[[bytes], tuple[str, bytes]]) -> None:
    # An element that others name may name nothing itself, but for colours: ten levels of ten uses are ten thousand
    # million shapes.
    gradients = {element.get("id", "") for element in root.iter() if element.tag in GRADIENTS}
    deep = {
        element.get("id", "")
        for element in root.iter()
        if element.tag not in GRADIENTS and any(references(part) - gradients for part in element.iter())
    }
    for element in root.iter():
        element.attrib = {
            name: value
            for name, value in element.attrib.items()
            if is_harmless(name, value) and not deep & named_in(value)
        }
    for parent in list(root.iter()):
        for child in list(parent):
            if not keep(child, raster):
                parent.remove(child)


def keep(element: Element, raster: Callable[[bytes], tuple[str, bytes]]) -> bool:
    name = element.tag.removeprefix(SVG) if isinstance(element.tag, str) else ""
    if name == "image":
        return embed(element, raster)
    if name == "use":
        return bool(references(element))
    if name == "style":  # one rule could clip every shape by every other
        return not DANGEROUS_STYLE.search(element.text or "") and "url" not in (element.text or "").lower()
    return name in ELEMENTS


def is_harmless(name: str, value: str) -> bool:
    if name.rpartition("}")[2] == "href":
        return value.startswith(("#", "data:image/"))
    return not name.lower().startswith("on") and not DANGEROUS_STYLE.search(value)


def embed(element: Element, raster: Callable[[bytes], tuple[str, bytes]]) -> bool:
    address = element.get("href") or element.get(XLINK + "href") or ""
    found = re.match(r"data:image/(?:png|jpeg);base64,", address)
    if not found:
        return False
    try:
        suffix, content = raster(base64.b64decode(address[found.end() :]))
    except Exception:  # whatever is wrong with a picture inside a picture, it is left out
        return False
    element.attrib.pop(XLINK + "href", None)
    kind = {"jpg": "jpeg"}.get(suffix, suffix)
    element.set("href", f"data:image/{kind};base64," + base64.b64encode(content).decode())
    return True


def size_of(root: Element) -> tuple[float, float]:
    width, height = in_pixels(root.get("width")), in_pixels(root.get("height"))
    box = re.findall(r"[-+.\deE]+", root.get("viewBox") or "")
    if not (width and height) and len(box) == 4:
        width, height = in_pixels(box[2]), in_pixels(box[3])
    return (width, height) if width and height else (400.0, 300.0)


def in_pixels(length: str | None) -> float:
    found = re.fullmatch(r"\s*(\d{1,6}(?:\.\d*)?)\s*(px|pt|in|cm|mm)?\s*", length or "")
    scale = {"pt": 96 / 72, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
    return float(found[1]) * scale.get(found[2], 1.0) if found else 0.0
