"""Import directions: models knows nobody, ops knows models, the two tops never meet."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "models": set[str](),
    "ops": {"models"},
    "ingress": {"models", "ops"},
    "workers": {"models", "ops"},
}


def imported(source: Path) -> Iterator[str]:
    """The top-level packages that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "relative" if node.level else (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_go_one_way(package: str) -> None:
    forbidden = {*ALLOWED, "tests", "relative"} - {package} - ALLOWED[package]
    files = sorted((ROOT / package).rglob("*.py"))

    found = {str(file.relative_to(ROOT)): set(imported(file)) & forbidden for file in files}

    assert files
    assert {file: names for file, names in found.items() if names} == {}
