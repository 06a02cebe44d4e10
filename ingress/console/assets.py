"""Static files under names that carry their content's digest, and icons as inline SVG. Read once, at start."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_REFERENCE = re.compile(rb"url\((fonts/[\w.-]+)\)")
_COMPRESSED = (".css", ".js", ".svg")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: where it is served, its bytes, and the same compressed where that is worth it."""

    path: str
    media_type: str
    content: bytes
    compressed: bytes | None


@cache
def assets() -> dict[str, Asset]:
    """Every file by the path that it has below `static`."""
    found: dict[str, Asset] = {}
    # A stylesheet names the fonts, whose names must be known first.
    for file in sorted(FOLDER.rglob("*"), key=lambda file: (file.suffix == ".css", file)):
        if file.suffix in _TYPES and file.parent.name != "icons":
            asset = _asset(file, found)
            found[file.relative_to(FOLDER).as_posix()] = asset
    return found


def _asset(file: Path, known: dict[str, Asset]) -> Asset:
    content = file.read_bytes()
    if file.suffix == ".css":
        content = _REFERENCE.sub(lambda found: b"url(" + known[found[1].decode()].path.encode() + b")", content)
    digest = hashlib.sha256(content).hexdigest()[:12]
    path = f"/static/{file.stem}.{digest}{file.suffix}"
    return Asset(path, _TYPES[file.suffix], content, gzip.compress(content, 9) if file.suffix in _COMPRESSED else None)


@cache
def by_path() -> dict[str, Asset]:
    """Every file by the path at which it is served."""
    return {asset.path: asset for asset in assets().values()}


def asset_path(name: str) -> str:
    """Where a file is served, for templates."""
    return assets()[name].path


@cache
def icon(name: str, classes: str = "") -> Markup:
    """A Lucide icon; decoration alone, hence hidden from screen readers."""
    svg = (FOLDER / "icons" / f"{name}.svg").read_text()
    inner = svg.partition("<svg")[2].partition(">")[2].rpartition("</svg>")[0].strip()
    return Markup(
        '<svg class="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round"'
        ' stroke-linejoin="round" aria-hidden="true">{}</svg>'
    ).format(escape(f"i {classes}".strip()), Markup(inner))
