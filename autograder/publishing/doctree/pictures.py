"""Pictures of outputs and Markdown, decoded here so that only sound ones are drawn."""

from __future__ import annotations

import base64
import binascii
import hashlib
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
# Of a whole document: pixels to decode, shapes of SVG to draw, and bytes that its page holds. Each time that a picture
# is shown its bytes count, since a page of HTML has no other way to show one twice.
DOCUMENT_PIXELS = 250_000_000
DOCUMENT_SHAPES = 400_000
DOCUMENT_BYTES = 60_000_000
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")

# A plot of 640 pixels leaves room for the text around it.
POINTS_PER_PIXEL = 0.6
COLUMN = 460.0
TALLEST = 420.0


class BadImage(Exception):
    """Not a picture that can be shown; the message is for the page's margin."""


Size = tuple[float, float]
TOO_LARGE, TOO_MANY = "image too large", "images too many or too large"


@dataclass(frozen=True)
class Decoded:
    """The name of a file of the document, and its size in pixels."""

    name: str
    size: Size


@dataclass
class Pictures:
    """The pictures of one document, by the name that its nodes have for them."""

    folder: Path | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    pixels: int = DOCUMENT_PIXELS
    shapes: int = DOCUMENT_SHAPES
    room: int = DOCUMENT_BYTES
    known: dict[str, Decoded | BadImage] = field(default_factory=dict)

    def add(self, data: bytes, width: float | None = None) -> Picture:
        """Decode a picture, unless it is there already, and keep it. `width` is in pixels, as Jupyter's metadata says.
        Raises BadImage if it is not a picture, or too large, or one too many."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self.known:
            self.known[digest] = self._decoded(data)
        decoded = self.known[digest]
        if isinstance(decoded, BadImage):
            raise BadImage(str(decoded))
        self.room -= len(self.files[decoded.name])
        if self.room < 0:
            raise BadImage(TOO_MANY)
        return Picture(decoded.name, fitted(decoded.size, width))

    def _decoded(self, data: bytes) -> Decoded | BadImage:
        try:
            if len(data) > MAX_BYTES:
                raise BadImage(TOO_LARGE)
            suffix, content, size = self._svg(data) if looks_like_svg(data) else self._raster(data)
        except BadImage as error:
            return error
        name = f"picture-{len(self.files)}.{suffix}"
        self.files[name] = content
        return Decoded(name, size)

    def _svg(self, data: bytes) -> tuple[str, bytes, Size]:
        try:
            content, size, shapes = safe_svg(data, lambda embedded: self._raster(embedded)[:2], self.shapes)
        except BadSvg as error:
            raise BadImage(str(error)) from None
        self.shapes -= shapes
        return "svg", content, size

    def _raster(self, data: bytes) -> tuple[str, bytes, Size]:
        """Decode and write again: the copy has no chunks that we did not write."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                image = Image.open(io.BytesIO(data), formats=FORMATS)
                size = image.size
                if size[0] * size[1] > MAX_PIXELS:
                    raise BadImage(TOO_LARGE)
                self.pixels -= size[0] * size[1]
                if self.pixels < 0:
                    raise BadImage(TOO_MANY)
                image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a large JPEG is decoded smaller at once
                image.load()
        except BadImage:
            raise
        except Exception:  # Pillow's decoders raise whatever a broken file makes them raise
            raise BadImage("not an image") from None
        return *written_again(image), (float(size[0]), float(size[1]))

    def add_base64(self, text: str, width: float | None) -> Picture:
        """Decode a picture of an output or a data: address."""
        if len(text) > MAX_BYTES * 4 // 3 + 4:
            raise BadImage(TOO_LARGE)
        try:
            return self.add(base64.b64decode(re.sub(r"\s+", "", text), validate=True), width)
        except binascii.Error:
            raise BadImage("not an image") from None

    def add_text(self, text: str, width: float | None = None) -> Picture:
        """Keep an SVG, which notebooks hold as text."""
        return self.add(text.encode("utf-8", "replace"), width)

    def add_file(self, address: str, width: float | None) -> Picture:
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


def written_again(image: Image.Image) -> tuple[str, bytes]:
    """A picture as a file of ours: its suffix and content. A photograph stays a JPEG, which is a tenth of a PNG."""
    photograph = image.format == "JPEG"
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    out = io.BytesIO()
    if photograph:
        plain.save(out, "JPEG", quality=88)
        return "jpg", out.getvalue()
    plain.save(out, "PNG", compress_level=1)
    return "png", out.getvalue()


def fitted(size: Size, width: float | None) -> float:
    wide, tall = max(size[0], 0.1), max(size[1], 0.1)
    points = (width or wide) * POINTS_PER_PIXEL
    return max(1.0, min(points, COLUMN, TALLEST * wide / tall))
