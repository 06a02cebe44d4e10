"""Imports of people: files that were brought, what their columns seem to be, and how far each is."""

from datetime import datetime
from typing import Annotated, Any, BinaryIO, Literal

from msgspec import Meta, Struct

from ingress.api import cursors
from ingress.api.cursors import Next, Paged
from ingress.api.desk import Desk
from ingress.api.operation import operation
from ingress.api.samples import LATER, OPERATOR, OTHER_ID, WHEN
from models import audit, connection
from models.imports import matching, runs, store
from models.imports.encoding import OLD
from models.imports.matching import Matching
from models.imports.store import Import

NOUN = "Imports"
PATH = "/lists/{list_id}/imports"
ONE = PATH + "/{import_id}"
FILLS = "a field by key or label, `uid`, `@status` (Active or Inactive), or empty for nothing"


class UploadQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the file is called."""

    name: Annotated[str, Meta(description="The file's name, as the import is listed.", max_length=250)] = ""
    encoding: Annotated[
        Literal[tuple(OLD)] | None,  # type: ignore[valid-type]
        Meta(description="What a file that is no UTF-8 or UTF-16 is in; Windows-1252 or Mac Roman if it is not said."),
    ] = None


class ImportMatching(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the columns fill, and how values are read."""

    columns: Annotated[
        dict[str, str],
        Meta(description=f"By the column's name: {FILLS}. Columns that are not named fill what they seem to be."),
    ] = {}
    dates: Annotated[
        Literal["iso", "day", "month"], Meta(description="03/04/2026 is 3 April (day), 4 March (month), or refused.")
    ] = "iso"
    decimal_comma: Annotated[bool, Meta(description="Whether 1.234,5 is a number.")] = False
    clear_empty: Annotated[bool, Meta(description="Whether an empty cell clears what the person has.")] = False


class ImportColumn(Struct, kw_only=True):
    """A column of the file."""

    name: str
    guess: Annotated[str, Meta(description="What it seems to fill: `uid`, `@status`, a field's key, or nothing.")]


class ImportItem(Struct, kw_only=True):
    """An import as it is listed."""

    id: str
    name: Annotated[str, Meta(description="The file's.")]
    state: Annotated[str, Meta(description="uploaded, previewing, previewed, running, done, stopped or failed.")]
    rows: int
    done: Annotated[int, Meta(description="How many of them the preview, or the run, is done with.")]
    counts: Annotated[
        dict[str, int],
        Meta(
            description="Rows of each outcome (created, updated, unchanged, refused), of the run or else the preview;"
            " and `locked`: those of them that have a field left alone which the identity provider writes."
        ),
    ]
    error: Annotated[str | None, Meta(description="Why it cannot go on.")]
    kept: Annotated[bool, Meta(description="Whether its rows are still there: they go 30 days after the upload.")]
    created_by: str
    created_at: datetime
    changed_at: datetime


class ImportDetail(ImportItem, kw_only=True):
    """An import with the columns of its file."""

    columns: list[ImportColumn]
    matching: Annotated[ImportMatching | None, Meta(description="What the last preview was asked for.")]


class Imports(Struct, kw_only=True):
    """A page of imports, newest first."""

    items: list[ImportItem]
    next_cursor: Next = None


COUNTS = {"created": 1, "updated": 1, "unchanged": 0, "refused": 1, "locked": 0}
FACTS: dict[str, Any] = {
    "id": OTHER_ID, "name": "joiners.csv", "state": "previewed", "rows": 3, "done": 3, "counts": COUNTS, "error": None,
    "kept": True, "created_by": OPERATOR, "created_at": WHEN, "changed_at": LATER,
}  # fmt: skip
COLUMNS = [ImportColumn(name="Staff ID", guess="uid"), ImportColumn(name="House", guess="house")]
DETAIL = ImportDetail(
    **FACTS, columns=COLUMNS, matching=ImportMatching(columns={"Staff ID": "uid", "House": "house"}, dates="day")
)
UPLOADED = ImportDetail(
    **FACTS | {"state": "uploaded", "done": 0, "counts": {}}, columns=COLUMNS, matching=None
)  # fmt: skip


@operation("GET", PATH, NOUN, Imports(items=[ImportItem(**FACTS)]))
def list_imports(at: Desk, query: Paged) -> Imports:
    """List imports.

    Newest first.
    """
    before = cursors.read("imports", query.cursor, datetime)
    listed = store.listing(at.cursor, at.list.id, query.limit + 1, before)
    shown = listed[: query.limit]
    last = shown[-1].created_at if len(listed) > query.limit else None
    items = [ImportItem(**_facts(one)) for one in shown]
    return Imports(items=items, next_cursor=cursors.write("imports", last))


def _facts(one: Import) -> dict[str, Any]:
    same = ("id", "name", "state", "done", "error", "kept", "created_by", "created_at", "changed_at")
    return {"rows": one.total, "counts": one.told, **{name: getattr(one, name) for name in same}}


@operation("POST", PATH, NOUN, UPLOADED, "Staff ID,House\r\nEMP001,North\r\nEMP002,South\r\n", status=201)
def upload_import(at: Desk, query: UploadQuery, file: BinaryIO) -> ImportDetail:
    """Upload a file of people.

    CSV as spreadsheets write it, up to 64 MB: UTF-8, UTF-16, or what `encoding` says; commas, semicolons, tabs or
    bars; the first row names the columns. Nothing of the list is changed. Two files at a time are taken: 503 while
    others come.
    """
    one = store.stage(at.cursor, at.list.id, query.name, at.caller.who, file, query.encoding or "")
    audit.record(at.cursor, at.caller, at.list.id, "import.upload", one.summary)
    at.headers["Location"] = f"/api/v1/lists/{at.list.id}/imports/{one.id}"
    return detail(at, one)


def detail(at: Desk, one: Import) -> ImportDetail:
    """An import as it is answered."""
    identifier = connection.unique_identifier(at.cursor, at.list.id)
    guessed = matching.guess(one.columns, at.list.fields, identifier).targets
    columns = [ImportColumn(name=name, guess=guess) for name, guess in zip(one.columns, guessed, strict=True)]
    chosen = _matching(one, one.matching) if one.matching else None
    return ImportDetail(**_facts(one), columns=columns, matching=chosen)


def _matching(one: Import, chosen: Matching) -> ImportMatching:
    columns: dict[str, str] = dict(zip(one.columns, chosen.targets, strict=True))
    dates: Any = chosen.dates
    return ImportMatching(columns=columns, dates=dates, decimal_comma=chosen.comma, clear_empty=chosen.clear)


def found(at: Desk, import_id: str) -> Import:
    """An import of the list."""
    return store.find(at.cursor, at.list.id, import_id.lower())


@operation("GET", ONE, NOUN, DETAIL)
def get_import(at: Desk, import_id: str) -> ImportDetail:
    """Read an import.

    While it is `previewing` or `running` workers are at it: read it again to see how far they are.
    """
    return detail(at, found(at, import_id))


@operation("DELETE", ONE, NOUN)
def discard_import(at: Desk, import_id: str) -> None:
    """Discard an import.

    Forgets a file that was not run; what has changed the list stays.
    """
    one = found(at, import_id)
    runs.discard(at.cursor, at.list.id, one.id)
    audit.record(at.cursor, at.caller, at.list.id, "import.discard", one.name)


OPERATIONS = [list_imports, upload_import, get_import, discard_import]
