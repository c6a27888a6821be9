"""Pictures of outputs and Markdown, decoded here so that what draws them gets only what is known to be sound."""

import base64
import binascii
import io
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from autograder.files import read_inside
from autograder.publishing.doctree.nodes import Picture
from autograder.publishing.doctree.svg import BadSvg, safe_svg

__all__ = ["BadImage", "Pictures"]

MAX_BYTES = 30_000_000
MAX_PIXELS = 40_000_000
MAX_SIDE = 2_400
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")

# A plot of 640 pixels shall leave room for the text around it.
POINTS_PER_PIXEL = 0.6
COLUMN = 460.0
TALLEST = 420.0


class BadImage(Exception):
    """Not a picture that can be shown; the message is for the page's margin."""


@dataclass
class Pictures:
    """The pictures of one document, by the name that its nodes have for them."""

    folder: Path | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, data: bytes, width: float | None = None) -> Picture:
        """Decode a picture and keep it. ``width`` is in pixels, as Jupyter's metadata says it.

        Raises:
            BadImage: when it is not a picture, or too large.
        """
        if len(data) > MAX_BYTES:
            raise BadImage("image too large")
        suffix, content, size = read_svg(data) if looks_like_svg(data) else read_raster(data)
        name = f"picture-{len(self.files)}.{suffix}"
        self.files[name] = content
        return Picture(name, fitted(size, width))

    def add_base64(self, text: str, width: float | None = None) -> Picture:
        """Decode a picture of an output or a data: address."""
        if len(text) > MAX_BYTES * 4 // 3 + 4:
            raise BadImage("image too large")
        try:
            return self.add(base64.b64decode(re.sub(r"\s+", "", text), validate=True), width)
        except binascii.Error:
            raise BadImage("not an image") from None

    def add_text(self, text: str, width: float | None = None) -> Picture:
        """Keep an SVG, which notebooks hold as text."""
        return self.add(text.encode("utf-8", "replace"), width)

    def add_file(self, address: str, width: float | None = None) -> Picture:
        """Read a picture that lies in the notebook's folder, and nowhere else."""
        if self.folder is None or re.match(r"[a-z][a-z0-9+.-]*:|//", address, re.IGNORECASE):
            raise BadImage("image not fetched")
        try:
            return self.add(read_inside(self.folder, unquote(address), MAX_BYTES + 1), width)
        except PermissionError:
            raise BadImage("image outside of the folder") from None
        except OSError:
            raise BadImage("image missing") from None


def looks_like_svg(data: bytes) -> bool:
    return re.match(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE|!--|svg)", data[:200]) is not None


def read_svg(data: bytes) -> tuple[str, bytes, tuple[float, float]]:
    try:
        content, size = safe_svg(data, lambda embedded: read_raster(embedded)[1])
    except BadSvg as error:
        raise BadImage(str(error)) from None
    return "svg", content, size


def read_raster(data: bytes) -> tuple[str, bytes, tuple[float, float]]:
    """Decode and write again: the copy has no chunks that we did not write."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            size = image.size
            if size[0] * size[1] > MAX_PIXELS:
                raise BadImage("image too large")
            image.load()
    except BadImage:
        raise
    except Exception:  # Pillow's decoders raise whatever a broken file makes them raise.
        raise BadImage("not an image") from None
    return "png", as_png(image), (float(size[0]), float(size[1]))


def as_png(image: Image.Image) -> bytes:
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.thumbnail((MAX_SIDE, MAX_SIDE))
    out = io.BytesIO()
    plain.save(out, "PNG", compress_level=1)
    return out.getvalue()


def fitted(size: tuple[float, float], width: float | None) -> float:
    wide, tall = max(size[0], 0.1), max(size[1], 0.1)
    points = (width or wide) * POINTS_PER_PIXEL
    return max(1.0, min(points, COLUMN, TALLEST * wide / tall))
