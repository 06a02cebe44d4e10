"""Documents that name a test name one that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall((ROOT / "docs" / page).read_text())

    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / "tests" / path).exists() or f"def {test}(" not in (ROOT / "tests" / path).read_text()
    ]

    assert missing == []


def test_every_threat_has_a_test_that_guards_it() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    lines = [line for line in page.splitlines() if re.match(r"\| [STRIDE] \|", line)]

    assert {line[2] for line in lines} == set("STRIDE")
    assert [line for line in lines if not NAMED.search(line.split("|")[4])] == []
