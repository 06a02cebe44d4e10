"""Every suite of the table of targets, one after the other, each with a Muster of its own: lines, and pictures."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from ops.account import Unusable
from ops.bench.charts import Chart, Shares
from ops.bench.suites import TABLE, Chosen, Outcome, Say, Suite
from ops.bench.system import System, running
from ops.bench.targets import Line, table, tally
from ops.browser import chromium

# What the targets are for. Of operations, those of the suite that has most of them.
FULL: dict[str, float] = {
    "seconds": 60, "runs": 3, "connections": 64, "users": 100_000, "entries": 1_000_000, "events": 200_000,
    "requests": 200_000, "creates": 100_000,
}  # fmt: skip
Start = Callable[[Say], AbstractContextManager[System]]
# What ends one suite and not the others: an hour's measurement is not to be lost with its last part.
_ENDS = (Unusable, psycopg.Error, RuntimeError, OSError)


def measure(
    chosen: Chosen, say: Say, *, suites: Mapping[str, Suite] = TABLE, start: Start = running
) -> dict[str, Outcome]:
    """What each found, by name. Processes and tables are new for every suite: none measures what another left."""
    found = {}
    for name, suite in suites.items():
        say(f"suite {name}")
        try:
            with start(say) as system:
                found[name] = suite(system, chosen, say)
        except _ENDS as error:
            say(f"suite {name} ended early: {error}")
            found[name] = Outcome(str(error), None, [Line(f"suite {name}", 0, None, "", note=str(error)[:200])])
    return found


def lines(found: Mapping[str, Outcome]) -> list[Line]:
    """All of them, in order."""
    return [line for outcome in found.values() for line in outcome.lines]


def lacking(chosen: Chosen) -> dict[str, float]:
    """Of what was chosen, that which is less than the targets say: what is measured so may differ from them."""
    return {name: value for name, value in chosen.given(*FULL).items() if value < FULL[name]}


def text(found: Mapping[str, Outcome], chosen: Chosen) -> str:
    """What each suite says, and the table at the end."""
    parts = [f"{name}\n{outcome.text}" for name, outcome in found.items() if outcome.text]
    every = lines(found)
    less = ", ".join(f"{name} {value:g} of {FULL[name]:g}" for name, value in lacking(chosen).items())
    parts += [table(every), tally(every)]
    return "\n\n".join(parts + ([f"Measured with less than the targets say: {less}."] if less else []))


def as_json(found: Mapping[str, Outcome], chosen: Chosen) -> dict[str, Any]:
    """For `--json`."""
    return {
        "less_than_targets": lacking(chosen),
        "suites": {name: outcome.document for name, outcome in found.items()},
        "table": [asdict(line) | {"verdict": line.verdict} for line in lines(found)],
    }


def charts(outcomes: Sequence[Outcome]) -> list[Chart]:
    """The pictures of some outcomes, that of the targets first."""
    known = [line for outcome in outcomes for line in outcome.lines if line.value is not None and line.limit]
    rows = [(line.what, (line.value or 0.0) / line.limit, line.in_short, bool(line.met)) for line in known]
    shares: list[Chart] = [Shares("targets", "Measured beside the targets", rows)] if rows else []
    return [*shares, *(chart for outcome in outcomes for chart in outcome.charts)]


def draw(outcomes: Sequence[Outcome], folder: Path, say: Say) -> list[Path]:
    """Write each picture as SVG, and as PNG where there is a browser; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chart in charts(outcomes):
        written.append(folder / f"{chart.name}.svg")
        written[-1].write_text(chart.svg())
    return written + _rasterised(written, say)


def _rasterised(pictures: Sequence[Path], say: Say) -> list[Path]:
    with chromium() as browser:
        if browser is None:
            say("no PNG: neither Chromium nor Google Chrome is on the PATH (or Playwright is not installed)")
            return []
        page = browser.new_page(viewport={"width": 900, "height": 420}, device_scale_factor=2)
        written = []
        for picture in pictures:
            page.set_content(f"<body style='margin: 0; display: inline-block'>{picture.read_text()}</body>")
            written.append(picture.with_suffix(".png"))
            page.locator("svg").screenshot(path=written[-1])
        return written
