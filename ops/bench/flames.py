"""A flame graph out of stacks that a profiler has folded: `python -m ops.bench.flames STACKS PICTURE TITLE [FROM]`.

STACKS has a line for each stack, `outermost;…;innermost COUNT`, as `py-spy record --gil --nonblocking -f raw` writes
them. FROM is a regular expression: what calls the first frame that it matches is left out, and so are stacks without
one, torn as they are where they were read while they changed. The picture is one SVG without a script; a frame's whole
name and share are its tooltip.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from zlib import crc32

WIDTH, ROW, LEAST = 1200.0, 17, 1.5  # pixels; narrower frames are left out
_STYLE = (
    "text{font:11px ui-monospace,monospace;fill:#1c1c1c;pointer-events:none}.t{font:15px sans-serif;fill:#555}"
    "@media(prefers-color-scheme:dark){.t{fill:#bbb}}rect{stroke:#fff8;stroke-width:.5}"
)
_PLACE = re.compile(r" \((?:[^()]*/)?([^/()]+/[^/():]+)(?::\d+)?\)$| \(([^/():]+)(?::\d+)?\)$")


@dataclass
class Frame:
    """A function, how many samples were in it, and whom it called."""

    name: str
    samples: int = 0
    inner: dict[str, "Frame"] = field(default_factory=dict)


def gathered(stacks: Iterable[str], since: str = "") -> Frame:
    """The tree of folded stacks, from the first frame that `since` matches."""
    root = Frame("all")
    for line in stacks:
        names, _, count = line.rpartition(" ")
        frames = [_PLACE.sub(lambda found: f" ({found[1] or found[2]})", name) for name in names.split(";")]
        begins = next((n for n, name in enumerate(frames) if re.match(since, name)), None)
        if begins is None or not count.strip().isdigit():
            continue
        here = root
        here.samples += int(count)
        for name in frames[begins:]:
            here = here.inner.setdefault(name, Frame(name))
            here.samples += int(count)
    return root


def picture(root: Frame, title: str) -> str:
    """The SVG, the outermost frame at the bottom."""
    boxes = list(_boxes(root, 0.0, 0, WIDTH / max(1, root.samples)))
    height = ROW * (2 + max((depth for *_, depth in boxes), default=0) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height}" role="img">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<text class="t" x="4" y="16">{escape(title)}: {root.samples:,} samples</text>'
    ]
    for frame, left, width, depth in boxes:
        top, share = height - ROW * (depth + 1), frame.samples / root.samples
        shown = frame.name[: max(0, int(width / 6.7) - 1)]
        parts.append(
            f'<g><title>{escape(frame.name)}, {share:.1%}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}"'
            f' height="{ROW - 1}" fill="{_colour(frame.name)}"/>'
            + (f'<text x="{left + 3:.1f}" y="{top + 12}">{escape(shown)}</text>' if len(shown) > 3 else "")
            + "</g>"
        )
    return "".join([*parts, "</svg>\n"])


def _boxes(frame: Frame, left: float, depth: int, scale: float) -> Iterator[tuple[Frame, float, float, int]]:
    for inner in sorted(frame.inner.values(), key=lambda one: one.name):
        width = inner.samples * scale
        if width >= LEAST:
            yield inner, left, width, depth
            yield from _boxes(inner, left, depth + 1, scale)
        left += width


def _colour(name: str) -> str:
    """Ours warm, what is from elsewhere cool; the same for the same name."""
    number = crc32(name.encode())
    ours = re.search(r"\((?:ingress|models|workers|ops|scim)/", name)
    return f"hsl({(number % 45 if ours else 170 + number % 60)},{60 + number // 64 % 20}%,{66 + number // 4096 % 10}%)"


if __name__ == "__main__":
    stacks, drawn, title, *since = sys.argv[1:]
    Path(drawn).write_text(picture(gathered(Path(stacks).read_text(errors="replace").splitlines(), *since), title))
