"""What a runbook prints in italics is there to be found: dashboards, their panels, and what the console shows."""

import re
from collections.abc import Iterator
from pathlib import Path

from ops.dashboards.__main__ import BOARDS
from ops.dashboards.asking import panels
from tests.ops.test_alerts import PAGES, ROOT, each_page

PANELS = {board.title: {panel["title"] for panel in panels(board.document())} for board in BOARDS}
TITLES = set(PANELS).union(*PANELS.values())
CONSOLE = ROOT / "ingress" / "console"
# Words of other people's consoles, by the page that sends there; and an alert's severities.
ELSEWHERE = {
    "MusterIdpQuiet": {"Ticket", "Page", "Provisioning"},
    "MusterQuarantineRisk": {"Restart provisioning"},
    "MusterTokenExpires": {"Provisioning › Integration", "Provisioning › Admin Credentials"},
}


def items(page: Path) -> Iterator[str]:
    """The paragraphs and the items of lists, each in one line, without code."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.S)
    for item in re.split(r"\n(?=\n|#|- |\d+\. )", prose):
        yield " ".join(item.split())


def italics(item: str) -> list[str]:
    return re.findall(r"\*([^*]+)\*", item)


def asked_of(page: Path) -> Iterator[tuple[str, str]]:
    """(dashboard, panel) wherever an item names a dashboard, or says that it means the same one."""
    board = ""
    for item in items(page):
        named = re.search(r"[Dd]ashboard \*([^*]+)\*", item)
        board = named[1] if named else board
        if named or "The same: " in item:
            yield from ((board, panel) for panel in italics(item) if panel != board)


def shown_by_the_console() -> str:
    """All words of the console, as they are in its files, and with … for what a page fills in."""
    text = "\n".join(path.read_text() for path in CONSOLE.rglob("*") if path.suffix in (".html", ".py"))
    return text + re.sub(r"\{\{.*?\}\}", "…", text)


@each_page
def test_the_panels_that_a_runbook_looks_at_are_on_the_dashboard_that_it_names(page: Path) -> None:
    asked = list(asked_of(page))

    assert {board for board, _ in asked} <= PANELS.keys()
    assert [(board, panel) for board, panel in asked if panel not in PANELS[board]] == []


@each_page
def test_no_runbook_prints_a_name_in_italics_that_is_nowhere_to_be_found(page: Path) -> None:
    named = {name for item in items(page) for name in italics(item)}
    console = shown_by_the_console()

    unknown = named - TITLES - ELSEWHERE.get(page.stem, set())
    assert [name for name in unknown if not re.search(rf"\b{re.escape(name)}\b", console)] == []


def test_most_runbooks_look_at_a_dashboard() -> None:
    assert len([page for page in PAGES if list(asked_of(page))]) > len(PAGES) / 2
