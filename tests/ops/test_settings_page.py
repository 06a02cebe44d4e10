"""docs/settings.md, and the help of what reads the settings, have what is read."""

import re
from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from click.testing import CliRunner

from ops.cli import main
from ops.settings import PREFIX, SECRETS, LogLevel, Settings
from tests.ops.dockerfile import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()
NAME = re.compile(rf"\b{PREFIX}[A-Z_]*[A-Z]\b")
KINDS = msgspec.inspect.type_info(Settings)
assert isinstance(KINDS, msgspec.inspect.StructType)
FIELDS = {f"{PREFIX}{field.encode_name.upper()}": field for field in KINDS.fields}
READERS = ("models/**/*.py", "ops/**/*.py", "ingress/**/*.py", "workers/**/*.py", "muster", "docker-compose.yml")


def rows() -> Iterator[tuple[list[str], list[str]]]:
    """The variables of each row, and its other cells."""
    for line in PAGE.splitlines():
        if line.startswith(f"| `{PREFIX}"):
            first, *others = (cell.strip() for cell in line.strip("|").split(" | "))
            yield NAME.findall(first), others


ROWS = {name: cells for names, cells in rows() for name in names}


def type_of(kind: msgspec.inspect.Type) -> str:
    """A setting's type in the page's words."""
    match kind:
        case msgspec.inspect.IntType(ge=least, le=None):
            return f"from {least}"
        case msgspec.inspect.IntType(ge=least, le=most):
            return f"{least} to {most}"
        case msgspec.inspect.LiteralType():
            return "{}, {}, {} or {}".format(*get_args(LogLevel))
        case msgspec.inspect.UnionType(types=types):
            return type_of(types[0])
    return "text"


def test_the_page_has_every_variable_that_is_read_and_no_other() -> None:
    read = {
        name
        for pattern in READERS
        for path in ROOT.glob(pattern)
        for name in NAME.findall(path.read_text())
        if "__pycache__" not in path.parts
    }
    secrets = {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}

    assert ROWS.keys() >= FIELDS.keys() | secrets
    assert set(NAME.findall(PAGE)) == read | FIELDS.keys() | secrets


@pytest.mark.parametrize("name", FIELDS)
def test_the_page_has_a_settings_type_and_default(name: str) -> None:
    kind, default, _ = ROWS[name]
    field = FIELDS[name]

    assert kind == type_of(field.type)
    if field.default:
        assert default == f"`{field.default}`"
    else:
        assert default.startswith("none") or default == f"`{field.default}`"


@pytest.mark.parametrize(("command", "kind"), [("ingress", "INGRESS"), ("workers", "WORKER")])
def test_the_help_has_the_settings_that_matter_and_says_where_all_are(command: str, kind: str) -> None:
    told = CliRunner().invoke(main, [command, "--help"]).output
    named = set(NAME.findall(told))

    matter = {"MUSTER_DATABASE_URL", "MUSTER_REDIS_URL", "MUSTER_INTERNAL_PORT", f"MUSTER_{kind}_PROCESSES"}
    assert matter <= named <= ROWS.keys()
    assert "docs/settings.md" in told
    for line in told.splitlines():
        for name in named & FIELDS.keys() & set(NAME.findall(line)):
            default = FIELDS[name].default
            assert name.lower().removeprefix("muster_") in SECRETS or not default or str(default) in line
