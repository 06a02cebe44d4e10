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
