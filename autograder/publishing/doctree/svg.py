"""SVG without scripts, addresses, other files or figures that grow without end."""

import base64
import re
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
DANGEROUS_STYLE = re.compile(r"url\s*\(\s*['\"]?(?!#)|@import|\\|expression|javascript:", re.IGNORECASE)

register_namespace("", SVG[1:-1])
register_namespace("xlink", XLINK[1:-1])


class BadSvg(Exception):
    """Not an SVG picture that can be shown."""


def safe_svg(data: bytes, raster: Callable[[bytes], bytes]) -> tuple[bytes, tuple[float, float]]:
    """Return the picture with only what is known to be harmless, and its size in pixels.

    ``raster`` decodes an embedded PNG or JPEG and returns it as a PNG.
    """
    try:
        root: Element = ElementTree.fromstring(data, forbid_dtd=False)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise BadSvg("not an image") from None
    if root.tag not in (SVG + "svg", "svg"):
        raise BadSvg("not an image")
    check_size(root)
    strip(root, raster)
    return tostring(root), size_of(root)


def check_size(root: Element) -> None:
    level, count = [root], 0
    for _ in range(MAX_NESTING):
        count += len(level)
        level = [child for element in level for child in element]
    if level or count > MAX_ELEMENTS:
        raise BadSvg("image too large")


def strip(root: Element, raster: Callable[[bytes], bytes]) -> None:
    # A shape that is used may use no other: ten levels of ten uses are ten thousand million shapes.
    nested = {
        element.get("id") for element in root.iter() for inner in element.iter(SVG + "use") if inner is not element
    }
    for parent in list(root.iter()):
        parent.attrib = {name: value for name, value in parent.attrib.items() if is_harmless(name, value)}
        for child in list(parent):
            if not keep(child, nested, raster):
                parent.remove(child)


def keep(element: Element, nested: set[str | None], raster: Callable[[bytes], bytes]) -> bool:
    name = element.tag.removeprefix(SVG) if isinstance(element.tag, str) else ""
    if name == "image":
        return embed(element, raster)
    if name == "use":
        target = element.get("href") or element.get(XLINK + "href") or ""
        return target.startswith("#") and target[1:] not in nested
    if name == "style":
        return not DANGEROUS_STYLE.search(element.text or "")
    return name in ELEMENTS


def is_harmless(name: str, value: str) -> bool:
    if name.rpartition("}")[2] == "href":
        return value.startswith(("#", "data:image/"))
    return not name.lower().startswith("on") and not DANGEROUS_STYLE.search(value)


def embed(element: Element, raster: Callable[[bytes], bytes]) -> bool:
    address = element.get("href") or element.get(XLINK + "href") or ""
    found = re.match(r"data:image/(?:png|jpeg);base64,", address)
    if not found:
        return False
    try:
        png = raster(base64.b64decode(address[found.end() :]))
    except Exception:  # whatever is wrong with a picture inside a picture, it is left out
        return False
    element.attrib.pop(XLINK + "href", None)
    element.set("href", "data:image/png;base64," + base64.b64encode(png).decode())
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
